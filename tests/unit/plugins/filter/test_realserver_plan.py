"""What a real server needs for its virtual IPs."""

from __future__ import annotations

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
            {
                "name": "vip0",
                "kind": "dummy",
                "addresses": ["192.0.2.10/32", "2001:db8::10/128", "192.0.2.11/32", "192.0.2.12/32"],
            },
            {"name": "ip6tnl0", "kind": "ip6tnl", "gue_ports": []},
            {"name": "tunl0", "kind": "ipip", "gue_ports": [5555]},
            {"name": "gre0", "kind": "gre", "gue_ports": []},
        ],
        "modules": ["dummy", "ip6_tunnel", "ipip", "fou", "ip_gre"],
        "sysctls": {
            "net.ipv4.conf.eth0/100.rp_filter": 2,
            "net.ipv4.conf.tunl0.rp_filter": 2,
            "net.ipv4.conf.gre0.rp_filter": 2,
        },
        "ways": [{"network": "0.0.0.0/0", "client": "192.0.2.1", "director": "10.0.0.1"}],
    }


def test_masquerading_changes_nothing():
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
