# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a host that answers DNS: its answers, their rotation, its upstreams, and who resolves names on the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .backends import unit_checks
from .check import Check, blind, check, listed, skip
from .plan import FAMILIES, lacking, questions
from .site import Host
from .wanted import WILDCARDS, Dns

TOPIC = "dns"


def dns_checks(host: Host) -> Iterator[Check]:
    """Check the DNS server of a host, if it is to be one."""
    dns = host.wanted.dns
    if dns is None:
        return
    yield from unit_checks(host, TOPIC, "dnsmasq.service")
    for name, kind in questions(dns):
        yield from _record_checks(host, dns, name, kind)
    yield from _other_checks(host, dns)
    yield _port_check(host, dns)
    if dns.resolver:
        yield from _resolver_checks(host, dns)
    else:
        yield skip(
            TOPIC, "the host asks its own server", "dnsmasq_resolved is not disabled: the host keeps its resolver"
        )


def first_places(host: Host, name: str, kind: str) -> dict[str, int]:
    """Return how often each address came first in the answers to a question."""
    result = _find(host, "rotation", name, kind)
    return dict(result["first"]) if result else {}


def _record_checks(host: Host, dns: Dns, name: str, kind: str) -> Iterator[Check]:
    wanted = [one for one in dns.records[name] if (":" in one) is FAMILIES[kind]]
    title = name if kind == "A" else f"{name} {kind}"
    result = _find(host, "rotation", name, kind)
    if result is None:
        yield blind(TOPIC, f"{title} has its addresses", host.error("rotation"))
        return
    answers = result["answers"]
    evidence = f"{len(answers)} questions for {name} {kind}"
    different = {tuple(sorted(one["addresses"])): one for one in answers}
    errors = dict(result["errors"])
    right = not errors and all(sorted(wanted) == list(addresses) for addresses in different)
    seen = " or ".join(listed(addresses) for addresses in different if addresses)
    seen = "; ".join(filter(None, [seen, *(f"{count} x {error}" for error, count in errors.items())]))
    seen = seen or listed(one["rcode"] for one in different.values())
    yield check(TOPIC, f"{title} has its addresses", right, listed(sorted(wanted)), seen, evidence)
    if len(wanted) < 2:
        return
    least = len(answers) // len(wanted) // 2
    first = dict(result["first"])
    yield check(
        TOPIC,
        f"{title} rotates",
        all(first.get(one, 0) >= max(least, 1) for one in wanted),
        f"each of {len(wanted)} addresses first in at least {max(least, 1)} of {len(answers)} answers",
        listed(f"{one} {first.get(one, 0)} times" for one in wanted),
        evidence,
    )


def _other_checks(host: Host, dns: Dns) -> Iterator[Check]:
    for name, kind in lacking(dns):
        title = f"{name} has no {kind}"
        result = _find(host, "answers", name, kind)
        if result is None:
            yield blind(TOPIC, title, host.error("answers"))
            continue
        answer = result["answers"][0]
        seen = answer["error"] or f"{answer['rcode']}, {listed(answer['addresses'])}"
        yield check(TOPIC, title, seen == "NOERROR, nothing", "NOERROR, nothing", seen, f"asked for {name} {kind}")
    yield from _upstream_checks(host, dns)


def _upstream_checks(host: Host, dns: Dns) -> Iterator[Check]:
    servers = _find(host, "answers", "servers.bind", "TXT")
    if dns.upstreams and servers is None:
        yield blind(TOPIC, "questions are forwarded to the upstreams", host.error("answers"))
    elif dns.upstreams and servers is not None:
        told = " ".join(record["data"] for record in servers["answers"][0]["records"])
        seen = sorted(word for word in told.split() if "#" in word)
        wanted = sorted(one if "#" in one else f"{one}#53" for one in dns.upstreams)
        name = "questions are forwarded to the upstreams"
        yield check(TOPIC, name, seen == wanted, listed(wanted), listed(seen), "asked for servers.bind TXT CH")
    if not dns.check_name:
        return
    name = f"{dns.check_name} is answered through them"
    result = _find(host, "answers", *_split(dns.check_name))
    if result is None:
        yield blind(TOPIC, name, host.error("answers"))
        return
    answer = result["answers"][0]
    right = answer["rcode"] in ("NOERROR", "NXDOMAIN")
    yield check(TOPIC, name, right, "NOERROR or NXDOMAIN", answer["rcode"] or answer["error"])


def _split(question: str) -> tuple[str, str]:
    """Return the name and the type of a question as dns_query takes it."""
    words = [*question.split(), "A"]
    return words[0], words[1]


def _find(host: Host, register: str, name: str, kind: str) -> Mapping[str, Any] | None:
    for result in host.result(register).get("results", []):
        if (result["name"], result["type"]) == (name, kind):
            found: Mapping[str, Any] = result
            return found
    return None


def _port_check(host: Host, dns: Dns) -> Check:
    name = "dnsmasq alone answers on port 53 of its addresses"
    sockets = host.result("system").get("sockets")
    if sockets is None:
        return blind(TOPIC, name, host.error("system"))
    holders = [
        f"{one['process'] or 'somebody'} on {one['address']} ({one['protocol']})"
        for one in sockets
        if one["port"] == 53 and one["address"] in (*dns.listen, *WILDCARDS)
    ]
    others = [one for one in holders if not one.startswith("dnsmasq ")]
    both = all(
        any(one.startswith("dnsmasq ") and f"({protocol})" in one for one in holders) for protocol in ("tcp", "udp")
    )
    return check(TOPIC, name, both and not others, "dnsmasq, udp and tcp", listed(holders), "ss -lntup")


def _resolver_checks(host: Host, dns: Dns) -> Iterator[Check]:
    system = host.result("system")
    unit = next((one for one in system.get("units", []) if one["name"] == "systemd-resolved.service"), None)
    if unit is None:
        yield blind("resolver", "systemd-resolved is out of the way", host.error("system"))
        return
    state = f"{unit['active']}, {unit['enabled'] or unit['load']}"
    off = unit["active"] in ("inactive", "failed") and unit["enabled"] not in ("enabled", "enabled-runtime")
    evidence = "systemctl show systemd-resolved.service"
    yield check("resolver", "systemd-resolved is out of the way", off, "inactive, not enabled", state, evidence)
    servers = system["nameservers"]
    name = "the host asks its own server"
    yield check("resolver", name, servers == ["127.0.0.1"], "127.0.0.1", listed(servers), "/etc/resolv.conf")
    for name, found in system["resolved_names"].items():
        wanted = sorted(dns.records.get(name, []))
        seen = sorted(found["addresses"])
        yield check(
            "resolver",
            f"programs on the host find {name}",
            seen == wanted,
            listed(wanted),
            listed(seen) if seen else found["error"],
            "getaddrinfo()",
        )
