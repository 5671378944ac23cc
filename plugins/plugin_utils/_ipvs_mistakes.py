# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a list of virtual services, before any host is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order
from ansible_collections.highload.lvs.plugins.plugin_utils._servers_from import resolve


def ipvs_mistakes(
    services: Any,
    timeouts: Any = None,
    sync_daemons: Any = None,
    keep_addresses: Any = (),
    drain: Any = 0,
    groups: Mapping[str, Any] | None = None,
    hostvars: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return every mistake in what ipvs_services would be given."""
    try:
        resolved = resolve(services, groups or {}, hostvars or {})
    except ValidationError as error:
        return error.errors
    given = {
        "services": resolved.services,
        "timeouts": timeouts,
        "sync_daemons": sync_daemons,
        "keep_addresses": keep_addresses,
        "drain": drain,
    }
    try:
        read_order({**given, "state": "present", "purge": "managed"})
    except ValidationError as error:
        return resolved.in_words_of_the_inventory(error.errors)
    return []
