# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a host that serves: its units, and that each backend sends its own page."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.highload.lvs.plugins.module_utils._probe import label

from .check import Check, blind, check, listed
from .plan import backend_unit, page_url
from .site import Host
from .wanted import Backend


def unit_checks(host: Host, topic: str, name: str) -> Iterator[Check]:
    """Check that a unit runs and starts at boot."""
    found = next((one for one in host.result("system").get("units", []) if one["name"] == name), None)
    if found is None:
        yield blind(topic, f"{name} runs", host.error("system"))
        return
    evidence = f"systemctl show {name}: {found['load']}, {found['active']} ({found['sub']}), {found['enabled']}"
    active = found["active"] == "active"
    yield check(topic, f"{name} runs", active, "active", f"{found['active']} ({found['sub']})", evidence)
    enabled = found["enabled"] == "enabled"
    yield check(topic, f"{name} starts at boot", enabled, "enabled", found["enabled"] or found["load"], evidence)


def backend_checks(host: Host) -> Iterator[Check]:
    """Check the backends of a host."""
    for place, backend in enumerate(host.wanted.backends):
        yield from unit_checks(host, "backend", backend_unit(backend.name))
        yield _page_check(host, place, backend)


def page_answers(host: Host, backend: Backend) -> dict[str, int]:
    """Return who answered for a backend when its own host asked it; nothing where nobody did."""
    results = host.result("pages").get("results", [])
    return next((dict(one["responders"]) for one in results if one["url"] == page_url(backend)), {})


def page_label(host: Host, backend: Backend) -> str | None:
    """Return what answers of this backend are known by: its page, or what it sent when its own host asked it."""
    if backend.page is not None:
        return label(backend.page)
    seen = list(page_answers(host, backend))
    return seen[0] if len(seen) == 1 else None


def _page_check(host: Host, place: int, backend: Backend) -> Check:
    name = f"{backend.name} sends its own page" if backend.page is not None else f"{backend.name} sends a page"
    results = host.result("pages").get("results", [])
    if place >= len(results):
        return blind("backend", name, host.error("pages"))
    pages, errors = list(results[place]["responders"]), results[place]["errors"]
    seen = listed(pages) if pages else f"no answer ({listed(errors)})"
    evidence = f"GET {page_url(backend)} on {host.name}"
    if backend.page is None:
        statuses = list(results[place]["statuses"])
        return check("backend", name, statuses == ["200"], "status 200", f"{listed(statuses)}: {seen}", evidence)
    expected = label(backend.page)
    owners = [one.name for one in host.wanted.backends if one != backend and page_label(host, one) in pages]
    if owners and pages != [expected]:
        seen += f" (the page of {listed(owners)})"
    return check("backend", name, pages == [expected], expected, seen, evidence)
