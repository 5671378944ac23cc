# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a list of static web servers, before any host is touched."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

KINDS = ("content", "template", "folder", "archive")
MAX_KEEP = 100


def _overlap(one: str, other: str) -> bool:
    """Tell whether a socket on one address keeps another from listening on the other."""
    if one == other or "::" in (one, other):
        return True
    return "0.0.0.0" in (one, other) and ":" not in one + other


def _address(value: str) -> str:
    """Return an address in its one form, and what is none as it is."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return value


def _of_one(server: Mapping[str, Any], bind: str) -> Iterator[str]:
    """Return what is wrong with one server."""
    name, port = str(server["name"]), int(server["port"])
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        yield (
            f"name {name!r} cannot name a unit and a folder in the root: use at most 100 letters, digits, dots, dashes "
            "and underscores, beginning with a letter or digit"
        )
    if not 1024 <= port <= 65535:
        yield (
            f"port {port} is not within 1024 to 65535: the servers are unprivileged, "
            "let a virtual service balance a lower port to them"
        )
    try:
        ipaddress.ip_address(bind)
    except ValueError:
        yield f"bind {bind!r} is no IP address: give one of the host's, 0.0.0.0 or ::"
    given = [kind for kind in KINDS if server.get(kind) is not None]
    if len(given) != 1:
        yield f"{' and '.join(given) or 'no content'} is given: give exactly one of {', '.join(KINDS)}"
    release = server.get("release")
    if release is not None and not re.fullmatch(r"[0-9a-f]{12}", str(release)):
        yield f"release {release!r} is no id of a release: give 12 hexadecimal digits, or leave it out"
    path = server.get("check_path")
    if path is not None and not re.fullmatch(r"/[!-~]*", str(path)):
        yield f"check_path {path!r} is no path of a URL: begin it with a slash, and write other characters as %XX"


def _of_two(one: tuple[str, Mapping[str, Any], str], other: tuple[str, Mapping[str, Any], str]) -> Iterator[str]:
    """Return what keeps two servers from being side by side."""
    (_place, first, first_bind), (place, second, second_bind) = one, other
    if first["name"] == second["name"]:
        yield f"{place}: name {second['name']} is given twice: give each server a name of its own"
    if int(first["port"]) == int(second["port"]) and _overlap(first_bind, second_bind):
        yield (
            f"{place}: port {second['port']} on {second_bind} is given to {first['name']} on {first_bind} too: "
            "give each server a port of its own"
        )


def backend_mistakes(
    servers: Sequence[Mapping[str, Any]],
    bind: str = "0.0.0.0",
    root: str = "/srv/highload-backend",
    keep_releases: int = 3,
) -> list[str]:
    """Return every mistake in the variables of the role."""
    mistakes = []
    if not re.fullmatch(r"(/[A-Za-z0-9_.-]+){2,}", root) or ".." in root:
        mistakes.append(
            f"backend_root: {root} is not a folder of its own: give an absolute path at least two folders deep, "
            "such as /srv/highload-backend; the role deletes what is in it"
        )
    if not 1 <= int(keep_releases) <= MAX_KEEP:
        mistakes.append(f"backend_keep_releases: {keep_releases} is not within 1 to {MAX_KEEP}")
    placed = [
        (f"backend_servers[{number}] {server['name']}", server, _address(str(server.get("bind") or bind)))
        for number, server in enumerate(servers)
    ]
    mistakes += [f"{place}: {mistake}" for place, server, address in placed for mistake in _of_one(server, address)]
    return mistakes + [mistake for one, other in combinations(placed, 2) for mistake in _of_two(one, other)]
