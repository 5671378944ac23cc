# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a director: VIPs, kernel modules, sysctls, what comes back at boot, the table, strangers on the VIP."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import canonical, endpoint
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import (
    RealServer,
    ServiceKey,
    VirtualService,
    servers_of,
    table_of,
)

from .backends import unit_checks
from .check import Check, blind, check, listed, no_wrong
from .plan import link_unit, modules
from .site import Host
from .wanted import WILDCARDS, Ipvs, Links


def link_checks(host: Host) -> Iterator[Check]:
    """Check the dummy interfaces and the VIPs that they carry."""
    wanted = host.wanted.links
    if wanted is None or not wanted.addresses:
        return
    system = host.result("system")
    if "links" not in system:
        yield blind("vip", "VIPs", host.error("system"))
        return
    enabled = {one["name"] for one in system["units"] if one["enabled"] == "enabled"}
    by_unit = {name for name in wanted.addresses if link_unit(name) in enabled}
    if len(by_unit) < len(wanted.addresses):
        yield from unit_checks(host, "vip", "systemd-networkd.service")
    for name, addresses in wanted.addresses.items():
        link = next((one for one in system["links"] if one["name"] == name), None)
        kind = f"{link['kind'] or 'device'}, {'up' if link['up'] else 'down'}" if link else "no such interface"
        yield check("vip", f"{name} is a dummy interface and up", kind == "dummy, up", "dummy, up", kind)
        for address in addresses:
            places = [one["name"] for one in system["links"] if address.lower() in one["addresses"]]
            yield check("vip", f"VIP {address} is there", places == [name], f"on {name}", f"on {listed(places)}")
        back = name in system["boot_links"]
        maker = "made by a unit of its own" if name in by_unit else "made by systemd-networkd"
        yield check("vip", f"{name} comes back at boot", back, maker, maker if back else "nothing makes it")


def ipvs_checks(host: Host) -> Iterator[Check]:
    """Check the kernel of a director."""
    wanted = host.wanted.ipvs
    if wanted is None:
        return
    yield from unit_checks(host, "boot", "highload-ipvs.service")
    yield from _kernel_checks(host, wanted)
    error = host.error("before")
    if error:
        yield blind("table", "IPVS table", error)
    else:
        yield from _table_checks(host, wanted)
    yield _stranger_check(host, wanted)


def _kernel_checks(host: Host, wanted: Ipvs) -> Iterator[Check]:
    system = host.result("system")
    if "modules" not in system:
        yield blind("kernel", "modules and sysctls", host.error("system"))
        return
    names = modules(host.wanted)
    missing = [one for one in names if not system["modules"].get(one)]
    yield check("kernel", "modules are loaded", not missing, listed(names), _missing(names, missing))
    missing = [one for one in names if one not in system["boot_modules"]]
    yield check("boot", "modules are loaded at boot", not missing, listed(names), _missing(names, missing))
    if wanted.sysctls:
        found = system["sysctls"]
        wrong = [
            f"{name} is {'not there' if found.get(name) is None else found[name]} instead of {value}"
            for name, value in wanted.sysctls.items()
            if found.get(name) != " ".join(value.split())
        ]
        expected = listed(f"{name} = {value}" for name, value in wanted.sysctls.items())
        yield no_wrong("kernel", "sysctls are set", wrong, expected)


def _missing(names: list[str], missing: list[str]) -> str:
    return f"{listed(missing)} missing" if missing else listed(names)


def kernel_table(host: Host) -> dict[ServiceKey, VirtualService]:
    """Return the table that was in the kernel before the probe; empty where it could not be read."""
    ipvs = host.result("before").get("ansible_facts", {}).get("ipvs", {"services": []})
    return table_of(VirtualService.from_dict(dict(service)) for service in ipvs["services"])


def _table_checks(host: Host, wanted: Ipvs) -> Iterator[Check]:
    table = kernel_table(host)
    for service in wanted.services:
        expected = f"{service.scheduler}, {listed(f'{one.key} weight {one.weight}' for one in service.servers)}"
        wrong = service_differences(service, table.get(service.key))
        yield no_wrong("table", f"{service.key} is in the kernel as in the inventory", wrong, expected)
    facts = host.result("before")["ansible_facts"]["ipvs"]
    if wanted.timeouts:
        found = facts["timeouts"]
        wrong = [
            f"{name} is {found[name]} s, not {value} s"
            for name, value in wanted.timeouts.items()
            if found[name] != value
        ]
        yield no_wrong("table", "timeouts are set", wrong, listed(f"{n} {v} s" for n, v in wanted.timeouts.items()))
    if wanted.daemons:
        running = [f"{one['state']} on {one['interface']}, id {one['sync_id']}" for one in facts["sync_daemons"]]
        daemons = [f"{one.state} on {one.interface}, id {one.sync_id}" for one in wanted.daemons]
        yield check("table", "sync daemons run", sorted(running) == sorted(daemons), listed(daemons), listed(running))


def service_differences(wanted: VirtualService, seen: VirtualService | None) -> list[str]:
    """Say in what the kernel's virtual service differs from the wanted one."""
    if seen is None:
        return ["it is not in the kernel"]
    wrong = []
    if seen.settings != wanted.settings:
        names = ("scheduler", "scheduler flags", "persistence", "one packet", "persistence engine")
        wrong += [
            f"{name} is {_told(one)} instead of {_told(other)}"
            for name, one, other in zip(names, seen.settings, wanted.settings)
            if one != other
        ]
    servers, others = servers_of(wanted), servers_of(seen)
    wrong += [f"real server {key} is missing" for key in servers if key not in others]
    wrong += [f"real server {key} is not in the inventory" for key in others if key not in servers]
    for key, server in servers.items():
        if key in others and others[key] != server:
            wrong += [f"real server {key} has {one}" for one in _server_differences(server, others[key])]
    return wrong


def _server_differences(wanted: RealServer, seen: RealServer) -> list[str]:
    return [
        f"{name.replace('_', ' ')} {_told(getattr(seen, name))} instead of {_told(getattr(wanted, name))}"
        for name in ("weight", "forward", "upper_threshold", "lower_threshold", "tunnel")
        if getattr(seen, name) != getattr(wanted, name)
    ]


def _told(value: object) -> str:
    if value is None or value == ():
        return "none"
    return listed(value) if isinstance(value, tuple) else str(value)


def _stranger_check(host: Host, wanted: Ipvs) -> Check:
    """Look for virtual services that nobody wants on a VIP, or anywhere if the table is to be exact, and for sockets.

    A program that listens on every address can be reached on a VIP too. That is told and no failure, for nearly
    every host has one; a program bound to the VIP itself is.
    """
    name = "nobody else serves on the VIPs"
    system = host.result("system")
    if "sockets" not in system:
        return blind("vip", name, host.error("system"))
    vips = {service.key.address for service in wanted.services if service.key.address}
    vips |= (host.wanted.links or Links({})).vips
    keys = {service.key for service in wanted.services}
    strangers = [
        f"virtual service {key}"
        for key in kernel_table(host)
        if key not in keys and (key.address in vips or wanted.purge == "all")
    ]
    allowed = {(address, 53) for address in (host.wanted.dns.listen if host.wanted.dns else [])}
    allowed |= {(backend.bind, backend.port) for backend in host.wanted.backends}
    open_to_all = []
    for one in system["sockets"]:
        told = f"{one['process'] or 'a program'} on {one['protocol']} {endpoint(one['address'], one['port'])}"
        if one["address"] in WILDCARDS:
            open_to_all.append(told)
        elif canonical(one["address"]) in vips and (one["address"], one["port"]) not in allowed:
            strangers.append(told)
    evidence = f"also to be reached on the VIPs, as they listen on every address: {listed(open_to_all)}"
    return no_wrong("vip", name, strangers, "nobody", evidence)
