# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rates of IPVS as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import endpoint
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import ServiceKey

BAR = 20


def ipvs_rates(facts: Mapping[str, Any]) -> list[str]:
    """Return the lines of all services; raise AnsibleFilterError where the facts have no rates."""
    try:
        return [line for service in facts["services"] for line in _lines(service)]
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"this is no result of ipvs_facts with gather: [rates] ({error!r})") from error


def _lines(service: Mapping[str, Any]) -> Iterator[str]:
    total = service["rates"]["connections_per_second"]
    yield _line(f"{ServiceKey.from_dict(dict(service))} {service['scheduler']}", service["rates"], "")
    for server in service["servers"]:
        share = server["rates"]["connections_per_second"] / total if total else 0
        name = f"  {endpoint(server['address'], server['port'])} weight {server['weight']}"
        active = f"{server['active_connections']} active"
        yield _line(name, server["rates"], f"{'#' * round(BAR * min(share, 1)):<{BAR}} {active}")


def _line(name: str, rates: Mapping[str, int], rest: str) -> str:
    kilobytes = (rates["in_bytes_per_second"] + rates["out_bytes_per_second"]) / 1000
    return f"{name:<44} {rates['connections_per_second']:>6} conn/s {kilobytes:>9.1f} kB/s  {rest}".rstrip()
