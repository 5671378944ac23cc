"""The lab's network: a namespace with a bridge for the guests and slirp4netns for the way out.

No process keeps the namespace: it lives as long as a guest in it, and takes bridge, taps and rules along when it goes.
Out go DNS and HTTP(S), which is what installing packages takes; everything else stays inside.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import zlib
from collections.abc import Iterator

from .errors import LabError
from .progress import last_lines
from .state import Lab

ROUTER = "10.77.0.1"
PREFIX = 16
NETMASK = "255.255.0.0"
RESOLVER = "10.0.2.3"  # slirp4netns's own: it asks the resolver of the host

# 8.8.8.8 is the reference system's upstream: inside the lab it is the lab's own resolver.
SETUP = f"""
set -eu
ip link set lo up
ip link add br0 type bridge
ip address add {ROUTER}/{PREFIX} dev br0
ip link set br0 up
echo 1 >/proc/sys/net/ipv4/ip_forward
nft -f - <<'RULES'
table ip lab {{
    chain allowed {{
        type filter hook forward priority filter; policy drop;
        iifname "br0" oifname "br0" accept
        ct state established,related accept
        oifname "tap0" tcp dport {{ 80, 443 }} accept
        oifname "tap0" ip daddr {RESOLVER} meta l4proto {{ tcp, udp }} th dport 53 accept
    }}
    chain resolver {{
        type nat hook prerouting priority dstnat;
        ip daddr 8.8.8.8 meta l4proto {{ tcp, udp }} th dport 53 dnat to {RESOLVER}
    }}
    chain way_out {{
        type nat hook postrouting priority srcnat;
        oifname "tap0" masquerade
    }}
}}
RULES
echo ready
read -r _ || :
"""


def address(guest: str) -> str:
    """The guest's address, fixed by its name alone. 10.77.0.0 to 10.77.99.255 are free for what is built in the lab."""
    number = zlib.crc32(guest.encode())
    return f"10.77.{100 + number // 254 % 100}.{1 + number % 254}"


def mac(guest: str) -> str:
    """A locally administered MAC address made of the guest's IPv4 address."""
    return "52:54:" + ":".join(f"{int(octet):02x}" for octet in address(guest).split("."))


def tap(guest: str) -> str:
    """The name of the guest's tap: at most 15 characters, as fixed as its address."""
    return "tap" + "".join(f"{int(octet):02x}" for octet in address(guest).split("."))


def enter(pid: int, command: list[str]) -> list[str]:
    """The command that runs `command` in the namespaces of process `pid`, a member of the lab."""
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    return ["nsenter", f"--target={pid}", "--net", *user, "--", *command]


@contextlib.contextmanager
def network(lab: Lab, member: int | None) -> Iterator[int]:
    """Give a process in the lab's namespace, by its id: `member` if there is one, otherwise one for this block only.

    Guests that are started in the block keep the namespace after it.
    """
    if member is not None:
        with uplink(lab, member):
            yield member
        return
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    # It ends with its standard input: with this block, or with this process, whatever happens to it.
    holder = subprocess.Popen(
        ["unshare", *user, "--net", "--", "sh", "-c", SETUP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        told = holder.stdout.readline()
        if told != "ready\n":
            raise LabError(f"cannot set up the lab's network: {told}{holder.stdout.read()}".rstrip())
        with uplink(lab, holder.pid):
            yield holder.pid


@contextlib.contextmanager
def uplink(lab: Lab, member: int) -> Iterator[None]:
    """Have slirp4netns connect the namespace; it runs on while this block or a guest holds the FIFO open."""
    if not lab.uplink.exists():
        os.mkfifo(lab.uplink, 0o600)
    try:
        writer = os.open(lab.uplink, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # ENXIO: nobody reads, so no slirp4netns runs
        writer = start_slirp(lab, member)
    try:
        yield
    finally:
        os.close(writer)


def start_slirp(lab: Lab, member: int) -> int:
    """Start slirp4netns for the namespace of `member`; return the open end of the FIFO that keeps it alive."""
    log = lab.folder / "slirp4netns.log"
    reader = os.open(lab.uplink, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(lab.uplink, os.O_WRONLY)
    ready, told = os.pipe()
    options = ["--configure", "--disable-host-loopback", f"--exit-fd={reader}", f"--ready-fd={told}"]
    with log.open("wb") as out:
        subprocess.Popen(
            ["slirp4netns", *options, str(member), "tap0"],
            pass_fds=(reader, told),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    os.close(reader)
    os.close(told)
    with os.fdopen(ready, "rb") as file:
        if file.read(1) != b"1":
            os.close(writer)
            raise LabError(f"slirp4netns did not start: {last_lines(log, 3)}")
    return writer


def add_tap(member: int, guest: str) -> None:
    """Put a fresh tap for the guest on the bridge."""
    script = (
        f"ip link delete {tap(guest)} 2>/dev/null; "
        f"ip tuntap add {tap(guest)} mode tap && ip link set {tap(guest)} master br0 up"
    )
    done = subprocess.run(enter(member, ["sh", "-c", script]), check=False, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"cannot make a tap for {guest}: {done.stderr.strip()}")


def delete_tap(member: int, guest: str) -> None:
    """Take the guest's tap away; fine if it is not there."""
    subprocess.run(enter(member, ["ip", "link", "delete", tap(guest)]), check=False, capture_output=True)


def uplink_ended(lab: Lab, seconds: float = 5.0) -> bool:
    """Wait until no slirp4netns serves the lab any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.close(os.open(lab.uplink, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody reads, or there is no FIFO
            return True
        time.sleep(0.02)
    return False
