"""The one process that stays with a guest: it starts the kernel, and starts it again when the guest reboots.

It is process 1 of a process namespace of its own: whatever ends it, kill -9 included, ends the guest with it.
Started by `guest.start` as `python3 supervisor.py FOLDER ADDRESS FIFO PROGRAM ARGUMENT ...` inside the lab's network.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

REBOOT = b"reboot: Restarting system"


def main(folder: Path, address: str, uplink: Path, command: list[str]) -> int:
    os.chdir(folder)
    with open("lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # it may wait a moment for somebody who looks at it
        os.open(uplink, os.O_WRONLY | os.O_NONBLOCK)  # kept open as long as this process lives: see Lab.uplink
        # /proc is the host's, so this is our process id as the host sees it, not the 1 that we are in here.
        Path("pid").write_text(os.readlink("/proc/self"))
        boot = 1
        while rebooted(command, boot, address):
            boot += 1
    return 0


def rebooted(command: list[str], boot: int, address: str) -> bool:
    """Run the kernel until it ends, and tell whether it wants to be started again.

    User-Mode Linux could restart itself, but cannot open its tap a second time. With `noreboot` it ends instead, with
    the same status for a reboot as for a power-off; its last words tell which.
    """
    ready = Path("ready")
    ready.unlink(missing_ok=True)
    with open("console.log", "ab") as log:
        start = log.tell()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        threading.Thread(target=announce, args=(ready, boot, address, process), daemon=True).start()
        process.wait()
    ready.unlink(missing_ok=True)
    return REBOOT in Path("console.log").read_bytes()[start:]


def announce(ready: Path, boot: int, address: str, process: subprocess.Popen[bytes]) -> None:
    """Write the number of the boot into `ready` once the guest's ssh server answers."""
    while process.poll() is None:
        try:
            with socket.create_connection((address, 22), timeout=1) as connection:
                if connection.recv(4) == b"SSH-" and process.poll() is None:
                    ready.write_text(str(boot))
                    return
        except OSError:
            pass
        time.sleep(0.1)


if __name__ == "__main__":
    # Process 1 ignores a signal that it does not handle; SIGINT of the terminal is not meant for guests.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:]))
