"""What the lab promises, tried on real guests and in the ways that break it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import LabUnderTest


def test_guests_of_both_releases(lab: LabUnderTest) -> None:
    lab.ok("up", "one")
    lab.ok("up", "two", "--release", "bookworm", "--memory", "384M")
    status = {line.split()[0]: line.split()[1:] for line in lab.ok("status").splitlines()}
    assert [status["one"][0], status["one"][2]] == ["trixie", "up"]
    assert [status["two"][0], status["two"][2]] == ["bookworm", "up"]

    # Words, input and exit status pass unchanged.
    words = ["a  b", "c'd", 'e"f', "$HOME", "*", ""]
    script = "import json, sys; print(json.dumps([sys.argv[1:], sys.stdin.read()])); sys.exit(7)"
    done = lab.run("exec", "one", "--", "python3", "-c", script, *words, input="line 1\n\nline 3")
    assert json.loads(done.stdout) == [words, "line 1\n\nline 3"]
    assert done.returncode == 7

    # As an Ubuntu server starts: networkd, resolved on port 53, a link to its stub. No unit failed.
    for name in ("one", "two"):
        assert lab.ok("exec", name, "--", "systemctl", "is-system-running", "--wait") == "running\n"
        assert lab.ok("exec", name, "--", "readlink", "/etc/resolv.conf") == "../run/systemd/resolve/stub-resolv.conf\n"
        assert "127.0.0.53%lo:53" in lab.ok("exec", name, "--", "ss", "-Hlnu", "sport", "=", ":53")
        assert lab.ok("exec", name, "--", "networkctl", "--no-legend", "list", "vec0").split()[-2] == "routable"
        # Hundreds of terminals would be units, and make every reload of systemd slow.
        assert "tty" not in lab.ok("exec", name, "--", "systemctl", "list-units", "--no-legend", "--type=device")

    # No datagram between them is lost, and none waits in a kernel that sleeps.
    echo = "import os, socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 9999)); os.closerange(0, 3)\n"
    echo += "if not os.fork():\n  while True: s.sendto(*s.recvfrom(99))"
    lab.ok("exec", "one", "--", "python3", "-c", echo)
    ask = f"import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.connect(('{status['one'][1]}', 9999))\n"
    ask += "s.settimeout(1)\nfor i in range(10000): s.send(b'%d' % i); assert s.recv(99) == b'%d' % i"
    lab.ok("exec", "two", "--", "python3", "-c", ask)

    # They reach each other, and a package mirror by name; 8.8.8.8 answers DNS as the lab's resolver; no other way out.
    lab.ok("exec", "one", "--", "ping", "-c1", "-W2", status["two"][1])
    ask = "import sys; sys.path.insert(0, '/root'); import socket; s = socket.socket(type=socket.SOCK_DGRAM); "
    ask += "s.settimeout(3); q = b'\\x12\\x34\\1\\0\\0\\1' + bytes(6) + b'\\0\\0\\2\\0\\1'; "  # the root's name servers
    ask += "s.sendto(q, ('8.8.8.8', 53)); print(s.recv(4096)[:2] == q[:2])"
    assert lab.ok("exec", "two", "--", "python3", "-c", ask) == "True\n"
    lab.ok("exec", "one", "--", "apt-get", "update", "-qq")
    shut = "import socket; socket.create_connection(('8.8.8.8', 22), timeout=1)"
    assert lab.run("exec", "one", "--", "python3", "-c", shut).returncode != 0

    # A reboot keeps the disk and the network.
    lab.ok("exec", "one", "--", "sh", "-c", "echo kept > /root/file && sync")
    before = lab.ok("exec", "one", "--", "cat", "/proc/sys/kernel/random/boot_id")
    lab.ok("reboot", "one")
    assert lab.ok("exec", "one", "--", "cat", "/root/file") == "kept\n"
    assert lab.ok("exec", "one", "--", "cat", "/proc/sys/kernel/random/boot_id") != before
    lab.ok("exec", "one", "--", "ping", "-c1", "-W2", status["two"][1])

    # Who waits for an answer of a guest that is reset is told.
    reset = "(sleep 1; systemctl reboot --force --force) & sleep 600"
    assert lab.run("exec", "two", "--", "sh", "-c", reset, timeout=60).returncode == 255

    # One goes, the other stays; the last one takes everything along, a kept ssh connection too.
    lab.ok("down", "two")
    assert [line.split()[0] for line in lab.ok("status").splitlines()] == ["one"]
    subprocess.run(
        ["ssh", "-F", lab.state.ssh_config, "-fN", f"one.{lab.state.domain}"], check=True, stderr=subprocess.DEVNULL
    )
    assert any("-fN" in words for words in lab.processes())
    lab.ok("down")
    lab.assert_nothing_left()


def test_ansible_reaches_the_guests_from_the_users_own_shell(lab: LabUnderTest) -> None:
    lab.ok("up", "one")
    ping = ["ansible", "-i", str(lab.state.inventory), "all", "-m", "ansible.builtin.ping"]
    done = subprocess.run(ping, check=False, capture_output=True, text=True, cwd="/")
    assert "one | SUCCESS" in done.stdout, done.stdout + done.stderr
    assert lab.ok("inventory") == lab.state.inventory.read_text()
    lab.ok("down")
    lab.assert_nothing_left()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_up_that_is_ended_while_guests_boot(lab: LabUnderTest, sent: signal.Signals) -> None:
    process = lab.start("up", "one")
    while not (lab.state.guest_folder("one") / "pid").exists():
        time.sleep(0.02)
        assert process.poll() is None, process.communicate()
    process.send_signal(sent)
    assert process.wait(timeout=20) != 0
    if sent is signal.SIGKILL:  # it cannot tidy up any more; the next command can
        lab.ok("up", "one", "two")
        assert lab.ok("exec", "two", "--", "hostname") == "two\n"
        lab.ok("down")
    lab.assert_nothing_left()


def test_a_guest_ends_with_its_supervisor_and_up_recovers(lab: LabUnderTest) -> None:
    lab.ok("up", "one", "two")
    for name in ("one", "two"):
        os.kill(int((lab.state.guest_folder(name) / "pid").read_text()), signal.SIGKILL)
    deadline = time.monotonic() + 5
    while lab.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lab.processes() == []  # slirp4netns went with the last guest
    assert [line.split()[-1] for line in lab.ok("status").splitlines()] == ["ended", "ended"]
    failed = lab.run("exec", "one", "--", "true")
    assert (failed.returncode, "one does not run any more" in failed.stderr) == (1, True)
    lab.ok("up", "one")
    assert lab.ok("exec", "one", "--", "hostname") == "one\n"


def test_labs_side_by_side_do_not_collide(lab: LabUnderTest) -> None:
    other = type(lab)(lab.state.name + "-other")
    try:
        assert [lab.start("up", "one").wait(timeout=60), other.start("up", "one").wait(timeout=60)] == [0, 0]
        lab.ok("exec", "one", "--", "touch", "/here")
        assert other.run("exec", "one", "--", "test", "-e", "/here").returncode == 1
        lab.ok("down")
        assert other.ok("exec", "one", "--", "hostname") == "one\n"
    finally:
        other.run("down")
    other.assert_nothing_left()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up", "Not_A_Name"], "guest 'Not_A_Name': use 1 to 32 lower-case letters"),
        (["up", "one", "--memory", "12"], "'12': write a whole number with M or G"),
        (["up", "one", "--release", "woody"], "invalid choice: 'woody'"),
        (["down", "nobody"], "no guest nobody"),
        (["exec", "nobody", "--", "true"], "no guest 'nobody'"),
        (["--lab", "no/lab", "status"], "lab 'no/lab': use 1 to 32"),
    ],
)
def test_wrong_words_are_refused_and_named(lab: LabUnderTest, words: list[str], said: str) -> None:
    done = lab.run(*words)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    lab.assert_nothing_left()


def test_a_mirror_that_does_not_answer(lab: LabUnderTest, tmp_path: Path) -> None:
    done = lab.run("up", env={"LAB_CACHE": str(tmp_path), "LAB_MIRROR": "http://127.0.0.1:9/debian"})
    assert done.returncode == 1
    assert "fetching the kernel failed" in done.stderr
    assert "LAB_MIRROR" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kernel.lock"]  # nothing half-built
    lab.assert_nothing_left()


def test_a_missing_tool_is_named_with_the_command_that_gets_it(lab: LabUnderTest, tmp_path: Path) -> None:
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from lablib import cli, host; host.SYSTEM_PATH = ''; "
    code += "sys.exit(cli.main())"
    folder = str(Path(lab.command[1]).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, folder, "up"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "- no command slirp4netns" in done.stderr
    assert "sudo apt-get install --no-install-recommends " in done.stderr
