# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a distribution what the scheduler promises."""

from __future__ import annotations

DOCUMENTATION = r"""
name: balanced
short_description: Tell whether requests are spread as scheduler and weights promise
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Holds for new connections of one client to one virtual service to which no others come.
  - Under V(rr), the counts of the servers whose weight is not 0 differ by at most 1. Under V(wrr), each has exactly its
    weight in each cycle. Both hold with concurrent requests too, for the kernel chooses the server of one connection
    after the other; only the order in which answers arrive may differ.
  - Under V(lc), V(wlc), V(twos), and V(sh) and V(mh) with their flags for ports, each count lies where a random sample
    with these weights would have it, by the exact binomial distribution. The probability of a false alarm is one in a
    million for all servers together.
  - Under V(fo), V(dh), V(sh), V(mh), and where the service is persistent, one server has everything.
  - V(sed), V(nq), V(ovf), V(lblc), V(lblcr) and servers with an upper threshold promise no shares; here only a server
    of weight 0 must have nothing.
  - For what is wrong in words, see P(highload.lvs.imbalance#filter).
positional: _input, scheduler
extends_documentation_fragment:
  - highload.lvs._distribution
seealso:
  - plugin: highload.lvs.imbalance
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See that three equal servers take turns
  ansible.builtin.assert:
    that: probe.responders is highload.lvs.balanced('rr', servers=3)

- name: See that each server has its weight
  ansible.builtin.assert:
    that: "{'big': 75, 'small': 25} is highload.lvs.balanced('wrr', weights={'big': 3, 'small': 1})"
"""

RETURN = r"""
_value:
  description: Whether the requests are balanced.
  type: bool
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class TestModule:
    """The test of this file."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return the test by name."""
        return {"balanced": late("_distribution", "balanced")}
