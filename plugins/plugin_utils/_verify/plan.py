# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to look at on a host, so that the verdict has all that it needs in as few module calls as possible."""

from __future__ import annotations

import math
from typing import Any

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import endpoint
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import VirtualService
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.modules import needed_modules

from .._balance import cycle
from .site import Site
from .wanted import WILDCARDS, Backend, Dns, Wanted

ROUNDS = 10
"""How often each address of a name should come first."""

MAX_REQUESTS = 10000
FAMILIES = {"A": False, "AAAA": True}
"""The types of record, and whether their addresses are of IPv6."""


def backend_unit(name: str) -> str:
    """Return the systemd unit of a backend."""
    return f"highload-backend@{name}.service"


def link_unit(name: str) -> str:
    """Return the unit that makes a dummy interface where systemd-networkd does not run."""
    return f"highload-dummy_interface-{name}.service"


def units(wanted: Wanted) -> list[str]:
    """Return the systemd units that matter on a host."""
    names = [backend_unit(backend.name) for backend in wanted.backends]
    if wanted.dns:
        names += ["dnsmasq.service", "systemd-resolved.service"]
    if wanted.links:
        names += ["systemd-networkd.service", *map(link_unit, wanted.links.addresses)]
    if wanted.ipvs:
        names.append("highload-ipvs.service")
    return names


def modules(wanted: Wanted) -> list[str]:
    """Return the kernel modules of IPVS that the virtual services need."""
    return ["ip_vs", *needed_modules(wanted.ipvs.services)] if wanted.ipvs else []


def page_url(backend: Backend) -> str:
    """Return where the backend's host itself reaches it."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    return f"http://{endpoint(local.get(backend.bind, backend.bind), backend.port)}/"


def questions(dns: Dns) -> list[tuple[str, str]]:
    """Return the names and types to ask for: one for each family of addresses that a name has."""
    return [
        (name, kind)
        for name, addresses in dns.records.items()
        for kind in FAMILIES
        if any((":" in address) is FAMILIES[kind] for address in addresses)
    ]


def lacking(dns: Dns) -> list[tuple[str, str]]:
    """Return the names and types that have no address."""
    asked = questions(dns)
    return [(name, kind) for name in dns.records for kind in FAMILIES if (name, kind) not in asked]


def other_questions(dns: Dns) -> list[str]:
    """Return what is asked once: the families that a name lacks, the upstreams, a name that these know."""
    return [*map(" ".join, lacking(dns)), "servers.bind TXT CH", *([dns.check_name] if dns.check_name else [])]


def look(wanted: Wanted) -> dict[str, Any]:
    """Return the parameters of the modules that look at one host."""
    dns = wanted.dns
    return {
        "units": units(wanted),
        "modules": modules(wanted) + (["dummy"] if wanted.links and wanted.links.addresses else []),
        "sysctls": sorted(wanted.ipvs.sysctls) if wanted.ipvs else [],
        "resolve": sorted(dns.records)[:1] if dns and dns.resolver else [],
        "pages": [page_url(backend) for backend in wanted.backends],
        "dns_server": next((one for one in dns.listen if one not in WILDCARDS), "127.0.0.1") if dns else "",
        "questions": [*map(" ".join, questions(dns))] if dns else [],
        "rounds": ROUNDS * max((len(one) for one in dns.records.values()), default=1) if dns else 0,
        "other_questions": other_questions(dns) if dns else [],
    }


def probe_count(service: VirtualService, requests: int) -> int:
    """Return a number of requests from ``requests`` up that ends a cycle of the scheduler, so that shares are exact."""
    weights = [server.weight for server in service.servers if server.weight]
    length = len(weights) if service.scheduler == "rr" else cycle(weights) if service.scheduler == "wrr" else 1
    return min(math.ceil(requests / max(length, 1)) * max(length, 1), MAX_REQUESTS)


def probes(site: Site, director: str, requests: int) -> list[dict[str, Any]]:
    """Return the probes of a director's services: what can be asked over HTTP, TCP or DNS."""
    ipvs = site.hosts[director].wanted.ipvs
    found = []
    for service in ipvs.services if ipvs else []:
        scheme = _scheme(site, director, service)
        if scheme and any(server.weight for server in service.servers):
            path = f"/{_name(site, service)}" if scheme == "dns" else "/"
            url = f"{scheme}://{endpoint(service.key.address, service.key.port)}{path}"
            found.append({"service": str(service.key), "url": url, "count": probe_count(service, requests)})
    return found


def _scheme(site: Site, director: str, service: VirtualService) -> str:
    if service.key.protocol == "udp" and service.key.port == 53:
        return "dns"
    if service.key.protocol != "tcp" or service.key.port == 0:
        return ""
    known = all(site.backend_of(director, server.key) for server in service.servers)
    return "http" if known else "tcp"


def _name(site: Site, service: VirtualService) -> str:
    """Return a name to ask a DNS service for: one that its servers know themselves, so that no upstream counts in."""
    addresses = {server.key.address for server in service.servers}
    owners = [host.wanted.dns for host in site.hosts.values() if host.wanted.dns and addresses & host.addresses]
    return next((name for dns in owners for name in dns.records), ".")
