# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a distribution of requests."""

from __future__ import annotations

DOCUMENTATION = r"""
name: imbalance
short_description: Tell what is wrong with a distribution of requests
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Returns one sentence for each real server that got more or less than scheduler and weights promise, with what was
    expected and what was seen. Returns an empty list where the requests are balanced.
  - The words of the test P(highload.lvs.balanced#test), which takes the same options.
positional: _input, scheduler
extends_documentation_fragment:
  - highload.lvs._distribution
seealso:
  - plugin: highload.lvs.balanced
    plugin_type: test
"""

EXAMPLES = r"""
- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ {'one': 60, 'two': 42} | highload.lvs.imbalance('rr', servers=2) }}"
    # => ["one (weight 1): expected 51 of 102, seen 60 (rr: exact)", ...]
"""

RETURN = r"""
_value:
  description: One sentence for each thing that is wrong.
  type: list
  elements: str
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"imbalance": late("_distribution", "imbalance")}
