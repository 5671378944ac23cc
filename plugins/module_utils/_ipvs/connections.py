# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections that IPVS tracks, as ``ipvsadm -L -n -c`` prints them, and their summary.

The form is that of print_conn() in ipvsadm.c, version 1.31. Persistence shows as a connection of its own, from the
client's port 0 and in the state NONE; that of a firewall mark has the protocol ip and the mark as virtual address.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .addresses import split_endpoint
from .lines import Lines

TITLE = "IPVS connection entries"
_HEADING = ["pro", "expire", "state", "source", "virtual", "destination"]
_EXPIRE = re.compile(r"(\d{2,9}):([0-5]\d)", re.ASCII)
_PROTOCOL = re.compile(r"[A-Z][A-Z0-9_]*")
_SUMMARY_KEY = ("protocol", "virtual_address", "virtual_port", "server_address", "server_port")


def parse_connections(text: str) -> Iterator[dict[str, Any]]:
    """Yield each connection, with the persistence engine's name and data where ``--persistent-conn`` showed them.

    Raises ParseError, which quotes the line, for anything that ipvsadm does not print.
    """
    lines = Lines(text)
    headings = 0
    try:
        for line in lines:
            words = line.split()
            if headings == 2:
                if words:
                    yield _read_connection(words)
            elif (headings == 0 and line.strip() == TITLE) or (headings == 1 and words[: len(_HEADING)] == _HEADING):
                headings += 1
            elif words:
                raise ValueError("this is not the heading of a list of connections")
        if headings < 2:
            raise ValueError("no heading of ipvsadm -L -n -c was found")
    except ValueError as error:
        raise lines.error(error) from error


def _read_connection(words: list[str]) -> dict[str, Any]:
    if len(words) not in (6, 8):
        raise ValueError("a connection has 6 values, or 8 with its persistence engine")
    expire = _EXPIRE.fullmatch(words[1])
    if expire is None or not _PROTOCOL.fullmatch(words[0]):
        raise ValueError("this is not a connection")
    client, virtual, server = map(split_endpoint, words[3:6])
    connection = {
        "protocol": words[0].lower(),
        "expires": int(expire[1]) * 60 + int(expire[2]),
        "state": words[2],
        "client_address": client[0],
        "client_port": client[1],
        "virtual_address": virtual[0],
        "virtual_port": virtual[1],
        "server_address": server[0],
        "server_port": server[1],
    }
    if len(words) == 8:
        connection["persistence_engine"], connection["persistence_data"] = words[6:]
    return connection


def summarize(connections: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Count the connections by virtual service and real server, in each state and altogether, in a fixed order."""
    counts = Counter((*(connection[name] for name in _SUMMARY_KEY), connection["state"]) for connection in connections)
    summary: dict[tuple[Any, ...], dict[str, int]] = {}
    for (*key, state), count in sorted(counts.items()):
        summary.setdefault(tuple(key), {})[state] = count
    return [
        {**dict(zip(_SUMMARY_KEY, key)), "connections": sum(states.values()), "states": states}
        for key, states in summary.items()
    ]
