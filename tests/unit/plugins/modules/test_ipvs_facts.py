# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import ipvsadm
from ansible_collections.highload.lvs.plugins.modules import ipvs_facts
from ansible_collections.highload.lvs.tests.unit.module_args import patch_module_args


@pytest.fixture
def run(capsys):
    """Return a function that runs the module with some parameters and returns what it reports."""

    def call(**params):
        with patch_module_args(params), pytest.raises(SystemExit):
            ipvs_facts.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_facts_from_text(run, capture):
    result = run(text=[capture("single-host-after-102-requests/list")])
    assert not result.get("changed")
    services = result["ansible_facts"]["ipvs"]["services"]
    assert [server["inactive_connections"] for server in services[0]["servers"]] == [51, 51]


def test_all_gathers_the_entries(run, capture):
    result = run(gather=["all"], text=[capture("single-host-after-102-requests/connections")])
    assert len(result["ansible_facts"]["ipvs"]["connections"]["entries"]) == 102


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"text": ["hello"]}, "text 1: .*'hello'"),
        ({"text": [], "select": [{"address": "web"}]}, "'web' is neither an IP address nor a network"),
    ],
)
def test_failures_say_what_is_wrong(run, params, message):
    result = run(**params)
    assert result["failed"]
    assert re.search(message, result["msg"])


def test_without_ipvs(run, monkeypatch, tmp_path):
    monkeypatch.setattr(ipvsadm, "_SEARCH", str(tmp_path))
    assert run()["msg"] == "ipvsadm was not found: install the package ipvsadm on this host"
