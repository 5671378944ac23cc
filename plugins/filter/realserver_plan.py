# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real server needs for the virtual IPs that directors forward to it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: realserver_plan
short_description: Tell what a real server needs for its virtual IPs
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Turns virtual IPs and the ways in which their packets come into interfaces, sysctls and routes to check.
positional: _input
options:
  _input:
    description: The virtual IPs, as C(realserver_vips) of the role C(highload.lvs.realserver) holds them.
    type: list
    elements: dict
    required: true
  interface:
    description: Name of the dummy interface for them.
    type: str
    default: lvs0
  loose_interfaces:
    description: Interfaces through which packets come whose answers leave by another one.
    type: list
    elements: str
    default: []
  routes:
    description:
      - Results of C(ip -json route get CLIENT), one for each of the ways, with C(rc) and C(stdout).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: See what a real server would get
  ansible.builtin.debug:
    msg: "{{ [{'address': '192.0.2.1', 'forward': 'tunnel'}] | highload.lvs.realserver_plan }}"
"""

RETURN = r"""
_value:
  description:
    - C(mistakes), sentences that begin with their place; C(links) for M(highload.lvs.vip_links);
      C(modules) for M(highload.lvs.kernel_modules); C(sysctls) for M(highload.lvs.sysctls), without those of ARP;
      C(ways), addresses of clients, each with its network and the director to which the route must go; C(astray),
      sentences about the routes that go elsewhere.
  type: dict
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"realserver_plan": late("_realserver_plan", "realserver_plan")}
