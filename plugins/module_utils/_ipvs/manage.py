# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything between a list of services and a kernel that equals it: what is ours, the plan, and the memory of both."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from .drained import Drained, DrainFile
from .kernel import ApplyError, Kernel, Tool
from .managed import Managed, ManagedFile
from .model import ServiceKey, Table
from .ownership import Purge, kept_beside, managed_part, removed_by, target_table, union
from .plan import Change, State, make_plan
from .selection import Network
from .settings import SyncDaemon, Timeouts


@dataclass(frozen=True)
class Order:
    """What somebody wants of the table.

    ``absent`` lists services to remove; then nothing else is looked at. Timeouts and daemons that are None stay as they
    are, those that are given replace what is managed.
    """

    wanted: Table = field(default_factory=dict)
    purge: str = "managed"
    keep: tuple[Network, ...] = ()
    absent: tuple[ServiceKey, ...] = ()
    timeouts: dict[str, int] | None = None
    daemons: list[SyncDaemon] | None = None
    drain: int = 0


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be: the table before and after, the plan between them, and what is managed from now on.

    ``kept`` names what no list asks for and stays; ``cut`` the servers that went with connections left; ``drained``
    tells which hosts are out of service, whose real servers have weight 0 whatever a list says.
    """

    before: State
    after: State
    plan: list[Change]
    managed: Managed
    kept: list[str]
    drained: Drained
    cut: list[dict[str, Any]] = field(default_factory=list)


def preview(order: Order, before: State, managed: Managed, drained: Drained) -> Outcome:
    """Return what carrying the order out would do."""
    current = drained.wake(before.services)
    if order.absent:
        wanted: Table = {}
        may_go = removed_by(order.absent, order.keep)
    else:
        wanted = order.wanted
        may_go = Purge(order.purge, managed.services, order.keep).may_go
    table = target_table(current, wanted, may_go)
    quiet, still_drained = drained.quiet(table)
    target = State(
        quiet,
        _target_timeouts(order, before, managed),
        _target_daemons(order, before, managed),
    )
    after = Managed(
        managed_part(table, wanted, managed.services),
        managed.timeouts if order.timeouts is None else order.timeouts,
        managed.daemons if order.daemons is None else tuple(order.daemons),
    )
    return Outcome(before, target, make_plan(before, target), after, kept_beside(table, wanted), still_drained)


def look_ahead(order: Order, tool: Tool | None, file: ManagedFile) -> Outcome:
    """Return what carrying the order out would do. Without a tool the table is taken for empty."""
    timeouts, daemons = order.timeouts is not None, order.daemons is not None
    before = Kernel(tool, timeouts, daemons).read() if tool else State({}, Timeouts(), ())
    return preview(order, before, file.load(), DrainFile(file.path).load())


def carry_out(order: Order, tool: Tool, file: ManagedFile) -> Outcome:
    """Make the kernel's table what is ordered, and remember what is managed.

    Raises ApplyError when that failed, and other kinds of IPVSError when it could not even begin.
    """
    with file.locked():
        managed = file.load()
        drain_file = DrainFile(file.path)
        drained = drain_file.load()
        kernel = Kernel(tool, timeouts=order.timeouts is not None, daemons=order.daemons is not None)
        outcome = preview(order, kernel.read(), managed, drained)
        if outcome.plan:
            # Should this process die half-way, all that it may have touched is known as ours.
            file.save(replace(outcome.managed, services=union(managed.services, outcome.managed.services)))
        try:
            after, cut = kernel.converge(outcome.before, outcome.after, order.drain)
        except ApplyError as error:
            if error.undone:
                file.save(managed)
            raise
        file.save(outcome.managed)
        if outcome.drained != drained:
            drain_file.save(outcome.drained)
    return replace(outcome, after=after, cut=cut)


def restore(tool: Tool, file: ManagedFile) -> list[Change]:
    """Put everything that is managed back into the kernel, as after a boot. Nothing is removed, nothing undone.

    Returns the changes made. Raises ApplyError, which names the first rule that failed, after all others were tried.
    """
    with file.locked():
        managed = file.load()
        kernel = Kernel(tool, timeouts=bool(managed.timeouts), daemons=bool(managed.daemons))
        order = Order(
            managed.services, "none", timeouts=managed.timeouts or None, daemons=list(managed.daemons) or None
        )
        outcome = preview(order, kernel.read(), managed, DrainFile(file.path).load())
        kernel.change(outcome.before, outcome.after)
    return outcome.plan


def _target_timeouts(order: Order, before: State, managed: Managed) -> Timeouts | None:
    """Return the current timeouts with those given; one that no longer is goes back to the kernel's default."""
    if order.timeouts is None or before.timeouts is None:
        return None
    defaults = Timeouts().to_dict()
    return replace(before.timeouts, **{**{name: defaults[name] for name in managed.timeouts}, **order.timeouts})


def _target_daemons(order: Order, before: State, managed: Managed) -> tuple[SyncDaemon, ...] | None:
    """Return the daemons that are wanted, and those of somebody else that run."""
    if order.daemons is None or before.daemons is None:
        return None
    decided = {daemon.state for daemon in (*order.daemons, *managed.daemons)}
    return (*order.daemons, *(daemon for daemon in before.daemons if daemon.state not in decided))
