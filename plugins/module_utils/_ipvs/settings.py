# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IPVS has one of: the connection timeouts, and the daemons that synchronize connections between directors.

The forms are those of list_timeout() and list_daemon() in ipvsadm.c, version 1.31.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from .addresses import canonical
from .lines import Lines

_TIMEOUTS = re.compile(r"Timeout \(tcp tcpfin udp\): (\d{1,10}) (\d{1,10}) (\d{1,10})\s*", re.ASCII)
_DAEMON = re.compile(
    r"(?P<state>master|backup) sync daemon \(mcast=(?P<interface>\S+), syncid=(?P<sync_id>\d{1,10})"
    r"(?:, maxlen=(?P<maxlen>\d{1,10}))?(?:, group=(?P<group>[0-9a-fA-F.:]+))?"
    r"(?:, port=(?P<port>\d{1,10}))?(?:, ttl=(?P<ttl>\d{1,10}))?\)\s*",
    re.ASCII,
)


@dataclass(frozen=True)
class Timeouts:
    """Seconds after which an idle connection is forgotten: established TCP, TCP after a FIN, UDP.

    The defaults are the kernel's.
    """

    tcp: int = 900
    tcp_fin: int = 120
    udp: int = 300

    def to_dict(self) -> dict[str, Any]:
        """Return the three values."""
        return asdict(self)


@dataclass(frozen=True)
class SyncDaemon:
    """One synchronization daemon. The defaults are those of the kernel, which chooses ``maxlen`` itself if it is 0."""

    state: str
    interface: str
    sync_id: int = 0
    group: str = "224.0.0.81"
    port: int = 8848
    ttl: int = 1
    maxlen: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return all values."""
        return asdict(self)


def parse_timeouts(text: str) -> Timeouts:
    """Parse what ``ipvsadm -L --timeout`` printed. Raises ParseError for anything else."""
    lines = Lines(text)
    found = None
    for line in lines:
        match = _TIMEOUTS.fullmatch(line)
        if match is not None and found is None:
            found = Timeouts(*map(int, match.groups()))
        elif line.strip():
            raise lines.error("this is not a line of timeouts")
    if found is None:
        raise lines.error("no timeouts were found")
    return found


def parse_daemons(text: str) -> list[SyncDaemon]:
    """Parse what ``ipvsadm -L --daemon`` printed: nothing where none runs. Raises ParseError for anything else."""
    lines = Lines(text)
    daemons = []
    for line in lines:
        match = _DAEMON.fullmatch(line)
        if match is not None:
            values = {name: value for name, value in match.groupdict().items() if value is not None}
            daemons.append(_read_daemon(lines, values))
        elif line.strip():
            raise lines.error("this is not a synchronization daemon")
    return daemons


def _read_daemon(lines: Lines, values: dict[str, str]) -> SyncDaemon:
    numbers = {name: int(values[name]) for name in ("sync_id", "port", "ttl", "maxlen") if name in values}
    try:
        texts = {"group": canonical(values["group"])} if "group" in values else {}
    except ValueError as error:
        raise lines.error(error) from error
    return SyncDaemon(values["state"], values["interface"], **texts, **numbers)  # type: ignore[arg-type]
