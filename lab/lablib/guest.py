"""Start, find and stop one guest."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import network, supervisor
from .errors import LabError
from .image import Kernel
from .progress import HEARTBEAT, last_lines, say
from .state import Lab, held


@dataclass(frozen=True)
class Guest:
    """A guest of a lab, running or not. Its folder has: `lock` (held while it runs), `pid`, `ready` (the number of its
    boots, once ssh answers), `console.log`, `release`, `disk` (what it changed of the image)."""

    lab: Lab
    name: str

    @property
    def folder(self) -> Path:
        return self.lab.guest_folder(self.name)

    @property
    def address(self) -> str:
        return network.address(self.name)

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    @property
    def release(self) -> str:
        return self.read("release")

    @property
    def boots(self) -> int:
        """How often the kernel came up to ssh; 0 while it is on its way, or ended."""
        return int(self.read("ready") or 0) if self.running() else 0

    def read(self, file: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / file).read_text()
        return ""

    def running(self) -> bool:
        return held(self.folder / "lock")

    def pid(self) -> int | None:
        """The process id of the supervisor of a running guest."""
        return int(self.read("pid")) if self.running() and self.read("pid") else None

    def start(self, kernel: Kernel, image: Path, release: str, memory: str, member: int) -> None:
        """Start the guest in the network namespace of process `member`; return when its supervisor runs."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "lock").touch()
        (self.folder / "release").write_text(release)
        network.add_tap(member, self.name)
        command = [
            *("unshare", "--pid", "--fork", "--kill-child", "--"),
            *(sys.executable, "-S", supervisor.__file__, str(self.folder), self.address, str(self.lab.uplink)),
            *self.kernel_command(kernel, image, memory),
        ]
        with self.console.open("ab") as log:
            process = subprocess.Popen(
                network.enter(member, command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self.pid():
            if process.poll() is not None:
                raise LabError(f"{self.name} did not start:\n{last_lines(self.console, 8)}")
            time.sleep(0.02)

    def kernel_command(self, kernel: Kernel, image: Path, memory: str) -> list[str]:
        """The command line of the kernel. systemd in the guest reads systemd.* and ip= there."""
        key = self.lab.key.with_suffix(".pub").read_text().strip()
        return [
            str(kernel.program),
            f"mem={memory}",
            f"ubd0=disk,{image}",
            "root=/dev/ubda",
            "rw",
            # Not "tap": it signals a packet before it shows it to epoll, so that on several processors one in some
            # hundred waits until the next one comes (tun_net_xmit in drivers/net/tun.c). Packet sockets do it in order.
            f"vec0:transport=hybrid,ifname={network.tap(self.name)},mac={network.mac(self.name)},depth=64,gro=1",
            # Half again as fast as ptrace where the host allows it. Guest programs can then read the guest kernel's
            # memory, which does not matter in a machine that is thrown away.
            "seccomp=auto",
            "con=null",
            "con0=null,fd:1",
            "ssl=null",
            # 256 terminals of BSD, each a device unit: without them a boot and a reload of systemd take a fraction.
            "pty.legacy_count=0",
            # A packet that comes while the kernel goes to sleep waits until its next timer: at most one tick of 10 ms.
            "nohz=off",
            "noreboot",
            "quiet",
            "umid=uml",
            "uml_dir=.",
            f"systemd.hostname={self.name}",
            # In quotes, as it has a space in it. (systemd 252 does not know set_credential_binary.)
            f'"systemd.set_credential=ssh.authorized_keys.root:{key}"',
            # With the resolver in it: systemd-resolved asks one in nameserver= for all names, whatever its files say.
            f"ip={self.address}::{network.ROUTER}:{network.NETMASK}:{self.name}:vec0:none:{network.RESOLVER}",
        ]

    def await_ssh(self, boot: int, seconds: float, since: float) -> None:
        """Wait until ssh answers in the guest's boot number `boot`."""
        said = since
        while self.boots < boot:
            if time.monotonic() - said > HEARTBEAT:
                said = time.monotonic()
                say(f"{self.name}: booting, {said - since:.0f} s")
            if not self.running():
                raise LabError(f"{self.name} ended before ssh answered. Its last words:\n{last_lines(self.console, 8)}")
            if time.monotonic() - since > seconds:
                raise LabError(
                    f"{self.name} runs, but ssh does not answer after {seconds:.0f} s. Its last words:\n"
                    f"{last_lines(self.console, 8)}\nSee also: lab/lab log {self.name}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the guest at once, as pulling its plug does, and remove what it left."""
        if pid := self.pid():
            network.delete_tap(pid, self.name)
            with contextlib.suppress(ProcessLookupError), os.fdopen(os.pidfd_open(pid)) as supervisor:
                signal.pidfd_send_signal(supervisor.fileno(), signal.SIGKILL)
                # It has ended only when every process of its namespace has: readable, and the whole guest is gone.
                select.select([supervisor], [], [])
        shutil.rmtree(self.folder, ignore_errors=True)

    def ssh(self, *command: str, options: tuple[str, ...] = ()) -> list[str]:
        """The ssh command that runs `command` in the guest, or a login shell without one. Words stay words."""
        host = f"{self.name}.{self.lab.domain}"
        return ["ssh", "-F", str(self.lab.ssh_config), *options, host, *([shlex.join(command)] if command else [])]
