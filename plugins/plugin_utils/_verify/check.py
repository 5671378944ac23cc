# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One check: what is true of a host if its inventory is, and what was seen instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PASS, FAIL, SKIP = "pass", "fail", "skip"


@dataclass(frozen=True)
class Check:
    """The outcome of one check; ``topic`` is the part of the system, ``evidence`` tells how it was seen."""

    topic: str
    name: str
    status: str
    expected: str
    seen: str
    evidence: str = ""


def check(topic: str, name: str, ok: bool, expected: str, seen: str, evidence: str = "") -> Check:
    """Return a check that passed or failed."""
    return Check(topic, name, PASS if ok else FAIL, expected, seen, evidence)


def no_wrong(topic: str, name: str, wrong: Iterable[str], expected: str, evidence: str = "") -> Check:
    """Return a check that failed if there are sentences that say what is wrong."""
    sentences = list(wrong)
    return check(topic, name, not sentences, expected, "; ".join(sentences) or expected, evidence)


def blind(topic: str, name: str, why: str) -> Check:
    """Return a failed check for something that could not be looked at."""
    return Check(topic, name, FAIL, "to be seen", f"cannot be seen: {why or 'nothing was told of it'}")


def skip(topic: str, name: str, why: str) -> Check:
    """Return a check that does not apply."""
    return Check(topic, name, SKIP, "", why)


def listed(values: Iterable[Any]) -> str:
    """Join values for a sentence."""
    return ", ".join(map(str, values)) or "nothing"
