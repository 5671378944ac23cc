# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests share: the captures of real ipvsadm output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parent / "captures"


@pytest.fixture
def capture() -> Callable[[str], str]:
    """Return a function that reads one capture, such as "every-feature/list"."""
    return lambda name: (CAPTURES / f"{name}.txt").read_text()
