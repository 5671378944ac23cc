# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError, ParseError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.facts import GATHER, gather, gather_from_texts
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.selection import Selector

FILES = {
    "--tun-info": "tun-info",
    "--thresholds": "thresholds",
    "--stats --exact": "stats-exact",
    "--rate --exact": "rate",
    "--persistent-conn": "persistent-conn",
    "--timeout": "timeout",
    "--daemon": "daemon",
    "-c --persistent-conn": "connections",
}


@pytest.fixture
def captured(capture):
    """Return a function that makes a stand-in for ipvsadm out of one set of captures."""

    class Captured:
        def __init__(self, name: str) -> None:
            self.name = name
            self.calls: list[str] = []

        def show(self, *options: str) -> str:
            self.calls.append(" ".join(options))
            return capture(f"{self.name}/{FILES[' '.join(options)]}")

    return Captured


def test_by_default_only_the_model_is_read(captured):
    ipvsadm = captured("every-feature")
    facts = gather(ipvsadm, [], [])
    assert ipvsadm.calls == ["--tun-info", "--thresholds"]
    assert list(facts) == ["version", "size", "services"]
    assert facts["services"][0]["servers"][1] == {
        "address": "127.0.0.1",
        "port": 8082,
        "forward": "masq",
        "weight": 0,
        "active_connections": 0,
        "inactive_connections": 51,
        "upper_threshold": 1000,
        "lower_threshold": 500,
    }


def test_everything_is_one_listing_each(captured):
    ipvsadm = captured("single-host-after-102-requests")
    facts = gather(ipvsadm, GATHER, [])
    assert sorted(ipvsadm.calls) == sorted(FILES)
    assert facts["services"][0]["stats"]["connections"] == 102
    assert facts["services"][0]["servers"][0]["rates"]["connections_per_second"] == 5
    assert facts["services"][0]["servers"][0]["persistent_connections"] == 0
    assert facts["timeouts"] == {"tcp": 900, "tcp_fin": 120, "udp": 300}
    assert facts["sync_daemons"] == []
    assert facts["connections"]["total"] == len(facts["connections"]["entries"]) == 102


def test_connections_are_whole_only_when_asked_for(captured):
    facts = gather(captured("single-host-after-102-requests"), ["connections"], [])
    assert list(facts["connections"]) == ["total", "summary"]


@pytest.mark.parametrize(
    ("select", "chosen"),
    [
        ([{}], 9),
        ([{"protocol": "tcp"}], 4),
        ([{"protocol": "fwmark"}], 2),
        ([{"fwmark": 8}], 1),
        ([{"address": "192.168.100.1"}], 2),
        ([{"address": "192.168.100.1", "port": 53}], 1),
        ([{"address": "192.168.100.0/24"}], 6),
        ([{"address": "2001:DB8:0::1"}], 1),
        ([{"address": "2001:db8::/32"}, {"fwmark": 7}], 2),
        ([{"port": 9999}], 0),
    ],
)
def test_selection_of_services(captured, select, chosen):
    facts = gather(captured("every-feature"), [], [Selector.from_dict(one) for one in select])
    assert len(facts["services"]) == chosen


@pytest.mark.parametrize(("address", "total"), [("192.168.100.1", 102), ("192.168.100.2", 0)])
def test_selection_of_connections(captured, address, total):
    facts = gather(captured("every-feature"), ["connections"], [Selector.from_dict({"address": address})])
    assert facts["connections"]["total"] == total


@pytest.mark.parametrize("address", ["web", "192.168.100.1/24", "192.168.100.256", ""])
def test_a_selector_that_is_no_network(address):
    with pytest.raises(IPVSError, match=f"{address!r} is neither an IP address nor a network"):
        Selector.from_dict({"address": address})


@pytest.mark.parametrize("name", ["empty", "single-host-idle", "single-host-after-102-requests", "every-feature"])
def test_saved_texts_say_what_the_kernel_said(capture, captured, name):
    live = gather(captured(name), GATHER, [])
    assert gather_from_texts([capture(f"{name}/{file}") for file in FILES.values()], GATHER, []) == live


def test_saved_rules_and_statistics(capture):
    texts = [capture("single-host-after-102-requests/stats"), capture("single-host-after-102-requests/save")]
    (service,) = gather_from_texts(texts, [], [])["services"]
    assert (service["scheduler"], service["stats"]["connections"]) == ("rr", 102)


def test_a_plain_list_claims_no_thresholds(capture):
    facts = gather_from_texts([capture("single-host-idle/list")], [], [])
    assert "upper_threshold" not in facts["services"][0]["servers"][0]


def test_an_error_says_which_text(capture):
    with pytest.raises(ParseError, match=r"text 2: .*in line 1: 'hello'"):
        gather_from_texts([capture("single-host-idle/list"), "hello"], [], [])


@pytest.mark.parametrize("name", ["single-host-idle", "every-feature"])
def test_the_kernels_own_file_is_refused_with_advice(capture, name):
    with pytest.raises(ParseError, match="save what 'ipvsadm -L -n' prints instead"):
        gather_from_texts([capture(f"{name}/proc_net_ip_vs")], [], [])
