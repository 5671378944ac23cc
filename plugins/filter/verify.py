# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of playbooks/verify.yml that think: what to look at, what it means, and how to tell it."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filters by name."""
        return {
            "verify_look": late("_verify.filters", "verify_look"),
            "verify_probes": late("_verify.filters", "verify_probes"),
            "verify_verdict": late("_verify.filters", "verify_verdict"),
            "verify_lines": late("_verify.output", "lines"),
            "verify_junit": late("_verify.output", "junit"),
            "verify_page": late("_verify.page", "page"),
        }
