# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry a plan out in the kernel: apply it, read the table back and compare, and undo it if it did not work."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import Any, Protocol

from .errors import CommandError, IPVSError
from .listing import parse_listing
from .model import ServerKey, ServiceKey, VirtualService, servers_of, table_of
from .plan import Change, State, make_plan, put_back, touching, with_quiet_servers
from .settings import parse_daemons, parse_timeouts
from .table import read_table


class Tool(Protocol):
    """Whatever lists and changes the kernel's table: Ipvsadm, or a stand-in."""

    def show(self, *options: str) -> str:
        """Return the text of one listing."""

    def restore(self, rules: str) -> None:
        """Carry the rules out; raises CommandError when any of them failed, others may have worked."""


class ApplyError(IPVSError):
    """A plan was not carried out.

    ``state`` is what the kernel holds now, ``undone`` tells whether that is the same as before the plan.
    """

    def __init__(self, reason: str, state: State, undone: bool = False) -> None:
        """Give the ``reason``, which names the rule."""
        super().__init__(reason)
        self.state = state
        self.undone = undone


class Kernel:
    """The kernel's IPVS table, as far as it is looked at: settings only where asked for."""

    def __init__(self, tool: Tool, timeouts: bool, daemons: bool) -> None:
        """Use ``tool``, and read the ``timeouts`` and the sync ``daemons`` beside the services if they matter."""
        self._tool = tool
        self._with_timeouts = timeouts
        self._with_daemons = daemons

    def read(self) -> State:
        """Return what the kernel holds."""
        return State(
            table_of(map(VirtualService.from_dict, read_table(self._tool).to_dicts())),
            parse_timeouts(self._tool.show("--timeout")) if self._with_timeouts else None,
            tuple(parse_daemons(self._tool.show("--daemon"))) if self._with_daemons else None,
        )

    def change(self, before: State, target: State) -> State:
        """Make the kernel equal to ``target`` in whatever differs from ``before``; return what it holds then.

        Raises ApplyError, which names the first rule that is not in effect, with whatever else was applied left there.
        """
        changes = make_plan(before, target)
        if not changes:
            return before
        complaint = ""
        try:
            self._tool.restore("".join(f"{change.rule}\n" for change in changes))
        except CommandError as error:
            complaint = error.stderr.strip() or str(error)
        now = self._read_back()
        missing = touching(changes, make_plan(now, target))
        if missing or complaint:
            raise ApplyError(_explain(changes, missing, complaint), now)
        return now

    def _read_back(self) -> State:
        try:
            return self.read()
        except IPVSError as error:
            raise IPVSError(f"the rules were fed to ipvsadm, but the table could not be read back: {error}") from error

    def converge(self, before: State, target: State, drain: int = 0) -> tuple[State, list[dict[str, Any]]]:
        """Make the kernel equal to ``target``; undo everything if that fails.

        ``drain`` is how many seconds to wait for the connections of servers that go. Returns what the kernel holds
        then, and which servers went with how many connections left. Raises ApplyError.
        """
        now, made, cut = before, make_plan(before, target), []
        try:
            if drain:
                quiet = with_quiet_servers(before, target)
                made += make_plan(before, quiet)
                now = self.change(now, quiet)
                cut = self.wait(_leaving(quiet, target), drain)
                now = self.read()
            # Somebody else may have removed a server during the wait: the plan is made anew.
            return self.change(now, target), cut
        except ApplyError as error:
            raise self._undo(error, before, made) from error

    def _undo(self, error: ApplyError, before: State, made: list[Change]) -> ApplyError:
        try:
            state = self.change(error.state, put_back(error.state, before, made))
        except ApplyError as second:
            return ApplyError(f"{error}. Undoing it failed too: {second}. The table is as returned", second.state)
        return ApplyError(f"{error}. All of it was undone, the table is as it was before", state, undone=True)

    def wait(self, leaving: Collection[tuple[ServiceKey, ServerKey]], seconds: int) -> list[dict[str, Any]]:
        """Wait until these servers have neither active nor persistent connections; return those that still have."""
        deadline = time.monotonic() + seconds
        while True:
            busy = busy_servers(self._tool.show("--persistent-conn"), leaving)
            rest = deadline - time.monotonic()
            if not busy or rest <= 0:
                return busy
            time.sleep(min(1.0, rest))


def _leaving(quiet: State, target: State) -> set[tuple[ServiceKey, ServerKey]]:
    return {
        (key, server.key)
        for key, service in quiet.services.items()
        for server in service.servers
        if server.key not in servers_of(target.services.get(key))
    }


def busy_servers(text: str, leaving: Iterable[tuple[ServiceKey, ServerKey]]) -> list[dict[str, Any]]:
    """Return those of the servers that have connections, from what ``ipvsadm -L -n --persistent-conn`` prints."""
    services = parse_listing(text).services
    counts = ("active_connections", "persistent_connections")
    busy = []
    for key, server in leaving:
        values = services[key].servers.get(server) if key in services else None
        if values and any(values[count] for count in counts):
            busy.append({"service": str(key), "server": str(server), **{count: values[count] for count in counts}})
    return busy


def _explain(changes: list[Change], missing: list[Change], complaint: str) -> str:
    """Say which rule failed and why.

    ipvsadm gives reasons without rules, one a line in the order of the rules; so the first reason belongs to the first
    change that is not in effect.
    """
    reason = complaint.split("\n")[0].strip() or "no error, so somebody else may have changed the table"
    if not missing:
        return f"ipvsadm complained although all {len(changes)} changes are in effect: {complaint}"
    count = "" if len(missing) == 1 else f" (and {len(missing) - 1} more)"
    share = f"{len(missing)} of {len(changes)} changes did not work"
    return f"{share}: rule '{missing[0].rule}'{count} failed with '{reason}'"
