"""What a real server needs for its virtual IPs."""

from __future__ import annotations

import json

import pytest
from ansible_collections.highload.lvs.plugins.filter.realserver_plan import FilterModule

realserver_plan = FilterModule().filters()["realserver_plan"]


def vip(address="192.0.2.10", forward="route", **more):
    """Return an entry of realserver_vips."""
    return {"address": address, "forward": forward, **more}


def test_every_way_of_forwarding():
    plan = realserver_plan(
        [
            vip(),
            vip(),
            vip("2001:DB8::10", "tunnel"),
            vip("192.0.2.11", "tunnel", tunnel={"type": "gue", "port": 5555}),
            vip("192.0.2.12", "tunnel", tunnel={"type": "gre"}),
            vip("192.0.2.13", "masq", director="10.0.0.1"),
        ],
        "vip0",
        ["eth0.100"],
    )
    assert plan == {
        "mistakes": [],
        "links": [
            {"name": "vip0", "kind": "dummy", "addresses": ["192.0.2.10/32"], "gue_ports": []},
            {"name": "ip6tnl0", "kind": "ip6tnl", "addresses": ["2001:db8::10/128"], "gue_ports": []},
            {"name": "tunl0", "kind": "ipip", "addresses": ["192.0.2.11/32"], "gue_ports": [5555]},
            {"name": "gre0", "kind": "gre", "addresses": ["192.0.2.12/32"], "gue_ports": []},
        ],
        "modules": ["dummy", "ip6_tunnel", "ipip", "fou", "ip_gre"],
        "sysctls": {
            "net.ipv4.conf.eth0/100.rp_filter": 2,
            "net.ipv4.conf.tunl0.rp_filter": 2,
            "net.ipv4.conf.gre0.rp_filter": 2,
        },
        "ways": [{"network": "0.0.0.0/0", "client": "192.0.2.1", "director": "10.0.0.1"}],
        "astray": [],
    }


def test_a_vip_that_comes_both_ways_is_on_the_tunnel():
    plan = realserver_plan([vip(), vip(forward="tunnel"), vip()])
    assert [(link["name"], link["addresses"]) for link in plan["links"]] == [("tunl0", ["192.0.2.10/32"])]
    plan = realserver_plan([vip(forward="tunnel"), vip(forward="tunnel", tunnel={"type": "gre"})])
    assert plan["mistakes"] == [
        "realserver_vips[1].tunnel: 192.0.2.10 comes through ipip already; use one of them for a VIP"
    ]


def test_masquerading_has_ways_back_to_check():
    plan = realserver_plan(
        [vip(forward="masq", director="10.0.0.1", clients=["10.1.0.0/16", "10.2.0.5/32", "0.0.0.0/0"])]
    )
    assert (plan["links"], plan["modules"], plan["sysctls"]) == ([], [], {})
    assert [way["client"] for way in plan["ways"]] == ["10.1.0.1", "10.2.0.5", "192.0.2.1"]


@pytest.mark.parametrize(
    ("entry", "mistake"),
    [
        (vip("192.0.2.10/32"), "address: '192.0.2.10/32' is not an IP address; write it without a prefix length"),
        (vip(forward="nat"), "forward: 'nat' is not one of route, tunnel, masq"),
        (vip(tunnel={"type": "gre"}), "tunnel: 192.0.2.10 is forwarded by route"),
        (vip(forward="tunnel", tunnel={"type": "vxlan"}), "tunnel.type: 'vxlan' is not one of ipip, gue, gre"),
        (vip(forward="tunnel", tunnel={"type": "gue"}), "tunnel.port: gue for 192.0.2.10 needs the UDP port"),
        (vip(forward="tunnel", tunnel={"port": 5555}), "tunnel.port: ipip has no port"),
        (vip(forward="tunnel", tunnel={"type": "gre", "checksum": "enabled"}), "tunnel.checksum: gre0 drops packets"),
        (vip(director="10.0.0.1"), "director: belongs to forward: masq, 192.0.2.10 has route"),
        (vip(forward="masq"), "director: masq for 192.0.2.10 needs the director's address"),
        (vip(forward="masq", director="2001:db8::1"), "director: 2001:db8::1 is not IPv4 as the VIP is"),
        (vip(forward="masq", director="10.0.0.1", clients=["10.0.0.1/8"]), "clients: 10.0.0.1/8 has host bits set"),
    ],
)
def test_mistakes(entry, mistake):
    plan = realserver_plan([vip("192.0.2.99"), entry])
    assert len(plan["mistakes"]) == 1
    assert plan["mistakes"][0].startswith(f"realserver_vips[1].{mistake}")


def answer(**route):
    """Return the result of `ip -json route get`."""
    return {"rc": 0, "stdout": json.dumps([route])} if route else {"rc": 2, "stdout": ""}


def test_a_way_back_through_the_director_is_kept_from_redirects():
    vips = [vip(forward="masq", director="10.0.0.1"), vip("2001:db8::10", "masq", director="fd00::1")]
    plan = realserver_plan(
        vips, routes=[answer(dev="eth0.5", gateway="10.0.0.1"), answer(dev="eth1", gateway="fd00::1")]
    )
    assert plan["astray"] == []
    assert plan["sysctls"] == {
        "net.ipv4.conf.all.accept_redirects": 0,
        "net.ipv4.conf.eth0/5.accept_redirects": 0,
        "net.ipv6.conf.eth1.accept_redirects": 0,
    }


@pytest.mark.parametrize(
    ("clients", "route", "seen", "remedy"),
    [
        (
            [],
            answer(dev="eth0", gateway="10.0.0.254"),
            "0.0.0.0/0 go through eth0 by 10.0.0.254,",
            "replace default via",
        ),
        ([], answer(), "0.0.0.0/0 go nowhere,", "replace default via"),
        (
            ["10.0.0.0/16"],
            answer(dev="eth0"),
            "10.0.0.0/16 go through eth0 without a gateway,",
            "replace 10.0.0.0/16 via 10.0.0.1",
        ),
    ],
)
def test_a_way_back_past_the_director_is_told_with_the_remedy(clients, route, seen, remedy):
    plan = realserver_plan([vip(forward="masq", director="10.0.0.1", clients=clients)], routes=[route])
    assert len(plan["astray"]) == 1
    assert seen in plan["astray"][0]
    assert remedy in plan["astray"][0]
