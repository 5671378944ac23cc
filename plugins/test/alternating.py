# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do servers take turns."""

from __future__ import annotations

DOCUMENTATION = r"""
name: alternating
short_description: Tell whether servers answered strictly in turn
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - True where each stretch of as many answers as there are servers has one of each, in the same order.
  - For requests sent one after the other. Concurrent ones are answered in any order.
positional: _input, servers
options:
  _input:
    description: The responders in order, such as RV(highload.lvs.balance_probe#module:order).
    type: list
    elements: str
    required: true
  servers:
    description: The number of real servers.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: See that two servers alternate
  ansible.builtin.assert:
    that: probe.order is highload.lvs.alternating(2)
"""

RETURN = r"""
_value:
  description: Whether they took turns.
  type: bool
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class TestModule:
    """The test of this file."""

    def tests(self) -> dict[str, Callable[..., bool]]:
        """Return the test by name."""
        return {"alternating": late("_balance", "alternates")}
