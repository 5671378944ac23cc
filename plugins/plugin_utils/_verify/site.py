# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts of an inventory together: what each is to be, what was seen on it, and which server is which."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import canonical
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import ServerKey

from .._servers_from import ADDRESS, ADDRESS_IPV6
from .wanted import WILDCARDS, Backend, Wanted, read_wanted

SEEN = "__verify_"
"""How the names of the variables begin in which the playbook registers what it saw."""


@dataclass(frozen=True)
class Host:
    """One host of the inventory."""

    name: str
    wanted: Wanted
    seen: dict[str, Any]
    stated: set[str]

    def result(self, name: str) -> Mapping[str, Any]:
        """Return a module's result, with ``msg`` where there is none."""
        found = self.seen.get(name)
        if not isinstance(found, Mapping) or found.get("skipped"):
            return {"msg": "it was not looked at"}
        return found

    def error(self, name: str) -> str:
        """Return why a module has no result, empty where it has one."""
        # The playbook goes on after a failure, so that only the message tells of it.
        return str(self.result(name).get("msg", ""))

    @property
    def unreachable(self) -> str:
        """Why the host cannot be reached, empty where it can."""
        results = (one for one in self.seen.values() if isinstance(one, Mapping))
        return next((str(one.get("msg")) for one in results if one.get("unreachable")), "")

    @property
    def addresses(self) -> set[str]:
        """The addresses of the host that are its own alone: not those of loopback and of dummy interfaces."""
        links = [one for one in self.result("system").get("links", []) if one["kind"] != "dummy"]
        found = {canonical(address.split("/")[0]) for link in links for address in link["addresses"]}
        return {one for one in found if not ipaddress.ip_address(one).is_loopback} | self.stated


@dataclass(frozen=True)
class Site:
    """All hosts."""

    hosts: dict[str, Host]

    @classmethod
    def read(cls, hostvars: Mapping[str, Any], names: Iterable[str]) -> Site:
        """Read the hosts of these names from Ansible's ``hostvars``."""
        return cls({name: _read_host(name, hostvars) for name in names})

    def backend_of(self, director: str, server: ServerKey) -> tuple[str, Backend] | None:
        """Return the host and the backend that a real server of this director is, None where the inventory has none."""
        local = ipaddress.ip_address(server.address).is_loopback
        owners = [self.hosts[director]] if local else list(self.hosts.values())
        for host in owners:
            if local or server.address in host.addresses:
                for backend in host.wanted.backends:
                    if backend.port == server.port and backend.bind in (*WILDCARDS, server.address):
                        return host.name, backend
        return None


def _read_host(name: str, hostvars: Mapping[str, Any]) -> Host:
    variables = hostvars[name]
    seen = {one: variables[SEEN + one] for one in RESULTS if SEEN + one in variables}
    names = ("ansible_host", ADDRESS, ADDRESS_IPV6)
    return Host(name, read_wanted(variables, hostvars), seen, set(_addresses(variables.get(one) for one in names)))


def _addresses(values: Iterable[Any]) -> Iterator[str]:
    """Pass on what is an address; a host may also have a name there, or nothing."""
    for value in values:
        with contextlib.suppress(ValueError):
            yield canonical(str(value))


RESULTS = ("system", "rotation", "answers", "pages", "before", "probes", "after")
"""What the playbook registers, in the order in which it looks."""
