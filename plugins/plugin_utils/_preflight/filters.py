# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of playbooks/preflight.yml that think: what to look at, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from ansible_collections.highload.lvs.plugins.plugin_utils._preflight import checks, report
from ansible_collections.highload.lvs.plugins.plugin_utils._preflight.site import Site, look, read_site


def _read(hostvars: Mapping[str, Any], names: Iterable[str], clients: Any) -> Site:
    try:
        return read_site(hostvars, names, clients)
    except ValidationError as error:
        raise AnsibleFilterError("; ".join(error.errors)) from error


def preflight_look(hostvars: Mapping[str, Any], hosts: Iterable[str], host: str, clients: Any = None) -> dict[str, Any]:
    """Return what to look at on one host."""
    return look(_read(hostvars, hosts, clients), host)


def preflight_findings(
    hostvars: Mapping[str, Any], hosts: Iterable[str], clients: Any = None, accepted: Collection[str] = ()
) -> list[dict[str, str]]:
    """Judge all hosts. What hosts said is in the result, so it is marked as nothing to look for templates in."""
    found: list[dict[str, str]] = wrap_var(report.as_data(checks.findings(_read(hostvars, hosts, clients)), accepted))
    return found
