#!/usr/bin/env python3
"""Resolve a name again and again through the system's resolver and write down every failure.

Usage: resolve_watch.py NAME LOG SECONDS. Each try is one line of the log: "ok" or "failed", the time, the reason.
Every try is a process of its own, as a program started now would see it: the C library keeps what it read of nsswitch.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

INTERVAL = 0.2


def attempt(name: str) -> str:
    """Resolve once and return the line for the log."""
    start = time.time()
    try:
        socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except OSError as error:
        return f"failed {start:.3f} after {time.time() - start:.3f} s: {error}"
    return f"ok {start:.3f} after {time.time() - start:.3f} s"


def attempt_in_child(name: str, log: Path) -> None:
    """Resolve in a child, which appends its own line."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    with log.open("a") as stream:
        stream.write(attempt(name) + "\n")
    os._exit(0)


def main() -> None:
    """Try until the seconds are over."""
    name, log, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    log.write_text("")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.monotonic()
        attempt_in_child(name, log)
        time.sleep(max(0.0, INTERVAL - (time.monotonic() - started)))


if __name__ == "__main__":
    main()
