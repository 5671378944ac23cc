# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import ipvsadm as subject
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import (
    CommandError,
    MismatchError,
    UnavailableError,
)
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.table import MODEL, read_table


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Return a function that puts a shell script in ipvsadm's place."""
    monkeypatch.setattr(subject, "_SEARCH", str(tmp_path))
    monkeypatch.setattr(subject, "_KERNEL_TABLE", tmp_path)

    def install(script: str) -> subject.Ipvsadm:
        path = tmp_path / "ipvsadm"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return subject.Ipvsadm()

    return install


def test_without_the_program(monkeypatch, tmp_path):
    monkeypatch.setattr(subject, "_SEARCH", str(tmp_path))
    with pytest.raises(UnavailableError, match="install the package ipvsadm"):
        subject.Ipvsadm()


def test_without_the_kernel_module(program, monkeypatch, tmp_path):
    monkeypatch.setattr(subject, "_KERNEL_TABLE", tmp_path / "missing")
    with pytest.raises(UnavailableError, match="modprobe ip_vs"):
        program("exit 0")


def test_without_privilege(program):
    with pytest.raises(UnavailableError, match="use become"):
        program("echo 'Permission denied (you must be root)' >&2; exit 1").show()


def test_a_listing_is_numeric_and_in_english(program):
    assert program('echo "$LC_ALL $*"').show("--stats", "--exact") == "C -L -n --stats --exact\n"


def test_rules_go_through_one_process(program, tmp_path):
    program(f'echo called "$@" >> {tmp_path}/log; cat >> {tmp_path}/log').restore("-A -t 192.0.2.1:80\n-C\n")
    assert (tmp_path / "log").read_text() == "called -R\n-A -t 192.0.2.1:80\n-C\n"


@pytest.mark.parametrize("script", ["cat >/dev/null; echo 'No such service' >&2", "echo 'No such service' >&2; exit 2"])
def test_any_complaint_is_a_failure(program, script):
    with pytest.raises(CommandError, match=r"ipvsadm -R ended with status [02]: No such service"):
        program(script).restore("-D -t 192.0.2.1:80\n")


def test_a_status_without_words_is_a_failure(program):
    with pytest.raises(CommandError, match="status 3: it gave no reason"):
        program("exit 3").restore("")


class Changing:
    """A table that changes between its two listings, the first few times."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def show(self, *_options: str) -> str:
        return self.texts.pop(0)


def test_a_table_that_changes_while_read_is_read_again(capture):
    before = [capture("empty/tun-info"), capture("single-host-idle/thresholds")]
    after = [capture("single-host-idle/tun-info"), capture("single-host-idle/thresholds")]
    assert len(read_table(Changing(before + after)).services) == 1


def test_a_table_that_never_holds_still_is_an_error(capture):
    with pytest.raises(MismatchError, match="changed while it was read"):
        read_table(Changing([capture("empty/tun-info"), capture("single-host-idle/thresholds")] * 9))


def test_the_model_needs_two_listings():
    assert MODEL == (("--tun-info",), ("--thresholds",))
