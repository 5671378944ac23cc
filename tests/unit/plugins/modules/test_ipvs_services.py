# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import modules
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import UnavailableError
from ansible_collections.highload.lvs.plugins.modules import ipvs_services
from ansible_collections.highload.lvs.tests.unit.fake_ipvs import FakeKernel, KernelError
from ansible_collections.highload.lvs.tests.unit.module_args import patch_module_args

SERVICE = {
    "protocol": "tcp",
    "address": "192.0.2.1",
    "port": 80,
    "scheduler": "rr",
    "servers": [{"address": "10.0.0.1", "weight": 0, "upper_threshold": 9}],
}


@pytest.fixture
def kernel(monkeypatch):
    """Put a stand-in for ipvsadm in the module's place."""
    fake = FakeKernel()
    monkeypatch.setattr(ipvs_services, "Ipvsadm", lambda: fake)
    return fake


@pytest.fixture
def run(capsys, tmp_path):
    """Return a function that runs the module with some parameters and returns what it reports."""

    def call(**params):
        with (
            patch_module_args({"state_file": str(tmp_path / "ipvs.json"), **params}),
            pytest.raises(SystemExit),
        ):
            ipvs_services.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_a_change_is_reported_with_its_plan_table_and_rules(run, kernel):
    result = run(services=[SERVICE])
    assert result["changed"]
    assert result["plan"] == [
        {"action": "add", "service": "tcp 192.0.2.1:80", "rule": "-A -t 192.0.2.1:80 -s rr"},
        {
            "action": "add",
            "service": "tcp 192.0.2.1:80",
            "server": "10.0.0.1:80",
            "rule": "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0 -x 9",
        },
    ]
    assert result["rules"] == "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0 -x 9\n"
    assert (result["kept"], result["cut"]) == ([], [])
    assert "diff" not in result
    assert "timeouts" not in result
    assert run(services=result["services"])["changed"] is False
    assert len(kernel.restores) == 1


def test_check_mode_says_the_same_and_changes_nothing(run, kernel, tmp_path):
    ahead = run(services=[SERVICE], _ansible_check_mode=True, _ansible_diff=True)
    assert (kernel.restores, list(tmp_path.iterdir())) == ([], [])
    done = run(services=[SERVICE], _ansible_diff=True)
    assert ahead == done
    assert done["diff"]["before"].splitlines() == done["diff"]["after"].splitlines()[:2]
    assert done["diff"]["after"].splitlines()[2:] == [
        "TCP  192.0.2.1:80 rr",
        "  -> 10.0.0.1:80                  Masq    0      thresholds 9 0",
    ]


def test_settings_are_reported_where_given(run, kernel):
    daemon = {"state": "master", "interface": "eth0"}
    result = run(timeouts={"tcp": 600}, sync_daemons=[daemon])
    assert result["timeouts"] == {"tcp": 600, "tcp_fin": 120, "udp": 300}
    assert result["sync_daemons"][0]["maxlen"] == 1472
    assert [change["setting"] for change in result["plan"]] == ["master sync daemon", "timeouts"]


def test_mistakes_come_before_anything_else(run, monkeypatch):
    monkeypatch.setattr(ipvs_services, "Ipvsadm", None)
    result = run(
        services=[{"protocol": "tcp", "address": "web", "port": 80}, {"protocol": "tcp"}], keep_addresses=["x"]
    )
    assert result["failed"]
    assert result["msg"].splitlines() == [
        "4 mistakes in the parameters, nothing was changed:",
        "services[0].address: 'web' is not an IP address (names are not resolved)",
        "services[1].address: it is missing",
        "services[1].port: it is missing",
        "keep_addresses[0]: 'x' is neither an IP address nor a network: "
        "'x' does not appear to be an IPv4 or IPv6 network",
    ]


def test_a_fault_is_reported_with_the_table_as_it_is(run, kernel):
    kernel.faults = {2: KernelError("Memory allocation problem")}
    result = run(services=[SERVICE])
    assert result["failed"]
    assert result["undone"]
    assert result["services"] == []
    assert "'-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0 -x 9' failed with 'Memory allocation problem'" in result["msg"]


@pytest.fixture
def warnings(monkeypatch):
    """Collect warnings here: where they go depends on what else the process has imported of Ansible."""
    collected = []
    monkeypatch.setattr(ipvs_services.AnsibleModule, "warn", lambda _module, warning: collected.append(warning))
    return collected


def test_loopback_servers_are_warned_of(run, kernel, warnings):
    run(services=[{**SERVICE, "servers": [{"address": "127.0.0.1", "port": 8081}]}])
    assert len(warnings) == 1
    assert "127.0.0.1:8081 of tcp 192.0.2.1:80" in warnings[0]


def test_without_ipvs_only_check_mode_goes_on(run, monkeypatch, warnings):
    def missing():
        raise UnavailableError("ipvsadm was not found: install the package ipvsadm on this host")

    monkeypatch.setattr(ipvs_services, "Ipvsadm", missing)
    assert run(services=[SERVICE])["failed"]
    result = run(services=[SERVICE], _ansible_check_mode=True)
    assert result["changed"]
    assert warnings == [
        "The IPVS table is taken for empty: ipvsadm was not found: install the package ipvsadm on this host"
    ]


class TestKernelModules:
    @pytest.fixture
    def tree(self, monkeypatch, tmp_path):
        """A tree of modules with rr as a file and wrr built in."""
        folder = tmp_path / "modules" / os.uname().release
        folder.mkdir(parents=True)
        (folder / "modules.dep").write_text("kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: kernel/ip_vs.ko.xz\n")
        (folder / "modules.builtin").write_text("kernel/net/netfilter/ipvs/ip_vs_wrr.ko\n")
        (tmp_path / "sys" / "ip_vs_lc").mkdir(parents=True)
        monkeypatch.setattr(modules, "_MODULES", tmp_path / "modules")
        monkeypatch.setattr(modules, "_LOADED", tmp_path / "sys")
        return folder

    @pytest.mark.parametrize("scheduler", ["rr", "wrr", "lc"])
    def test_there(self, run, kernel, tree, scheduler):
        assert run(services=[{**SERVICE, "scheduler": scheduler}])["changed"]

    def test_missing(self, run, kernel, tree):
        services = [{**SERVICE, "scheduler": "mh"}, {**SERVICE, "port": 81, "scheduler": "mh"}]
        persistent = {**SERVICE, "port": 82, "persistence": {}, "persistence_engine": "sip"}
        result = run(services=[*services, persistent])
        lacks = f"this kernel ({os.uname().release}) has no module"
        assert result["msg"].splitlines() == [
            "nothing was changed:",
            f"scheduler mh of tcp 192.0.2.1:80: {lacks} ip_vs_mh",
            f"persistence engine sip of tcp 192.0.2.1:82: {lacks} ip_vs_pe_sip",
        ]
        assert kernel.restores == []

    def test_out_of_sight(self, run, kernel, tree):
        (tree / "modules.dep").unlink()
        assert run(services=[{**SERVICE, "scheduler": "mh"}])["changed"]
