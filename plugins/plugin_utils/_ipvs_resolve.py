# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual services whose real servers are the hosts of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from ansible_collections.highload.lvs.plugins.plugin_utils._servers_from import resolve


def ipvs_resolve(services: Any, groups: Mapping[str, Any], hostvars: Mapping[str, Any]) -> Any:
    """Return the plain services; raise AnsibleFilterError with every mistake."""
    try:
        return resolve(services, groups, hostvars).services
    except ValidationError as error:
        raise AnsibleFilterError("; ".join(error.errors)) from None
