# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation that the filter `imbalance` and the test `balanced` share: what they are told of a distribution."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of both."""

    DOCUMENTATION = r"""
options:
  _input:
    description:
      - Number of requests by responder, such as RV(highload.lvs.balance_probe#module:responders),
        or a service of P(highload.lvs.ipvs_difference#filter), which needs no option.
    type: dict
    required: true
  scheduler:
    description: The scheduler, as C(rr).
    type: str
  weights:
    description: The weight of each responder. One of O(weights) and O(servers) is needed for counts.
    type: dict
  servers:
    description: The number of real servers, all of the same weight.
    type: int
  scheduler_flags:
    description: Flags of the scheduler, as C(sh-port).
    type: list
    elements: str
    default: []
  persistent:
    description: Whether the service is persistent.
    type: bool
    default: false
"""
