# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import program
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError


def test_the_program_runs_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "restore.pyz"
    program.install(str(path), program.build())
    ended = subprocess.run(
        [sys.executable, "-I", str(path), "restore", "--help"], capture_output=True, text=True, check=False, cwd="/"
    )
    assert ended.returncode == 0, ended.stderr
    assert "what ipvs_services remembers" in ended.stdout
    assert path.stat().st_mode & 0o777 == 0o755
    assert list(path.parent.iterdir()) == [path]


def test_the_same_sources_are_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "restore.pyz"
    assert program.differs(str(path), program.build())
    program.install(str(path), program.build())
    assert not program.differs(str(path), program.build())
    path.write_bytes(b"older")
    assert program.differs(str(path), program.build())


def test_remove_takes_the_empty_folder_along(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "restore.pyz"
    program.install(str(path), b"")
    program.remove(str(path))
    assert not path.parent.exists()
    program.remove(str(path))


def test_remove_leaves_what_others_keep(tmp_path: Path) -> None:
    path = tmp_path / "restore.pyz"
    program.install(str(path), b"")
    (tmp_path / "other").touch()
    program.remove(str(path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["other"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IPVSError, match="cannot be written"):
        program.install(str(tmp_path / "file" / "restore.pyz"), b"")
