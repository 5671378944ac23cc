# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take a host out of every virtual service that it serves, wait until its clients are gone, and put it back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Callable

from .drained import Drained, DrainFile, Out, Place, Roll
from .errors import IPVSError
from .kernel import ApplyError, Kernel, Tool
from .managed import ManagedFile
from .model import Table, VirtualService
from .plan import Change, State, make_plan


@dataclass(frozen=True)
class Limits:
    """How many hosts of a virtual service may be out at a time, and whether a service may be left without any."""

    at_once: int = 1
    empty: bool = False


@dataclass(frozen=True)
class Result:
    """The table before and after, the changes between them, and who is out from now on."""

    before: State
    after: State
    plan: list[Change]
    drained: Drained


class Director:
    """One director's table and its two files. ``dry`` tells what would be done and does nothing."""

    def __init__(self, tool: Tool, state_file: str, dry: bool = False) -> None:
        """Use ``tool``, and the files in the folder of ``state_file``."""
        self._managed = ManagedFile(state_file)
        self._file = DrainFile(self._managed.path)
        self._kernel = Kernel(tool, timeouts=False, daemons=False)
        self._dry = dry

    def look(self) -> Result:
        """Return the table and who is out; nothing is changed."""
        before = self._kernel.read()
        return Result(before, before, [], self._file.load())

    def take_out(self, name: str, addresses: tuple[str, ...], limits: Limits) -> Result:
        """Give every real server of these addresses weight 0, and remember the weights that they had.

        Raises IPVSError, before anything is touched, where that would be one too many.
        """

        def out(drained: Drained, table: Table) -> Drained:
            refusals = list(_refusals(table, drained, name, addresses, limits))
            if refusals:
                raise IPVSError("\n".join([f"{name} stays in service, nothing was changed:", *refusals]))
            since = drained.hosts[name].since if name in drained.hosts else _now()
            return replace(drained, hosts={**drained.hosts, name: Out(addresses, since)})

        return self._change(out)

    def put_in(self, name: str, roll: str = "", hosts: tuple[str, ...] = ()) -> Result:
        """Give the real servers of a host their weights back.

        With the key of a ``roll``, remember that the host is done, and forget the roll when all its ``hosts`` are.
        """

        def without(drained: Drained, _table: Table) -> Drained:
            rest = {one: out for one, out in drained.hosts.items() if one != name}
            if not roll:
                return replace(drained, hosts=rest)
            done = {name, *(drained.roll.done if drained.roll.key == roll else ())}
            return Drained(rest, Roll() if done >= {*hosts} else Roll(roll, tuple(sorted(done))))

        return self._change(without)

    def wait(self, addresses: tuple[str, ...], seconds: int) -> list[dict[str, Any]]:
        """Wait until these addresses have neither active nor persistent connections; return what is left then."""
        places = [place for place, _weight in places_of(self._kernel.read().services, addresses)]
        return self._kernel.wait(places, seconds)

    def _change(self, decide: Callable[[Drained, Table], Drained]) -> Result:
        """Change who is out. The file is written first and last: what the kernel shows is explained at any moment."""
        if self._dry:
            return self._decide(decide)
        with self._managed.locked():
            known = self._file.load()
            result = self._decide(decide)
            if not result.plan:
                if result.drained != known:
                    self._file.save(result.drained)
                return result
            self._file.save(_both(known, result.drained))
            try:
                self._kernel.converge(result.before, result.after)
            except ApplyError as error:
                if error.undone:
                    self._file.save(known)
                raise
            self._file.save(result.drained)
        return result

    def _decide(self, decide: Callable[[Drained, Table], Drained]) -> Result:
        known, before = self._file.load(), self._kernel.read()
        quiet, drained = decide(known, before.services).quiet(known.wake(before.services))
        after = State(quiet)
        return Result(before, after, make_plan(before, after), drained)


def places_of(table: Table, addresses: tuple[str, ...]) -> Iterator[tuple[Place, int]]:
    """Return where the real servers of these addresses stand, each with its weight."""
    for key, service in table.items():
        for server in service.servers:
            if server.key.address in addresses:
                yield (key, server.key), server.weight


def _both(known: Drained, decided: Drained) -> Drained:
    return replace(decided, hosts={**known.hosts, **decided.hosts})


def _refusals(table: Table, drained: Drained, name: str, addresses: tuple[str, ...], limits: Limits) -> Iterator[str]:
    """Say for which services the host is one too many."""
    for key, service in table.items():
        leaving = [one for one in service.servers if one.key.address in addresses and one.weight]
        if not leaving:
            # It gets nothing from this service as it is.
            continue
        out = {
            one.key.address: _why_out(service, one.key.address, drained)
            for one in service.servers
            if one.key.address not in addresses and (not one.weight or drained.host_of(one.key.address))
        }
        if len(out) + 1 > limits.at_once:
            yield (
                f"{key}: {', '.join(out.values()) or 'no other real server'} is out of service already and "
                f"{limits.at_once} may be at once: put it back first, or allow {len(out) + 1} at once"
            )
        elif not limits.empty and not any(one.weight and one.key.address not in addresses for one in service.servers):
            yield f"{key}: no other real server has a weight above 0, so nobody would serve its clients"


def _why_out(service: VirtualService, address: str, drained: Drained) -> str:
    name = drained.host_of(address)
    if name is None:
        return f"{address} (weight 0, not by a drain)"
    return f"{address} ({name}, drained since {drained.hosts[name].since})"


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
