# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests share: the captures of real ipvsadm output, and how property tests run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")

CAPTURES = Path(__file__).parent / "captures"


@pytest.fixture
def capture() -> Callable[[str], str]:
    """Return a function that reads one capture, such as "every-feature/list"."""
    return lambda name: (CAPTURES / f"{name}.txt").read_text()
