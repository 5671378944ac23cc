# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the load balanced: what the probe saw against what the scheduler promises and what the kernel counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import VirtualService

from .._balance import Promise, judge, promise
from .._distribution import ipvs_difference, service_counts
from .backends import page_label
from .check import Check, blind, listed, no_wrong, skip
from .plan import probes
from .site import Host, Site
from .wanted import Backend

SHOWN = 60


@dataclass(frozen=True)
class Measure:
    """What was seen of one virtual service: the probe's result, and the kernel's connections by real server.

    ``pages``: the real servers that send each page; nothing where it is not known of all what they send.
    """

    service: VirtualService
    probe: Mapping[str, Any] | None
    counted: dict[str, int]
    error: str
    backends: dict[str, tuple[str, Backend] | None]
    pages: dict[str, list[str]]
    planned: bool

    @property
    def requests(self) -> int:
        """How many requests the probe sent."""
        return int((self.probe or {}).get("requests", 0))

    def promise(self, requests: int) -> Promise:
        """Return what the service as the inventory wants it promises for this number of requests."""
        service = self.service
        return promise(
            service.scheduler,
            {str(server.key): server.weight for server in service.servers},
            requests,
            service.scheduler_flags,
            service.persistence is not None,
            any(server.upper_threshold for server in service.servers),
        )


def measures(site: Site, host: Host) -> list[Measure]:
    """Return what was seen of each virtual service of a director."""
    wanted = host.wanted.ipvs
    planned = {one["service"] for one in probes(site, host.name, 1)}
    results = {one["item"]["service"]: one for one in host.result("probes").get("results", []) if "item" in one}
    try:
        before, after = (host.result(name)["ansible_facts"]["ipvs"] for name in ("before", "after"))
        difference = {_key(one): service_counts(one) for one in ipvs_difference(before, after)}
        error = ""
    except KeyError:
        difference, error = {}, host.error("before") or host.error("after")
    except AnsibleFilterError as reason:
        difference, error = {}, str(reason)
    measures = []
    for service in wanted.services if wanted else []:
        backends = {str(server.key): site.backend_of(host.name, server.key) for server in service.servers}
        key = str(service.key)
        measures.append(
            Measure(
                service,
                results.get(key),
                difference.get(key, {}),
                error,
                backends,
                _pages(site, backends),
                key in planned,
            )
        )
    return measures


def _pages(site: Site, backends: Mapping[str, tuple[str, Backend] | None]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for server, owner in backends.items():
        page = page_label(site.hosts[owner[0]], owner[1]) if owner else None
        if page is None:
            return {}
        found.setdefault(page, []).append(server)
    return found


def _key(service: Mapping[str, Any]) -> str:
    return str(VirtualService.from_dict(dict(service)).key)


def balance_checks(measure: Measure, other_clients: bool) -> Iterator[Check]:
    """Check one virtual service: its answers, its balance, and the kernel's counters against the probe's.

    With ``other_clients``, others may use the service meanwhile: the kernel may then count more than the probe sent.
    """
    service, probe = measure.service, measure.probe
    if not measure.planned:
        why = "it has no real server with a weight"
        if any(server.weight for server in service.servers):
            why = "it cannot be asked by a probe, which knows HTTP, TCP and DNS"
        yield skip("balance", f"{service.key} balances", why)
        return
    if probe is None or "responders" not in probe:
        yield blind("balance", f"{service.key} answers", str((probe or {}).get("msg", "")))
        return
    yield _answer_check(measure)
    if measure.error:
        yield blind("balance", f"{service.key} balances", measure.error)
        return
    total = sum(measure.counted.values())
    expected = measure.promise(total if other_clients else measure.requests)
    shares = listed(
        f"{one.server} {one.low if one.low == one.high else f'{one.low} to {one.high}'}" for one in expected.shares
    )
    seen = listed(f"{server} {count}" for server, count in measure.counted.items())
    wrong = judge(expected, measure.counted)
    evidence = f"kernel counters: {seen}; {expected.basis}"
    yield no_wrong("balance", f"{service.key} balances", wrong, shares, evidence)
    yield _counter_check(measure, other_clients)


def _answer_check(measure: Measure) -> Check:
    probe = measure.probe or {}
    answers = dict(probe["responders"])
    wrong = [f"{count} x {error}" for error, count in probe["errors"].items()]
    pages = measure.pages
    if pages:
        wrong += [
            f"{count} from somebody who is no backend of it: {_short(page)}"
            for page, count in answers.items()
            if page not in pages
        ]
        sure = {one.server for one in measure.promise(measure.requests).shares if one.low}
        wrong += [
            f"none from {_named(measure, servers)}"
            for page, servers in pages.items()
            if page not in answers and sure & set(servers)
        ]
    name = f"{measure.service.key} is answered by its real servers"
    expected = f"{measure.requests} answers from {listed(_named(measure, servers) for servers in pages.values())}"
    if not pages:
        expected = f"{measure.requests} answers"
    return no_wrong("balance", name, wrong, expected, f"{measure.requests} requests to {probe['url']}")


def _named(measure: Measure, servers: list[str]) -> str:
    return " or ".join(
        f"{owner[1].name} ({server})" if owner else server
        for server, owner in ((server, measure.backends[server]) for server in servers)
    )


def _short(page: str) -> str:
    return page if len(page) <= SHOWN else f"{page[:SHOWN]}..."


def _counter_check(measure: Measure, other_clients: bool) -> Check:
    """Compare what the kernel gave to the servers of a page with how often that page came.

    A connection to a server that did not answer counts in the kernel and is an error of the probe.
    """
    probe = measure.probe or {}
    answers, errors = Counter(dict(probe["responders"])), sum(probe["errors"].values())
    counted = sum(measure.counted.values())
    wrong = []
    if counted < measure.requests or (counted > measure.requests and not other_clients):
        wrong.append(f"{measure.requests} requests sent, {counted} connections counted by the kernel")
    for page, servers in measure.pages.items():
        connections = sum(measure.counted.get(server, 0) for server in servers)
        unanswered = connections - answers[page]
        if unanswered < 0 or (unanswered > errors and not other_clients):
            wrong.append(
                f"{_named(measure, servers)}: {answers[page]} answers with its page, {connections} connections"
            )
    name = f"{measure.service.key}: the kernel counted what the probe sent"
    expected = f"{measure.requests} connections, each at the real server that answered"
    return no_wrong("balance", name, wrong, expected, "ipvsadm -ln --stats --exact before and after the probe")
