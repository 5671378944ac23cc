# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of playbooks/verify.yml that think: what to look at, what it means, and how to tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from ansible_collections.highload.lvs.plugins.plugin_utils._verify import plan, verdict
from ansible_collections.highload.lvs.plugins.plugin_utils._verify.site import Site


def _read(hostvars: Mapping[str, Any], names: Iterable[str]) -> Site:
    try:
        return Site.read(hostvars, names)
    except ValidationError as error:
        raise AnsibleFilterError(f"the inventory cannot be: {'; '.join(error.errors)}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(
            f"the inventory lacks what it must have, or has it in another form: {error!r}"
        ) from error


def verify_look(hostvars: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return what to look at on one host."""
    return dict(plan.look(_read(hostvars, [host]).hosts[host].wanted))


def verify_probes(
    hostvars: Mapping[str, Any], hosts: Iterable[str], director: str, requests: int
) -> list[dict[str, Any]]:
    """Return the probes of one director's virtual services."""
    if not 1 <= int(requests) <= plan.MAX_REQUESTS:
        raise AnsibleFilterError(f"verify_requests {requests} is not within 1 to {plan.MAX_REQUESTS}")
    return plan.probes(_read(hostvars, hosts), director, int(requests))


def verify_verdict(hostvars: Mapping[str, Any], hosts: Iterable[str], other_clients: bool = False) -> dict[str, Any]:
    """Judge all hosts. What servers sent is in the result, so it is marked as nothing to look for templates in."""
    result: dict[str, Any] = wrap_var(verdict.verdict(_read(hostvars, hosts), bool(other_clients)))
    return result
