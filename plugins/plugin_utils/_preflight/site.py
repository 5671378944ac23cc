# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts as they are to be, mistakes included, and as they were seen before anything was changed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import canonical, is_loopback
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import RealServer, VirtualService
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.modules import needed_modules
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order

from .._servers_from import Resolved, resolve
from .._verify.wanted import plain, role_values

SEEN = "__preflight_"
"""How the names of the variables begin in which the playbook registers what it saw."""

OUTSIDE = ("192.0.2.1", "2001:db8::1")
"""Addresses of no host (RFC 5737, RFC 3849), which stand for clients anywhere."""


@dataclass(frozen=True)
class Host:
    """One host: the virtual services that are right, the mistakes in the others, and what was seen."""

    name: str
    services: tuple[VirtualService, ...] = ()
    mistakes: tuple[str, ...] = ()
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    addresses: frozenset[str] = frozenset()
    system: Mapping[str, Any] = field(default_factory=dict)
    vips: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sysctls(self) -> dict[str, str]:
        """The sysctls that the role sets on a director, written with dots."""
        given = self.roles.get("ipvs", {}).get("ipvs_sysctls", {})
        return {str(name).replace("/", "."): str(value) for name, value in given.items()}

    @property
    def seen(self) -> bool:
        """Whether the host could be looked at."""
        return "links" in self.system

    @property
    def links(self) -> list[dict[str, Any]]:
        """The interfaces that were seen."""
        return list(self.system.get("links", []))

    def servers(self, *forwards: str) -> Iterator[tuple[VirtualService, RealServer]]:
        """Return the real servers with these ways to forward, each with its virtual service."""
        for service in self.services:
            for server in service.servers:
                if server.forward in forwards:
                    yield service, server


@dataclass(frozen=True)
class Site:
    """All hosts, and where the clients are: None if nobody said."""

    hosts: dict[str, Host]
    clients: tuple[str, ...] | None

    @property
    def directors(self) -> list[Host]:
        """The hosts that balance."""
        return [host for host in self.hosts.values() if "ipvs" in host.roles]

    def owner(self, address: str) -> Host | None:
        """Return the host that has an address which is not a loopback one."""
        return next((host for host in self.hosts.values() if address in host.addresses), None)


def read_site(hostvars: Mapping[str, Any], names: Iterable[str], clients: Any = None) -> Site:
    """Read the hosts of these names from Ansible's ``hostvars``. Raises ValidationError for what is no client."""
    return Site({name: _read_host(name, hostvars) for name in names}, _read_clients(clients))


def _read_clients(clients: Any) -> tuple[str, ...] | None:
    if clients is None:
        return None
    found, errors = [], []
    for one in clients if isinstance(clients, (list, tuple)) else [clients]:
        try:
            network = ipaddress.ip_network(str(one), strict=False)
        except ValueError:
            errors.append(f"preflight_clients: {one!r} is neither an IP address nor a network")
        else:
            # Any address of a network stands for it.
            found.append(str(network[min(1, network.num_addresses - 1)]))
    if errors:
        raise ValidationError(errors)
    return tuple(found)


def _read_host(name: str, hostvars: Mapping[str, Any]) -> Host:
    variables = hostvars[name]
    roles = role_values(variables)
    services, mistakes = _read_services(roles["ipvs"], variables, hostvars) if "ipvs" in roles else ((), ())
    system = _result(variables, "system")
    return Host(
        name,
        services,
        mistakes,
        roles,
        frozenset(_addresses(variables, system)),
        system,
        _result(variables, "vips"),
    )


def _result(variables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    result = variables.get(SEEN + name)
    return result if isinstance(result, Mapping) else {}


def _addresses(variables: Mapping[str, Any], system: Mapping[str, Any]) -> Iterator[str]:
    """Return the host's own addresses: not loopback, nor a VIP on a dummy interface, which other hosts have as well."""
    given = (variables.get(name) for name in ("ipvs_server_address", "ipvs_server_address_ipv6", "ansible_host"))
    links = (link for link in system.get("links", []) if link["kind"] != "dummy" and link["name"] != "lo")
    for text in (*given, *(one.split("/")[0] for link in links for one in link["addresses"])):
        try:
            yield canonical(str(text))
        except ValueError:
            continue


def _read_services(
    values: Mapping[str, Any], variables: Mapping[str, Any], hostvars: Mapping[str, Any]
) -> tuple[tuple[VirtualService, ...], tuple[str, ...]]:
    """Return the services that are right, and every mistake in all of them, in words of the inventory."""
    try:
        resolved = resolve(plain(values["ipvs_services"]), variables.get("groups", {}), hostvars)
    except ValidationError as error:
        return (), tuple(error.errors)
    try:
        return tuple(_order(values, resolved.services)), ()
    except ValidationError as error:
        mistakes = tuple(resolved.in_words_of_the_inventory(error.errors))
    return tuple(_right_ones(values, resolved)), mistakes


def _right_ones(values: Mapping[str, Any], resolved: Resolved) -> Iterator[VirtualService]:
    for one in resolved.services if isinstance(resolved.services, list) else []:
        try:
            yield from _order({**values, "ipvs_sync_daemons": [], "ipvs_timeouts": {}}, [one])
        except ValidationError:
            continue


def _order(values: Mapping[str, Any], services: Any) -> Iterable[VirtualService]:
    names = ("purge", "keep_addresses", "timeouts", "sync_daemons", "drain", "state")
    parameters = {name: plain(values[f"ipvs_{name}"]) for name in names}
    return read_order({**parameters, "services": services}).wanted.values()


def look(site: Site, name: str) -> dict[str, Any]:
    """Return what the modules are to look at on one host."""
    host = site.hosts[name]
    servers = {server.key.address for director in site.directors for _service, server in director.servers("masq")}
    return {
        "modules": sorted(wanted_modules(site, host)),
        "sysctls": sorted({*host.sysctls, "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"}),
        "routes": [
            {"to": client, "from": server}
            for server in sorted(servers)
            for client in (OUTSIDE if site.clients is None else site.clients)
            if (":" in client) == (":" in server)
        ],
        "vips": sorted({one.key.address for one in host.services if one.key.address and not _is_local(one)}),
    }


def _is_local(service: VirtualService) -> bool:
    return is_loopback(service.key.address)


def wanted_modules(site: Site, host: Host) -> dict[str, str]:
    """Return the kernel modules that a host needs, each with what needs it."""
    needed: dict[str, str] = {}
    if host.services:
        needed = {"ip_vs": "IPVS itself", **needed_modules(host.services)}
    if host.sysctls.get("net.ipv4.vs.conntrack", "0") != "0":
        needed["nf_conntrack"] = "net.ipv4.vs.conntrack"
    if host.roles.get("dummy_interface", {}).get("dummy_interface_links"):
        needed["dummy"] = "dummy_interface_links"
    return needed
