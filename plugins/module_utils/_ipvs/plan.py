# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The difference between two tables as a plan: a list of changes that turns the one into the other.

Changes stand in an order that drops no connection: what is new comes first, then what is edited, then what goes. What
is the same in both tables is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .model import ServerKey, ServiceKey, Table, VirtualService, servers_of
from .rules import render_daemon, render_deletion, render_server, render_service, render_stop, render_timeouts
from .settings import SyncDaemon, Timeouts


@dataclass(frozen=True)
class Change:
    """One step of a plan: a rule for ipvsadm, and what it does (``add``, ``edit`` or ``delete``) to what.

    ``service`` and ``server`` are None where the change is about something else, such as timeouts. A deleted service
    takes its servers along.
    """

    action: str
    rule: str
    service: ServiceKey | None = None
    server: ServerKey | None = None
    setting: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the change as a module reports it; values that do not apply are left out."""
        named = {"service": self.service, "server": self.server, "setting": self.setting}
        return {
            "action": self.action,
            **{name: str(value) for name, value in named.items() if value is not None},
            "rule": self.rule,
        }


@dataclass(frozen=True)
class State:
    """What a plan is made of: services, and the settings that IPVS has one of. A setting that is None is left alone."""

    services: Table
    timeouts: Timeouts | None = None
    daemons: tuple[SyncDaemon, ...] | None = None


def make_plan(before: State, after: State) -> list[Change]:
    """Return the changes that turn ``before`` into ``after``."""
    changes = [*_settings_changes(before, after), *_service_changes(before.services, after.services)]
    return [change for action in ("add", "edit", "delete") for change in changes if change.action == action]


def _service_changes(before: Table, after: Table) -> Iterator[Change]:
    for key, service in after.items():
        yield from _changes_within(before.get(key), service)
    for key in before:
        if key not in after:
            yield Change("delete", render_deletion(key), key)


def _changes_within(before: VirtualService | None, after: VirtualService) -> Iterator[Change]:
    key = after.key
    if before is None:
        yield Change("add", render_service("-A", after), key)
    elif before.settings != after.settings:
        yield Change("edit", render_service("-E", after), key)
    old, new = servers_of(before), servers_of(after)
    for server_key, server in new.items():
        if server_key not in old:
            yield Change("add", render_server("-a", key, server), key, server_key)
        elif old[server_key] != server:
            yield Change("edit", render_server("-e", key, server), key, server_key)
    for server_key in old:
        if server_key not in new:
            yield Change("delete", render_deletion(key, server_key), key, server_key)


def _settings_changes(before: State, after: State) -> Iterator[Change]:
    if after.timeouts is not None and before.timeouts != after.timeouts:
        yield Change("edit", render_timeouts(after.timeouts), setting="timeouts")
    if after.daemons is None:
        return
    old = {daemon.state: daemon for daemon in before.daemons or ()}
    new = {daemon.state: daemon for daemon in after.daemons}
    for state in ("master", "backup"):
        if state in old and state in new and is_same_daemon(old[state], new[state]):
            continue
        setting = f"{state} sync daemon"
        action = "edit" if state in old and state in new else "add" if state in new else "delete"
        if state in old:
            yield Change(action, render_stop(state), setting=setting)
        if state in new:
            yield Change(action, render_daemon(new[state]), setting=setting)


def is_same_daemon(running: SyncDaemon, wanted: SyncDaemon) -> bool:
    """Tell whether a running daemon is as wanted; a ``maxlen`` of 0 leaves the choice to the kernel."""
    return running == (wanted if wanted.maxlen else replace(wanted, maxlen=running.maxlen))


def with_quiet_servers(before: State, after: State) -> State:
    """Return ``after`` with what it removes from ``before`` still there, but at weight 0 so that nothing new arrives.

    Servers of UDP services go at once: no datagram waits for an answer from the one before.
    """
    services = dict(after.services)
    for key, service in before.services.items():
        if key.protocol == "udp":
            continue
        kept = servers_of(after.services.get(key))
        quiet = [replace(server, weight=0) for server in service.servers if server.key not in kept]
        if quiet:
            services[key] = replace(after.services.get(key, service), servers=(*kept.values(), *quiet))
    return replace(after, services=services)


def put_back(now: State, before: State, changes: list[Change]) -> State:
    """Return ``now`` with everything that the changes touched as it was ``before``.

    What somebody else changed in the meantime stays.
    """
    touched: dict[ServiceKey, set[ServerKey]] = {}
    for change in changes:
        if change.service is not None:
            servers = touched.setdefault(change.service, set())
            if change.server is not None:
                servers.add(change.server)
            elif change.action == "delete":
                servers.update(servers_of(before.services[change.service]))
    services = {key: service for key, service in now.services.items() if key not in touched}
    for key, server_keys in touched.items():
        if key in before.services:
            old = servers_of(before.services[key])
            others = {
                one: server for one, server in servers_of(now.services.get(key)).items() if one not in server_keys
            }
            mine = {one: server for one, server in old.items() if one in server_keys}
            services[key] = replace(before.services[key], servers=tuple({**others, **mine}.values()))
    return State(services, before.timeouts, before.daemons)


def touching(changes: list[Change], among: list[Change]) -> list[Change]:
    """Return those changes ``among`` others that are about the same services, servers or settings as ``changes``."""
    mine = {(change.service, change.server, change.setting) for change in changes}
    return [change for change in among if (change.service, change.server, change.setting) in mine]
