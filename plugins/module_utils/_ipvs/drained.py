# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts were taken out of service for a while, remembered in a file beside the one of what is managed.

A real server that is out has weight 0 in the kernel whatever a list says, and the weight that it comes back with stands
here. So a weight 0 that somebody wants is never mistaken for one that will end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import IPVSError
from .files import keep_text
from .model import RealServer, ServerKey, ServiceKey, Table

VERSION = 1
"""Of the file's format. A file of another version is refused."""

FILE = "drain.json"

Place = tuple[ServiceKey, ServerKey]
"""Where a real server stands: its virtual service, and which of its servers it is."""


@dataclass(frozen=True)
class Out:
    """One host that is out: the addresses of its real servers, since when (UTC), and the weights to come back with."""

    addresses: tuple[str, ...]
    since: str
    weights: Mapping[Place, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Roll:
    """How far a change of several hosts has come; ``key`` tells it from others."""

    key: str = ""
    done: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drained:
    """The hosts that are out, by name, and the roll that was not finished."""

    hosts: Mapping[str, Out] = field(default_factory=dict)
    roll: Roll = field(default_factory=Roll)

    def host_of(self, address: str) -> str | None:
        """Return the host that is out and has this address."""
        return next((name for name, out in self.hosts.items() if address in out.addresses), None)

    def wake(self, table: Table) -> Table:
        """Return the table as it would be if nobody was out."""
        if not self.hosts:
            return table
        weights = {place: weight for out in self.hosts.values() for place, weight in out.weights.items()}

        def woken(key: ServiceKey, server: RealServer) -> RealServer:
            return server if server.weight else replace(server, weight=weights.get((key, server.key), 0))

        return _each_server(table, woken)

    def quiet(self, table: Table) -> tuple[Table, Drained]:
        """Return the table with all that is out at weight 0, and this with the weights that the table had.

        A host without any real server in the table is not out any more.
        """
        if not self.hosts:
            return table, self
        weights: dict[str, dict[Place, int]] = {}

        def quieted(key: ServiceKey, server: RealServer) -> RealServer:
            name = self.host_of(server.key.address)
            if name is None:
                return server
            weights.setdefault(name, {})[key, server.key] = server.weight
            return replace(server, weight=0)

        changed = _each_server(table, quieted)
        hosts = {name: replace(self.hosts[name], weights=weights[name]) for name in self.hosts if name in weights}
        return changed, replace(self, hosts=hosts)

    def sentences(self) -> list[str]:
        """Say of each host that it is out, for those who wonder about a weight 0."""
        return [
            f"{name} is out of service since {out.since}: its {len(out.weights)} real servers stay at weight 0 until "
            f"the playbook highload.lvs.drain puts it back, with drain_hosts={name} and drain_state=in"
            for name, out in self.hosts.items()
        ]

    def to_text(self) -> str:
        """Return the file's content; nothing to remember is an empty text."""
        if self == Drained():
            return ""
        hosts = {name: _out_to_dict(out) for name, out in sorted(self.hosts.items())}
        roll = {"key": self.roll.key, "done": list(self.roll.done)}
        return json.dumps({"version": VERSION, "hosts": hosts, "roll": roll}, indent=1) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Drained:
        """Read a file's content. Raises IPVSError for anything that to_text() does not write."""
        if not text:
            return cls()
        try:
            data = json.loads(text)
            if data["version"] != VERSION:
                raise IPVSError(f"it has version {data['version']}, but this version of the collection knows {VERSION}")
            hosts = {str(name): _out_from_dict(out) for name, out in data["hosts"].items()}
            return cls(hosts, Roll(data["roll"]["key"], tuple(data["roll"]["done"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IPVSError(f"it is damaged ({type(error).__name__}: {error})") from error


def _each_server(table: Table, change: Any) -> Table:
    return {
        key: replace(service, servers=tuple(change(key, server) for server in service.servers))
        for key, service in table.items()
    }


def _out_to_dict(out: Out) -> dict[str, Any]:
    servers = [
        {"service": key.to_dict(), "address": server.address, "port": server.port, "weight": weight}
        for (key, server), weight in sorted(out.weights.items())
    ]
    return {"addresses": list(out.addresses), "since": out.since, "servers": servers}


def _out_from_dict(data: dict[str, Any]) -> Out:
    weights = {
        (ServiceKey.from_dict(one["service"]), ServerKey(one["address"], one["port"])): int(one["weight"])
        for one in data["servers"]
    }
    return Out(tuple(data["addresses"]), data["since"], weights)


class DrainFile:
    """The file that remembers who is out. No file means nobody is. The lock is that of ManagedFile."""

    def __init__(self, managed: Path) -> None:
        """Name the file by that of what is managed, which is in the same folder."""
        self._path = managed.with_name(FILE)

    def load(self) -> Drained:
        """Return what the file says. Raises IPVSError if it cannot be read or understood."""
        try:
            return Drained.from_text(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return Drained()
        except (OSError, IPVSError, UnicodeError) as error:
            raise IPVSError(
                f"{self._path}, which remembers the real servers that are out of service, cannot be read: {error}. "
                "Repair it, or delete it: then every weight 0 in the IPVS table counts as wanted"
            ) from error

    def save(self, drained: Drained) -> None:
        """Write the file as a whole, or remove it when there is nothing to remember."""
        keep_text(self._path, drained.to_text())
