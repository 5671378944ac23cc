# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a list of virtual services, before any host is touched."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ipvs_mistakes
short_description: Tell what is wrong with a list of virtual services
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Checks what is meant for M(highload.lvs.ipvs_services) on the controller and returns every mistake with its place.
    The module makes the same checks, but by then a play may have changed the host for the list.
  - Whether a host's kernel has the scheduler is for the module to see.
positional: _input
options:
  _input:
    description: The services, as O(highload.lvs.ipvs_services#module:services) takes them.
    type: list
    elements: dict
    required: true
  timeouts:
    description: The timeouts, as O(highload.lvs.ipvs_services#module:timeouts) takes them.
    type: dict
  sync_daemons:
    description: The daemons, as O(highload.lvs.ipvs_services#module:sync_daemons) takes them.
    type: list
    elements: dict
  keep_addresses:
    description: Networks, as O(highload.lvs.ipvs_services#module:keep_addresses) takes them.
    type: list
    elements: str
    default: []
  drain:
    description: Seconds, as O(highload.lvs.ipvs_services#module:drain) takes them.
    type: int
    default: 0
  groups:
    description:
      - The groups of the inventory, Ansible's C(groups), for services that take their real servers from a group as
        P(highload.lvs.ipvs_resolve#filter) tells. Mistakes then name the host and its variable.
    type: dict
    default: {}
  hostvars:
    description: The variables of all hosts, Ansible's C(hostvars).
    type: dict
    default: {}
seealso:
  - module: highload.lvs.ipvs_services
"""

EXAMPLES = r"""
- name: Refuse a list that is not right
  ansible.builtin.assert:
    that: mistakes == []
    fail_msg: "{{ mistakes }}"
  vars:
    mistakes: "{{ director_services | highload.lvs.ipvs_mistakes }}"
    # => ["services[2].scheduler: 'rrr' is not one of rr, wrr, ..."]
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
        return {"ipvs_mistakes": late("_ipvs_mistakes", "ipvs_mistakes")}
