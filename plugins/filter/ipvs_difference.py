# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IPVS counted between two moments."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ipvs_difference
short_description: Tell what IPVS counted between two moments
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Takes two results of M(highload.lvs.ipvs_facts) and returns the virtual services of the later one with what each of
    them and each of their real servers counted in between.
  - The counters of IPVS are exact. A connection counts when the kernel chooses a real server for it, whatever becomes
    of it.
  - The kernel brings its counters up to date every two seconds only. Wait three after the last connection.
  - Fails where a counter went back, for then a service was added anew or its counters were zeroed in between.
positional: _input, after
options:
  _input:
    description: The earlier C(ansible_facts.ipvs), gathered with C(statistics).
    type: dict
    required: true
  after:
    description: The later one.
    type: dict
    required: true
seealso:
  - plugin: highload.lvs.balanced
    plugin_type: test
"""

EXAMPLES = r"""
- name: Count before
  highload.lvs.ipvs_facts:
    gather: [statistics]
  register: before

- name: Send requests
  highload.lvs.balance_probe:
    url: http://192.168.100.1
    count: 102

- name: Let the kernel count
  ansible.builtin.pause:
    seconds: 3

- name: Count after
  highload.lvs.ipvs_facts:
    gather: [statistics]
  register: after

- name: See that every service balanced what came
  ansible.builtin.assert:
    that: item is highload.lvs.balanced
    fail_msg: "{{ item | highload.lvs.imbalance | join('; ') }}"
  loop: "{{ before.ansible_facts.ipvs | highload.lvs.ipvs_difference(after.ansible_facts.ipvs) }}"
"""

RETURN = r"""
_value:
  description:
    - The services of the later facts. Each, and each of its servers, has C(connections), C(in_packets), C(out_packets),
      C(in_bytes) and C(out_bytes) counted in between.
  type: list
  elements: dict
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"ipvs_difference": late("_distribution", "ipvs_difference")}
