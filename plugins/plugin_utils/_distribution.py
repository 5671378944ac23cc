# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users hand to the plugins about balance, read into a promise and the counts to hold against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import endpoint
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import ServiceKey
from ansible_collections.highload.lvs.plugins.plugin_utils._balance import BalanceError, Promise, judge, promise

COUNTERS = ("connections", "in_packets", "out_packets", "in_bytes", "out_bytes")


def service_promise(service: Mapping[str, Any], requests: int) -> Promise:
    """Return what a virtual service of the collection's model promises for this number of requests."""
    servers = service["servers"]
    return promise(
        service["scheduler"],
        {endpoint(server["address"], server["port"]): server.get("weight", 1) for server in servers},
        requests,
        service.get("scheduler_flags") or (),
        bool(service.get("persistence")),
        any(server.get("upper_threshold") for server in servers),
    )


def service_counts(service: Mapping[str, Any]) -> dict[str, int]:
    """Return the connections that each server of a service got, from the result of ipvs_difference."""
    return {endpoint(server["address"], server["port"]): server["connections"] for server in service["servers"]}


def imbalance(
    counted: Mapping[str, Any],
    scheduler: str | None = None,
    weights: Mapping[str, int] | None = None,
    servers: int | None = None,
    scheduler_flags: Sequence[str] = (),
    persistent: bool = False,
) -> list[str]:
    """Return what is wrong with counted requests, nothing where they are balanced.

    ``counted`` is a service of ipvs_difference, or the count of each responder; the latter needs a scheduler and
    either the weight of each responder by name, or the number of servers of equal weight.
    """
    if not isinstance(counted, Mapping):
        raise AnsibleFilterError(f"{counted!r} is neither counts by responder nor a service of ipvs_difference")
    try:
        if "servers" in counted:
            counts = service_counts(counted)
            return judge(service_promise(counted, sum(counts.values())), counts)
        if scheduler is None or (weights is None) == (servers is None):
            raise AnsibleFilterError("counts by responder need a scheduler, and one of weights and servers")
        if weights is None:
            weights = _equal_weights(counted, servers or 0)
        counts = dict(counted)
        return judge(promise(scheduler, weights, sum(counts.values()), scheduler_flags, persistent), counts)
    except BalanceError as error:
        raise AnsibleFilterError(str(error)) from error
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"the service or the counts lack what is needed: {error!r}") from error


def balanced(counted: Any, *args: Any, **options: Any) -> bool:
    """Tell whether ``imbalance`` finds nothing wrong with the counts."""
    return not imbalance(counted, *args, **options)


def _equal_weights(counted: Mapping[str, Any], servers: int) -> dict[str, int]:
    """Return weight 1 for each of this many servers; those that never answered have no name to show."""
    if servers < 1:
        raise AnsibleFilterError(f"servers {servers} is not a number of 1 or more")
    names = list(counted)[:servers]
    names += [f"a server that never answered ({count})" for count in range(1, servers - len(names) + 1)]
    return dict.fromkeys(names, 1)


def ipvs_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the services of ``after``, with what each and its servers counted since ``before``.

    Both are ``ansible_facts.ipvs`` with statistics. Raises AnsibleFilterError where a counter went back.
    """
    try:
        earlier = {ServiceKey.from_dict(service): service for service in before["services"]}
        return [_service_difference(earlier.get(ServiceKey.from_dict(one)), one) for one in after["services"]]
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"these are not two results of ipvs_facts with gather: [statistics] ({error!r})"
        ) from error


def _service_difference(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    name = str(ServiceKey.from_dict(dict(after)))
    earlier = {(server["address"], server["port"]): server for server in before["servers"]} if before else {}
    return {
        **after,
        **_counters(before, after, name),
        "servers": [
            {
                **server,
                **_counters(
                    earlier.get((server["address"], server["port"])),
                    server,
                    f"{endpoint(server['address'], server['port'])} of {name}",
                ),
            }
            for server in after["servers"]
        ],
    }


def _counters(before: Mapping[str, Any] | None, after: Mapping[str, Any], name: str) -> dict[str, int]:
    counted = {}
    for counter in COUNTERS:
        start, end = before["stats"][counter] if before else 0, after["stats"][counter]
        if end < start:
            raise AnsibleFilterError(
                f"{counter} of {name} went back from {start} to {end}: it was added anew or its counters were zeroed"
            )
        counted[counter] = end - start
    return counted
