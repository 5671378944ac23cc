# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables of the role dnsmasq, before any host is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.highload.lvs.plugins.module_utils import _dnsmasq


def _of_the_host(service: Mapping[str, Any], resolved: str) -> Iterator[str]:
    """Tell what keeps the host itself from asking this dnsmasq."""
    if resolved == "kept":
        return
    if "127.0.0.1" not in service["listen_addresses"]:
        yield (
            f"listen_addresses: {', '.join(service['listen_addresses'])} lacks 127.0.0.1, "
            f"which this host is to ask with dnsmasq_resolved: {resolved}. Add it."
        )
    if resolved == "disabled" and not service["forward"]:
        yield "forward: with false this host would resolve only the records. Set dnsmasq_resolved to routed or kept."
    if resolved == "routed" and not service["records"] and not service["domain_upstreams"]:
        yield "records: there is no name to route to dnsmasq. Add one, or set dnsmasq_resolved to kept."


def dnsmasq_mistakes(service: Mapping[str, Any], resolved: str = "kept") -> list[str]:
    """Return every mistake in the variables of the role."""
    given = {**service, "ttl": int(service["ttl"]), "cache_size": int(service["cache_size"])}
    return [f"dnsmasq_{mistake}" for mistake in (*_dnsmasq.mistakes(given), *_of_the_host(given, resolved))]
