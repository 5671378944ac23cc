# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One finding: what is wrong on a host before anything was changed, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, UNSEEN = "error", "warning", "unseen"
"""It will not work; it may not work; it could not be looked at."""


@dataclass(frozen=True)
class Finding:
    """``what`` is one word for the kind of finding, ``where`` the part of the host or of its variables."""

    host: str
    severity: str
    what: str
    where: str
    found: str
    remedy: str
