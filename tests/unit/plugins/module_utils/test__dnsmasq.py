# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnsmasq is to serve: its mistakes, and the files that it becomes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.highload.lvs.plugins.filter.dnsmasq_mistakes import FilterModule
from ansible_collections.highload.lvs.plugins.module_utils import _dnsmasq

dnsmasq_mistakes: Any = FilterModule().filters()["dnsmasq_mistakes"]
APP = {"name": "app.example.org", "addresses": ["192.0.2.1", "192.0.2.2"]}
GIVEN: dict[str, Any] = {
    "records": [APP],
    "forward": True,
    "upstreams": ["192.0.2.53"],
    "domain_upstreams": [],
    "listen_addresses": ["127.0.0.1"],
    "ttl": 0,
    "cache_size": 150,
    "dnssec": False,
    "trust_anchors": [],
    "log_queries": False,
}
DIGEST = "65dd4fca6a272cdd47f8e930c8b75e7db86692c1defe1100bc3f3e263c603c50"


def files(**given: Any) -> dict[str, str]:
    return _dnsmasq.render(_dnsmasq.read({**GIVEN, **given}))


@pytest.mark.parametrize("resolved", ["kept", "disabled", "routed"])
def test_what_is_right_has_no_mistakes(resolved: str) -> None:
    domain = {"domain": "corp.example", "servers": ["192.0.2.1#5353", "2001:db8::1"]}
    anchor = f"corp.example,50598,13,2,{DIGEST}"
    rest = {
        "domain_upstreams": [domain],
        "trust_anchors": [anchor],
        "ttl": "30",
        "listen_addresses": ["127.0.0.1", "10.0.0.1"],
    }
    assert dnsmasq_mistakes({**GIVEN, **rest}, resolved) == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"records": [{**APP, "name": "a_b..c"}]}, "dnsmasq_records[0]: 'a_b..c' is no host name"),
        (
            {"records": [{**APP, "name": "app.example.org\n"}]},
            "dnsmasq_records[0]: 'app.example.org\\n' is no host name",
        ),
        ({"records": [APP, {**APP, "name": "App.example.org"}]}, "dnsmasq_records[1]: App.example.org is there twice"),
        ({"records": [{**APP, "addresses": []}]}, "dnsmasq_records: app.example.org has no address"),
        (
            {"records": [{**APP, "addresses": ["192.0.2.300"]}]},
            "dnsmasq_records: app.example.org: '192.0.2.300' is not an IPv4",
        ),
        (
            {"records": [{**APP, "addresses": ["2001:db8::1", "2001:db8:0::1"]}]},
            "dnsmasq_records: app.example.org: 2001:db8:0::1 is there twice",
        ),
        (
            {"upstreams": ["dns.example"]},
            "dnsmasq_upstreams: 'dns.example' is not the IPv4 or IPv6 address of a server",
        ),
        ({"upstreams": ["0.0.0.0"]}, "dnsmasq_upstreams: '0.0.0.0' is not the IPv4 or IPv6 address of a server"),
        ({"upstreams": ["192.0.2.1#0"]}, "dnsmasq_upstreams: port '0' of '192.0.2.1#0' is not within 1 to 65535"),
        ({"domain_upstreams": [{"domain": "a", "servers": []}]}, "dnsmasq_domain_upstreams: a has no server"),
        ({"domain_upstreams": [{"domain": "a", "servers": ["b"]}]}, "dnsmasq_domain_upstreams: a: 'b' is not the IPv4"),
        (
            {"domain_upstreams": [{"domain": "-", "servers": ["::1"]}]},
            "dnsmasq_domain_upstreams[0]: '-' is no host name",
        ),
        ({"listen_addresses": []}, "dnsmasq_listen_addresses is empty"),
        ({"listen_addresses": ["eth0"]}, "dnsmasq_listen_addresses: 'eth0' is not an IPv4 or IPv6 address"),
        ({"listen_addresses": ["0.0.0.0"]}, "dnsmasq_listen_addresses: 0.0.0.0 stands for every address"),
        ({"listen_addresses": ["::"], "forward": False}, "dnsmasq_listen_addresses: :: stands for every address"),
        ({"listen_addresses": ["8.8.8.8"]}, "dnsmasq_listen_addresses: 8.8.8.8 is a public address"),
        ({"ttl": -1}, "dnsmasq_ttl: -1 is not within 0 to 2147483647 seconds"),
        ({"cache_size": 10001}, "dnsmasq_cache_size: 10001 is not within 0 to 10000 names"),
        ({"trust_anchors": [". IN DS 1"]}, "dnsmasq_trust_anchors: '. IN DS 1' is not of the form"),
    ],
)
def test_a_mistake_is_told_with_its_place(wrong: dict[str, Any], expected: str) -> None:
    found = dnsmasq_mistakes({**GIVEN, **wrong})
    assert len(found) == 1
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("wrong", "resolved", "expected"),
    [
        ({"listen_addresses": ["::1"]}, "disabled", "dnsmasq_listen_addresses: ::1 lacks 127.0.0.1"),
        ({"listen_addresses": ["::1"]}, "routed", "dnsmasq_listen_addresses: ::1 lacks 127.0.0.1"),
        ({"forward": False}, "disabled", "dnsmasq_forward: with false this host would resolve only the records"),
        ({"records": []}, "routed", "dnsmasq_records: there is no name to route"),
    ],
)
def test_a_host_that_could_not_ask_it_is_refused(wrong: dict[str, Any], resolved: str, expected: str) -> None:
    assert dnsmasq_mistakes({**GIVEN, **wrong}, "kept") == []
    (found,) = dnsmasq_mistakes({**GIVEN, **wrong}, resolved)
    assert found.startswith(expected)


def test_a_public_address_may_answer_the_records_alone() -> None:
    assert dnsmasq_mistakes({**GIVEN, "listen_addresses": ["8.8.8.8"], "forward": False}) == []
    assert "server=192" not in files(forward=False)[_dnsmasq.SERVERS]


def test_every_address_first_has_a_name_of_its_own() -> None:
    records = [APP, {"name": "b.example.org", "addresses": ["192.0.2.1", "192.0.2.3", "2001:db8:0::1"]}]
    lines = files(records=records)[_dnsmasq.HOSTS].splitlines()[1:]
    assert lines == [
        "192.0.2.1 ip-192-0-2-1.address.invalid",
        "192.0.2.2 ip-192-0-2-2.address.invalid",
        "192.0.2.3 ip-192-0-2-3.address.invalid",
        "2001:db8::1 ip-2001-db8--1.address.invalid",
        "192.0.2.1 app.example.org",
        "192.0.2.2 app.example.org",
        "192.0.2.1 b.example.org",
        "192.0.2.3 b.example.org",
        "2001:db8::1 b.example.org",
    ]


def test_servers() -> None:
    text = files(domain_upstreams=[{"domain": "corp.example", "servers": ["192.0.2.1", "192.0.2.2#54"]}])[
        _dnsmasq.SERVERS
    ]
    assert [line for line in text.splitlines() if line.startswith("server=")] == [
        "server=192.0.2.53",
        "server=/corp.example/192.0.2.1",
        "server=/corp.example/192.0.2.2#54",
        "server=/app.example.org/",
    ]


def test_what_is_asked_for_is_in_the_configuration() -> None:
    plain = files()[_dnsmasq.CONFIG].splitlines()
    assert {"listen-address=127.0.0.1", "bind-dynamic", "no-resolv", "local-ttl=0", "cache-size=150"} <= set(plain)
    assert not {"log-queries", "dnssec"} & set(plain)
    asked = files(records=[{**APP, "wildcard": True}], ttl=9, cache_size=0, dnssec=True, log_queries=True)[
        _dnsmasq.CONFIG
    ]
    assert {
        "local-ttl=9",
        "cache-size=0",
        "log-queries",
        "dnssec",
        f"conf-file={_dnsmasq.ANCHORS}",
        "address=/app.example.org/192.0.2.1",
        "address=/app.example.org/192.0.2.2",
    } <= set(asked.splitlines())


@pytest.mark.parametrize(("zone", "beside"), [("corp.example", True), (".", False)])
def test_a_key_of_the_root_takes_the_place_of_the_known_one(zone: str, beside: bool) -> None:
    anchor = f"{zone},50598,13,2,{DIGEST}"
    text = files(dnssec=True, trust_anchors=[anchor])[_dnsmasq.CONFIG]
    assert f"trust-anchor={anchor}\n" in text
    assert (_dnsmasq.ANCHORS in text) == beside


def test_the_host_asks_at_loopback_where_it_can() -> None:
    assert _dnsmasq.read({**GIVEN, "listen_addresses": ["10.0.0.1", "127.0.0.1"]}).own_address == "127.0.0.1"
    assert _dnsmasq.read({**GIVEN, "listen_addresses": ["10.0.0.1", "::1"]}).own_address == "10.0.0.1"
