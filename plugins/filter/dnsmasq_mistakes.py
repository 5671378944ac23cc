# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables of the role dnsmasq, before any host is touched."""

from __future__ import annotations

DOCUMENTATION = r"""
name: dnsmasq_mistakes
short_description: Tell what is wrong with what dnsmasq is to serve
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Checks the variables of the role C(highload.lvs.dnsmasq) and returns every mistake with its place.
  - Whether an address is free and the upstreams answer is for the host and for M(highload.lvs.dnsmasq) to see.
positional: _input
options:
  _input:
    description: The options of M(highload.lvs.dnsmasq) by name, all of them but O(highload.lvs.dnsmasq#module:state).
    type: dict
    required: true
  resolved:
    description: The role's C(dnsmasq_resolved), who is to resolve names on the host itself.
    type: str
    choices: [kept, disabled, routed]
    default: kept
seealso:
  - module: highload.lvs.dnsmasq
"""

EXAMPLES = r"""
- name: Refuse variables that are not right
  ansible.builtin.assert:
    that: mistakes == []
    fail_msg: "{{ mistakes }}"
  vars:
    mistakes: "{{ my_service | highload.lvs.dnsmasq_mistakes('disabled') }}"
    # => ["dnsmasq_records: app.example.org has no address. Give it one or more."]
"""

RETURN = r"""
_value:
  description: One sentence for each mistake, which begins with its place. Empty if there is none.
  type: list
  elements: str
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"dnsmasq_mistakes": late("_dnsmasq_mistakes", "dnsmasq_mistakes")}
