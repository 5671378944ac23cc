# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._record import UnreadableRecordError, recall, record


def test_what_is_recorded_is_recalled(tmp_path: Path) -> None:
    path = tmp_path / "highload-lvs/kernel_modules.json"
    assert recall(path) == {}
    record(path, {"dummy": ["mine"]})
    assert recall(path) == {"dummy": ["mine"]}
    assert path.stat().st_mode & 0o777 == 0o644


def test_nothing_to_record_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "highload-lvs/kernel_modules.json"
    record(path, {})
    record(path, {"dummy": ["mine"]})
    record(path, {})
    assert not path.parent.exists()


def test_the_folder_stays_for_others(tmp_path: Path) -> None:
    path = tmp_path / "highload-lvs/kernel_modules.json"
    record(path, {"dummy": ["mine"]})
    (path.parent / "ipvs.json").touch()
    record(path, {})
    assert [one.name for one in path.parent.iterdir()] == ["ipvs.json"]


def test_what_is_no_record_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(UnreadableRecordError, match=r"broken\.json is not JSON"):
        recall(path)
