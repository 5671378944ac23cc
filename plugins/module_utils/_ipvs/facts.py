# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fact ``ipvs``, gathered from the kernel or from saved output of ipvsadm."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Callable

from .connections import TITLE as CONNECTIONS_TITLE
from .connections import parse_connections, summarize
from .errors import ParseError
from .listing import Listing, merge_listings, parse_listing
from .model import ServiceKey
from .rules import parse_rules
from .selection import Selector
from .settings import parse_daemons, parse_timeouts
from .table import Shower, read_table

TABLE_OPTIONS = {
    "statistics": ("--stats", "--exact"),
    "rates": ("--rate", "--exact"),
    "persistent_connections": ("--persistent-conn",),
}
"""What can be gathered of each service and server, and the listing that holds it, its numbers whole."""

GATHER = [*TABLE_OPTIONS, "timeouts", "sync_daemons", "connections", "connection_entries"]
"""All that can be gathered besides the table itself."""

_PROC = re.compile(r"^\s*(?:->|TCP|UDP|SCTP)\s+[0-9A-F]{8}:[0-9A-F]{4}\s", re.MULTILINE)


def gather(ipvsadm: Shower, wanted: Collection[str], selectors: list[Selector]) -> dict[str, Any]:
    """Read the table and whatever else of GATHER is ``wanted``; of services and connections only the selected ones."""
    listing = read_table(ipvsadm, *(options for name, options in TABLE_OPTIONS.items() if name in wanted))
    facts = _table_facts(listing, selectors)
    if "timeouts" in wanted:
        facts["timeouts"] = _timeouts(ipvsadm.show("--timeout"))
    if "sync_daemons" in wanted:
        facts["sync_daemons"] = _daemons(ipvsadm.show("--daemon"))
    if "connections" in wanted or "connection_entries" in wanted:
        facts["connections"] = _connections(ipvsadm.show("-c", "--persistent-conn"), wanted, selectors)
    return facts


def gather_from_texts(texts: list[str], wanted: Collection[str], selectors: list[Selector]) -> dict[str, Any]:
    """Read saved output of ipvsadm, each text recognized by its form; all that it says is returned.

    Raises ParseError, which says which text it was.
    """
    facts: dict[str, Any] = {}
    listings = []
    for count, text in enumerate(texts, 1):
        try:
            kind = _recognize(text)
            if kind == "connections":
                facts[kind] = _connections(text, wanted, selectors)
            elif kind in _SETTINGS:
                facts[kind] = _SETTINGS[kind](text)
            else:
                listings.append(parse_rules(text) if kind == "rules" else parse_listing(text))
        except ParseError as error:
            raise ParseError(f"text {count}: {error}") from error
    return {**_table_facts(merge_listings(listings), selectors), **facts} if listings else facts


def _recognize(text: str) -> str:
    first = text.strip().split("\n", 1)[0]
    if _PROC.search(text):
        raise ParseError(
            "this is /proc/net/ip_vs, which lacks scheduler flags, the family of firewall marks and the unit of "
            "timeouts: save what 'ipvsadm -L -n' prints instead"
        )
    if first.strip() == CONNECTIONS_TITLE:
        return "connections"
    if first.startswith("Timeout "):
        return "timeouts"
    if not first or " sync daemon " in first:
        # ipvsadm -L --daemon prints nothing where no daemon runs.
        return "sync_daemons"
    return "rules" if first.startswith(("-A ", "-a ", "ipvsadm ")) else "listing"


def _table_facts(listing: Listing, selectors: list[Selector]) -> dict[str, Any]:
    if selectors:
        listing.services = {key: entry for key, entry in listing.services.items() if _is_selected(key, selectors)}
    return {"version": listing.version, "size": listing.size, "services": listing.to_dicts()}


def _timeouts(text: str) -> dict[str, Any]:
    return parse_timeouts(text).to_dict()


def _daemons(text: str) -> list[dict[str, Any]]:
    return [daemon.to_dict() for daemon in parse_daemons(text)]


_SETTINGS: dict[str, Callable[[str], Any]] = {"timeouts": _timeouts, "sync_daemons": _daemons}


def _connections(text: str, wanted: Collection[str], selectors: list[Selector]) -> dict[str, Any]:
    found = (
        connection
        for connection in parse_connections(text)
        if not selectors or _is_selected(_service_of(connection), selectors)
    )
    entries = list(found) if "connection_entries" in wanted else None
    summary = summarize(found if entries is None else entries)
    facts: dict[str, Any] = {"total": sum(line["connections"] for line in summary), "summary": summary}
    if entries is not None:
        facts["entries"] = entries
    return facts


def _service_of(connection: dict[str, Any]) -> ServiceKey:
    return ServiceKey.of_address(connection["protocol"], connection["virtual_address"], connection["virtual_port"])


def _is_selected(key: ServiceKey, selectors: list[Selector]) -> bool:
    return any(selector.chooses(key) for selector in selectors)
