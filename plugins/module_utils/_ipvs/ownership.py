# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which part of the kernel's table a list decides about, and which belongs to somebody else and stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Callable

from .model import ServerKey, ServiceKey, Table, servers_of
from .selection import Network, is_within

MayGo = Callable[[ServiceKey, "ServerKey | None"], bool]
"""Tells whether a service (None) or one of its real servers may be removed when no list asks for it."""


@dataclass(frozen=True)
class Purge:
    """What may be removed: ``none``, what is ``managed``, or ``all``; never what has an address within ``keep``."""

    mode: str
    managed: Table = field(default_factory=dict)
    keep: tuple[Network, ...] = ()

    def may_go(self, service: ServiceKey, server: ServerKey | None) -> bool:
        """Decide about one service, or one of its real servers."""
        keep = list(self.keep)
        if (service.address and is_within(service.address, keep)) or (server and is_within(server.address, keep)):
            return False
        if self.mode == "managed":
            owned = self.managed.get(service)
            return owned is not None and (server is None or server in servers_of(owned))
        return self.mode == "all"


def target_table(current: Table, wanted: Table, may_go: MayGo) -> Table:
    """Return what the table should become: all that is wanted, and all of the current table that may not go.

    A service that may go stays as long as one of its real servers may not.
    """
    target = dict(wanted)
    for key, service in current.items():
        asked = servers_of(wanted.get(key))
        kept = [one for one in service.servers if one.key not in asked and not may_go(key, one.key)]
        if key in wanted:
            if kept:
                target[key] = replace(wanted[key], servers=(*wanted[key].servers, *kept))
        elif kept or not may_go(key, None):
            target[key] = replace(service, servers=tuple(kept))
    return target


def kept_beside(target: Table, wanted: Table) -> list[str]:
    """Name the services, and the real servers of wanted services, that stay although no list asks for them."""
    names = [str(key) for key in target if key not in wanted]
    for key, service in wanted.items():
        if len(target[key].servers) > len(service.servers):
            known = servers_of(service)
            names += [f"{server.key} of {key}" for server in target[key].servers if server.key not in known]
    return names


def managed_part(target: Table, wanted: Table, managed: Table) -> Table:
    """Return that part of the target which the collection has put there: what is wanted now, or was and stays.

    It is sorted, so that the order of a list makes no difference.
    """
    part = {}
    for key in sorted(target.keys() & (wanted.keys() | managed.keys())):
        mine = servers_of(wanted.get(key)).keys() | servers_of(managed.get(key)).keys()
        servers = [server for server in target[key].servers if server.key in mine]
        if key not in wanted and target[key].servers and not servers:
            # Dropped, and it stays only for somebody else's servers: it is theirs now.
            continue
        part[key] = replace(target[key], servers=tuple(sorted(servers, key=lambda server: server.key)))
    return part


def union(first: Table, second: Table) -> Table:
    """Return both tables in one; where both have a service or server, the second decides."""
    merged = {**first, **second}
    for key in first.keys() & second.keys():
        both = {**servers_of(first[key]), **servers_of(second[key])}
        merged[key] = replace(second[key], servers=tuple(both.values()))
    return merged


def removed_by(keys: Iterable[ServiceKey], keep: tuple[Network, ...]) -> MayGo:
    """Return the decision that exactly these services may go, with all their servers, unless they are to be kept."""
    chosen = set(keys)
    everything = Purge("all", keep=keep)
    return lambda service, server: service in chosen and everything.may_go(service, server)
