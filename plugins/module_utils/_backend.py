# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of the backends on it, read into plain data."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
from collections.abc import Mapping
from pathlib import Path

UNIT = "highload-backend@{}.service"


def parse_settings(text: str) -> dict[str, str]:
    """Read an environment file of the role's: KEY=VALUE lines and comments."""
    lines = (line for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def parse_pids(text: str) -> dict[str, int]:
    """Read `systemctl show --property=Id,MainPID` of several units: the main process by unit, 0 for none."""
    pids = {}
    for block in text.strip().split("\n\n"):
        values = parse_settings(block)
        if "Id" in values:
            pids[values["Id"]] = int(values.get("MainPID", "0"))
    return pids


def parse_holders(text: str) -> list[tuple[int, str]]:
    """Read `ss -H -ltnp`: process id and name of all that listen."""
    return [(int(pid), name) for name, pid in re.findall(r'\("([^"]*)",pid=(\d+)', text)]


def runs_with(pid: int, settings: Mapping[str, str], proc: Path = Path("/proc")) -> bool:
    """Tell whether a process was started with these settings in its environment."""
    with contextlib.suppress(OSError):
        started = (proc / str(pid) / "environ").read_bytes().split(b"\0")
        return all(f"{key}={value}".encode() in started for key, value in settings.items())
    return False


def is_backend(pid: int, proc: Path = Path("/proc")) -> bool:
    """Tell whether a process belongs to a unit of the role's."""
    with contextlib.suppress(OSError):
        return re.search(r"/highload-backend@[^/]+\.service", (proc / str(pid) / "cgroup").read_text()) is not None
    return False


def bind_error(address: str, port: int) -> int:
    """Return the errno of taking an address and port as http.server does, 0 where that goes well."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            trial.bind((address, port))
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0
