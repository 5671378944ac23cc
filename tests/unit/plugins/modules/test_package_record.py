# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.highload.lvs.plugins.modules import package_record


class FailedError(Exception):
    pass


class Host:
    """A module on a host: answers what dpkg-query and apt-get print, and keeps what was purged."""

    check_mode = False

    def __init__(self, installed: str, purge: str = "", with_unneeded: str = "", unneeded: str = "") -> None:
        self.params: dict[str, Any] = {"names": ["ipvsadm", "kmod"]}
        self.installed = installed.split()
        self.answers = {"purge": purge, "--auto-remove purge": with_unneeded, "autoremove": unneeded}
        self.purged: list[str] = []

    def run_command(self, command: list[str], **_options: Any) -> tuple[int, str, str]:
        if command[0] == "dpkg-query":
            return 0, "".join(f"installed {name}\n" for name in self.installed) + "config-files old\n", ""
        words = " ".join(word for word in command[1:] if not word.startswith(("APT::", "DPkg::", "--option", "--yes")))
        if not words.startswith("--simulate "):
            self.purged = command[command.index("purge") + 1 :]
            return 0, "", ""
        kind = next(kind for kind in ("--auto-remove purge", "purge", "autoremove") if kind in words)
        return 0, "".join(f"Purg {name} [1:2-3]\n" for name in self.answers[kind].split()), ""

    def fail_json(self, msg: str) -> None:
        raise FailedError(msg)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "highload-lvs/packages.json"
    monkeypatch.setattr(package_record, "RECORD", path)
    return path


def test_what_is_missing_is_recorded_before_it_comes(file: Path) -> None:
    assert package_record.look(Host("bash kmod")) == {"changed": True, "missing": ["ipvsadm"]}
    assert json.loads(file.read_text()) == {"asked": ["ipvsadm"], "here_before": ["bash", "kmod"]}
    # Killed before the installation, and run again; then run with all there.
    assert package_record.look(Host("bash kmod")) == {"changed": False, "missing": ["ipvsadm"]}
    assert package_record.look(Host("bash kmod ipvsadm")) == {"changed": False, "missing": []}
    assert json.loads(file.read_text())["asked"] == ["ipvsadm"]


def test_a_host_with_all_of_them_needs_no_record(file: Path) -> None:
    assert package_record.look(Host("ipvsadm kmod")) == {"changed": False, "missing": []}
    assert not file.exists()


def test_check_mode_records_nothing(file: Path) -> None:
    host = Host("bash")
    host.check_mode = True
    assert package_record.look(host)["changed"]
    assert not file.exists()


def test_purged_is_what_came_with_them_and_nothing_that_was_there(file: Path) -> None:
    package_record.look(Host("bash kmod libnl"))
    host = Host(
        "bash kmod libnl ipvsadm libpopt0 orphan",
        purge="ipvsadm",
        with_unneeded="ipvsadm libpopt0 libnl orphan",
        unneeded="orphan",
    )
    assert package_record.purge(host) == {"changed": True, "purged": ["ipvsadm", "libpopt0"]}
    assert host.purged == ["ipvsadm", "libpopt0"]
    assert not file.parent.exists()
    assert package_record.purge(Host("bash kmod libnl")) == {"changed": False, "purged": []}


def test_what_somebody_else_needs_stays(file: Path) -> None:
    package_record.look(Host("bash kmod"))
    host = Host("bash kmod ipvsadm keepalived", purge="ipvsadm keepalived")
    with pytest.raises(FailedError, match="keepalived needs what should be purged, ipvsadm, so all stay"):
        package_record.purge(host)
    assert host.purged == []
    assert file.exists()
