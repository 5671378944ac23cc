# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings as plain data, and as lines for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from .finding import ERROR, UNSEEN, WARNING, Finding

ACCEPTED = "accepted"
_ORDER = (ACCEPTED, UNSEEN, WARNING, ERROR)


def as_data(findings: Iterable[Finding], accepted: Collection[str] = ()) -> list[dict[str, str]]:
    """Return the findings, errors last; those of an accepted kind are told and are no errors."""
    data = [asdict(one) for one in findings]
    for one in data:
        if one["what"] in accepted:
            one["severity"] = ACCEPTED
    return sorted(data, key=lambda one: _ORDER.index(one["severity"]))


def lines(findings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return each finding with its remedy, and a summary as the last line."""
    found = list(findings)
    text = []
    for one in found:
        text.append(f"{one['severity'].upper():<8}  {one['host']}  {one['what']}  {one['where']}")
        text += [f"          found:  {one['found']}", f"          remedy: {one['remedy']}"]
    counts = {severity: sum(one["severity"] == severity for one in found) for severity in _ORDER[::-1]}
    names = {ERROR: "errors", WARNING: "warnings", UNSEEN: "not looked at", ACCEPTED: "accepted"}
    return [*text, ", ".join(f"{count} {names[severity]}" for severity, count in counts.items())]
