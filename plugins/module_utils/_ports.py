# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports to send from, none of them again before all others had their turn.

IPVS knows a connection by the client's address and port, for two minutes after a TCP connection that it forwards by
direct routing or a tunnel, and for five after a UDP packet (see ``ipvsadm --list --timeout``). Within that time a port
that is used again is the old connection: it is neither scheduled nor counted. The kernel gives programs ports at
random, so that one request in a few hundred would meet one of the last minutes.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
MEMORY = Path("/run/highload-lvs-probe")
BLOCK = 32


class Ports:
    """Endless ports, for several threads. Those of all runs on this host take turns."""

    def __init__(self) -> None:
        """Take none yet."""
        low, high = map(int, RANGE.read_text("ascii").split())
        # connect(2) gives every second port from the lowest on, and the others only when there are none of these left.
        self._all = range(low + 1, high + 1, 2)
        self._turns: Iterator[int] = iter(())
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[int]:
        """Go on with the next port."""
        return self

    def __next__(self) -> int:
        """Return the next port."""
        with self._lock:
            turn = next(self._turns, None)
            if turn is None:
                self._turns = _reserve()
                turn = next(self._turns)
        return self._all[turn % len(self._all)]


def _reserve() -> Iterator[int]:
    """Return some turns that no other run has."""
    anywhere = secrets.randbelow(1 << 16)
    try:
        descriptor = os.open(MEMORY, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError:  # Not root: each run begins anywhere.
        return itertools.count(anywhere)
    with open(descriptor, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        first = int(text) if text.isdigit() else anywhere
        file.seek(0)
        file.truncate()
        file.write(str(first + BLOCK))
    return iter(range(first, first + BLOCK))
