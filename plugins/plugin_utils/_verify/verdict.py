# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict about a site: every check, and the facts that a report shows beside them, as plain data."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

import yaml

from .backends import backend_checks, page_answers, page_label
from .balance import Measure, balance_checks, measures
from .check import FAIL, PASS, SKIP, Check, check
from .director import ipvs_checks, kernel_table, link_checks
from .dns import dns_checks, first_places
from .site import Host, Site
from .wanted import COLLECTION, Backend


def verdict(site: Site, other_clients: bool = False) -> dict[str, Any]:
    """Judge all hosts. The result holds only what JSON can."""
    checks: list[dict[str, Any]] = []
    services: list[dict[str, Any]] = []
    for host in site.hosts.values():
        for one in host_checks(site, host, other_clients):
            checks.append({"host": host.name, **asdict(one)})
        services += [_service(site, host, measure) for measure in measures(site, host)]
    counts = {status: sum(one["status"] == status for one in checks) for status in (PASS, FAIL, SKIP)}
    return {
        "ok": counts[FAIL] == 0 and counts[PASS] > 0,
        "counts": counts,
        "time": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "collection": _version(),
        "hosts": [_host(host) for host in site.hosts.values()],
        "names": [name for host in site.hosts.values() for name in _names(host)],
        "services": services,
        "checks": checks,
    }


def host_checks(site: Site, host: Host, other_clients: bool = False) -> list[Check]:
    """Judge one host."""
    if host.unreachable:
        return [check("host", "the host can be reached", False, "reachable", "unreachable", host.unreachable)]
    found = [*backend_checks(host), *dns_checks(host), *link_checks(host), *ipvs_checks(host)]
    for measure in measures(site, host):
        found += balance_checks(measure, other_clients)
    return found


def _host(host: Host) -> dict[str, Any]:
    system, facts = host.result("system"), host.result("before").get("ansible_facts", {}).get("ipvs", {})
    versions = {name: str(system[name]) for name in ("os", "kernel", "python") if name in system}
    versions.update(system.get("packages", {}))
    if "version" in facts:
        versions["ipvs"] = facts["version"]
    return {"name": host.name, "roles": host.wanted.roles, "reachable": not host.unreachable, "versions": versions}


def _names(host: Host) -> list[dict[str, Any]]:
    dns = host.wanted.dns
    if dns is None:
        return []
    first = {name: {**first_places(host, name, "A"), **first_places(host, name, "AAAA")} for name in dns.records}
    return [
        {
            "host": host.name,
            "name": name,
            "addresses": [{"address": one, "first": first[name].get(one, 0)} for one in addresses],
        }
        for name, addresses in dns.records.items()
    ]


def _service(site: Site, host: Host, measure: Measure) -> dict[str, Any]:
    service, probe = measure.service, measure.probe or {}
    seen = kernel_table(host).get(service.key)
    there = {server.key: server for server in seen.servers} if seen else {}
    shares = measure.promise(measure.requests)
    servers = []
    for server, share in zip(service.servers, shares.shares):
        owner = measure.backends[str(server.key)]
        kernel_weight = there[server.key].weight if server.key in there else None
        servers.append(
            {
                "server": str(server.key),
                "host": owner[0] if owner else "",
                "backend": owner[1].name if owner else "",
                "forward": server.forward,
                "weight": server.weight,
                "kernel_weight": kernel_weight,
                "share": share.share,
                "low": share.low,
                "high": share.high,
                "connections": measure.counted.get(str(server.key)),
                "state": _state(site, owner, server.weight, kernel_weight),
            }
        )
    return {
        "director": host.name,
        "service": str(service.key),
        "scheduler": service.scheduler,
        "basis": shares.basis,
        "in_kernel": seen is not None,
        "servers": servers,
        "requests": measure.requests,
        "errors": dict(probe.get("errors", {})),
        "duration": probe.get("duration"),
        "latency_ms": dict(probe.get("latency_ms", {})),
        "url": str(probe.get("url", "")),
    }


def _state(site: Site, owner: tuple[str, Backend] | None, weight: int, kernel_weight: int | None) -> str:
    """Say in a few words how a real server is."""
    if kernel_weight is None:
        return "not in the kernel"
    if kernel_weight != weight:
        return f"weight {kernel_weight} in the kernel"
    if owner is not None:
        pages = page_answers(site.hosts[owner[0]], owner[1])
        if not pages:
            return "does not answer"
        if list(pages) != [page_label(site.hosts[owner[0]], owner[1])]:
            return "sends another page"
    return "drained" if weight == 0 else "ok"


def _version() -> str:
    """Return the version of the collection, installed or in its repository."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    return str(yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"])
