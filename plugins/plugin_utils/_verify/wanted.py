# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory wants of each host, read from the variables of the roles that its groups stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import canonical
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import VirtualService
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.settings import SyncDaemon
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order

from .._servers_from import resolve

COLLECTION = Path(__file__).resolve().parents[3]
GROUPS = {"lvs_backends": ["backend"], "lvs_dns": ["dnsmasq"], "lvs_directors": ["dummy_interface", "ipvs"]}
WILDCARDS = ("0.0.0.0", "::", "*")


@dataclass(frozen=True)
class Backend:
    """One static web server; page is its front page where the inventory has it as text, bind where it listens."""

    name: str
    port: int
    page: str | None
    bind: str


@dataclass(frozen=True)
class Dns:
    """A DNS server: records by name, and whether it is to be the resolver of its own host."""

    records: dict[str, list[str]]
    upstreams: list[str]
    listen: list[str]
    resolver: bool
    check_name: str


@dataclass(frozen=True)
class Links:
    """The dummy interfaces of a host, with their addresses."""

    addresses: dict[str, list[str]]

    @property
    def vips(self) -> set[str]:
        """The addresses without their prefix lengths."""
        return {canonical(one.split("/")[0]) for found in self.addresses.values() for one in found}


@dataclass(frozen=True)
class Ipvs:
    """What the kernel of a director is to have."""

    services: list[VirtualService]
    purge: str
    sysctls: dict[str, str]
    timeouts: dict[str, int]
    daemons: list[SyncDaemon]


@dataclass(frozen=True)
class Wanted:
    """What a host is to be; None for what it is not to be."""

    backends: list[Backend]
    dns: Dns | None
    links: Links | None
    ipvs: Ipvs | None

    @property
    def roles(self) -> list[str]:
        """The roles that make the host so."""
        found = {"backend": self.backends, "dnsmasq": self.dns, "dummy_interface": self.links, "ipvs": self.ipvs}
        return [name for name, part in found.items() if part]


@cache
def _defaults(role: str) -> dict[str, Any]:
    text = (COLLECTION / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8")
    defaults: dict[str, Any] = yaml.safe_load(text)
    return defaults


def role_values(variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the variables of each role that a host has, by role; those that are not given have their defaults."""
    roles = {role for group in variables["group_names"] for role in GROUPS.get(group, [])}
    values = {}
    for role in roles:
        mine = {name: variables.get(name, default) for name, default in _defaults(role).items()}
        if mine[f"{role}_state"] == "present":
            values[role] = mine
    return values


def read_wanted(variables: Mapping[str, Any], hostvars: Mapping[str, Any]) -> Wanted:
    """Read what one host is to be from its variables, those of Ansible's ``hostvars``, which has those of the others.

    Raises ValidationError for virtual services that cannot be, KeyError for a list that lacks what it must have.
    """
    values = role_values(variables)
    if "ipvs" in values:
        services = values["ipvs"]["ipvs_services"]
        values["ipvs"]["ipvs_services"] = resolve(services, variables.get("groups", {}), hostvars).services
    return Wanted(
        _backends(values["backend"]) if "backend" in values else [],
        _dns(values["dnsmasq"]) if "dnsmasq" in values else None,
        _links(values["dummy_interface"]) if "dummy_interface" in values else None,
        _ipvs(values["ipvs"]) if "ipvs" in values else None,
    )


def _backends(values: dict[str, Any]) -> list[Backend]:
    return [
        Backend(str(one["name"]), int(one["port"]), _page(one), str(one.get("bind", values["backend_bind"])))
        for one in values["backend_servers"]
    ]


def _page(server: Mapping[str, Any]) -> str | None:
    """Return the page that a server is told to send; None where it comes from a file, or from an older release."""
    return None if server.get("content") is None or server.get("release") else str(server["content"])


def _dns(values: dict[str, Any]) -> Dns:
    return Dns(
        {
            str(one["name"]): [canonical(str(address)) for address in one["addresses"]]
            for one in values["dnsmasq_records"]
        },
        [str(one) for one in values["dnsmasq_upstreams"]],
        [str(one) for one in values["dnsmasq_listen_addresses"]],
        values["dnsmasq_resolved"] == "disabled",
        str(values["dnsmasq_check_name"] or ""),
    )


def _links(values: dict[str, Any]) -> Links:
    return Links(
        {str(one["name"]): [str(each) for each in one["addresses"]] for one in values["dummy_interface_links"]}
    )


def _ipvs(values: dict[str, Any]) -> Ipvs:
    names = ("services", "purge", "keep_addresses", "timeouts", "sync_daemons", "drain", "state")
    order = read_order({name: plain(values[f"ipvs_{name}"]) for name in names})
    return Ipvs(
        list(order.wanted.values()),
        order.purge,
        {str(name): str(value) for name, value in values["ipvs_sysctls"].items()},
        order.timeouts or {},
        order.daemons or [],
    )


def plain(value: Any) -> Any:
    """Return Ansible's own kinds of lists and dictionaries as Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value
