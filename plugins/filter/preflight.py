# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of playbooks/preflight.yml that think: what to look at, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filters by name."""
        return {
            "preflight_look": late("_preflight.filters", "preflight_look"),
            "preflight_findings": late("_preflight.filters", "preflight_findings"),
            "preflight_lines": late("_preflight.report", "lines"),
        }
