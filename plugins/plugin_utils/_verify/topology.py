# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the boxes and lines of the report's drawing stand: clients, DNS, virtual services, real servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLIENTS, MIDDLE, SERVERS = (10, 120), (200, 270), (560, 330)
"""Left edge and width of the three columns."""

WIDTH = SERVERS[0] + SERVERS[1] + 10
LINE, PADDING, GAP = 18, 12, 14
LETTER = 7.6
"""Width of a letter of the drawing's font, at most; longer texts are cut."""


@dataclass(frozen=True)
class Box:
    """A box with lines of text; state is ok, bad or empty, and kind names its style."""

    kind: str
    x: int
    y: int
    width: int
    lines: tuple[str, ...]
    state: str = ""

    @property
    def height(self) -> int:
        """Height that the lines need."""
        return 2 * PADDING + LINE * len(self.lines) - 4

    @property
    def middle(self) -> int:
        """Where lines meet it."""
        return self.y + self.height // 2

    @property
    def texts(self) -> list[tuple[int, int, str]]:
        """Each line with its place, cut to the width."""
        most = int((self.width - 2 * PADDING) / LETTER)
        cut = [one if len(one) <= most else f"{one[: most - 1]}\u2026" for one in self.lines]
        return [(self.x + PADDING, self.y + PADDING + 10 + LINE * row, one) for row, one in enumerate(cut)]


@dataclass(frozen=True)
class Path:
    """A line between two boxes; thickness in pixels, dashed for questions to DNS."""

    start: tuple[int, int]
    end: tuple[int, int]
    thickness: float = 1.5
    dashed: bool = False
    state: str = ""

    @property
    def curve(self) -> str:
        """The path's shape in SVG."""
        (x, y), (to_x, to_y) = self.start, self.end
        half = (x + to_x) // 2
        return f"M {x} {y} C {half} {y}, {half} {to_y}, {to_x} {to_y}"


@dataclass(frozen=True)
class Drawing:
    """All of it."""

    width: int
    height: int
    boxes: list[Box]
    paths: list[Path]


def draw(result: Mapping[str, Any]) -> Drawing:
    """Lay out what the verdict tells of names, services and servers."""
    boxes: list[Box] = []
    paths: list[Path] = []
    entries: list[tuple[Box, bool]] = []
    y = 10
    for name in result["names"]:
        firsts = (f"\u2192 {one['address']} first {one['first']} times" for one in name["addresses"])
        box = Box("dns", MIDDLE[0], y, MIDDLE[1], (f"DNS on {name['host']}", str(name["name"]), *firsts))
        entries.append((box, True))
        y += box.height + GAP
    for service in result["services"]:
        y = _service(service, y, boxes, paths, entries)
    height = max(y - GAP, 80) + 10
    requests = {f"{one['requests']} requests" for one in result["services"] if one["requests"]}
    lines = ("Clients", *sorted(requests))
    size = Box("client", 0, 0, CLIENTS[1], lines).height
    clients = Box("client", CLIENTS[0], (height - size) // 2, CLIENTS[1], lines)
    start = (CLIENTS[0] + CLIENTS[1], clients.middle)
    paths = [Path(start, (box.x, box.middle), dashed=dashed) for box, dashed in entries] + paths
    return Drawing(WIDTH, height, [clients, *(entry[0] for entry in entries), *boxes], paths)


def _service(
    service: Mapping[str, Any], y: int, boxes: list[Box], paths: list[Path], entries: list[tuple[Box, bool]]
) -> int:
    """Add a service and its real servers from this height down; return the height below them."""
    top, servers = y, []
    for server in service["servers"]:
        owner = f" {server['backend']} on {server['host']}" if server["backend"] else ""
        state = "ok" if server["state"] in ("ok", "drained") else "bad"
        how = f"{server['forward']}, weight {server['weight']}: {server['state']}"
        box = Box("server", SERVERS[0], y, SERVERS[1], (f"{server['server']}{owner}", how), state)
        servers.append((box, server))
        y += box.height + GAP
    lines = (f"director {service['director']}", service["service"], f"scheduler {service['scheduler']}")
    size = Box("service", 0, 0, MIDDLE[1], lines).height
    middle = max(top, (top + y - GAP - size) // 2)
    entry = Box("service", MIDDLE[0], middle, MIDDLE[1], lines, "ok" if service["in_kernel"] else "bad")
    entries.append((entry, False))
    boxes += [pair[0] for pair in servers]
    for box, server in servers:
        share = (server["connections"] or 0) / service["requests"] if service["requests"] else 0.0
        start = (entry.x + entry.width, entry.middle)
        paths.append(Path(start, (box.x, box.middle), 1 + 9 * min(share, 1.0), state=box.state))
    return max(y, entry.y + entry.height + GAP)
