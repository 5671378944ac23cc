# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rates of IPVS as lines to read."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ipvs_rates
short_description: Show the rates of an IPVS table as lines of text
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Returns a line for each virtual service and each of its real servers, with a bar for the server's share of new
    connections.
options:
  _input:
    description: An C(ansible_facts.ipvs) of M(highload.lvs.ipvs_facts), gathered with C(rates).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the rates
  highload.lvs.ipvs_facts:
    gather: [rates]

- name: Show them
  ansible.builtin.debug:
    msg: "{{ ansible_facts.ipvs | highload.lvs.ipvs_rates }}"
    # => ["tcp 192.168.100.1:80 rr                            40 conn/s", ...]
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"ipvs_rates": late("_ipvs_rates", "ipvs_rates")}
