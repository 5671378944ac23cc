"""Interfaces for virtual IPs: what a person may ask for, and what it takes to have it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _links
from ansible_collections.highload.lvs.plugins.module_utils._links import Link, LinkError, SeenLink

DUMMY = Link("dummy1", "dummy", ("192.0.2.1/32", "2001:db8::1/128"), 1500, ())
TUNNEL = Link("tunl0", "ipip", (), None, (5555,))
SEEN = SeenLink("dummy1", "dummy", True, 1500, DUMMY.addresses)
CLOSED: dict[str, set[int]] = {"-4": set(), "-6": set()}


def raw(name="dummy1", addresses=(), mtu=None, kind="dummy", gue_ports=()):
    """Return a link as the module gets it."""
    return {"name": name, "kind": kind, "addresses": [*addresses], "mtu": mtu, "gue_ports": [*gue_ports]}


def test_what_is_right_is_read_in_the_kernels_words():
    assert _links.read_links([raw("lvs.v-1_a", ["2001:DB8:0:0::1/064", "192.0.2.1/24"], 9000), raw()]) == [
        Link("lvs.v-1_a", "dummy", ("2001:db8::1/64", "192.0.2.1/24"), 9000, ()),
        Link("dummy1", "dummy", (), 1500, ()),
    ]
    assert _links.read_links([raw("tunl0", kind="ipip", gue_ports=[5556, 5555, 5555])])[0] == Link(
        "tunl0", "ipip", (), None, (5555, 5556)
    )


@pytest.mark.parametrize(
    ("links", "mistake"),
    [
        ([raw("a" * 16)], "links[0].name: 'aaaaaaaaaaaaaaaa' cannot name an interface"),
        ([raw("")], "links[0].name: ''"),
        ([raw("a b")], "links[0].name: 'a b'"),
        ([raw("a%b")], "links[0].name: 'a%b'"),
        ([raw("a/b")], "links[0].name: 'a/b'"),
        ([raw("a\n")], "links[0].name"),
        ([raw("..")], "links[0].name: '..'"),
        ([raw("all")], "links[0].name: 'all'"),
        ([raw(), raw()], "links[1].name: dummy1 is links[0] already"),
        ([raw(addresses=["192.0.2.1"])], "links[0].addresses[0]: '192.0.2.1' has no prefix length"),
        ([raw(addresses=["192.0.2.1/255.255.255.0"])], "'192.0.2.1/255.255.255.0' has no prefix length"),
        ([raw(addresses=["192.0.2.1/33"])], "'192.0.2.1/33' is not an address"),
        ([raw(addresses=["2001:db8::1/129"])], "'2001:db8::1/129' is not an address"),
        ([raw(addresses=["host/32"])], "'host/32' is not an address"),
        ([raw(addresses=["224.0.0.5/32"])], "'224.0.0.5/32' cannot be a virtual IP"),
        ([raw(addresses=["0.0.0.0/0"])], "'0.0.0.0/0' cannot be a virtual IP"),
        ([raw(addresses=["fe80::1/64"])], "'fe80::1/64' cannot be a virtual IP"),
        (
            [raw("a", ["::1:2/64"]), raw("b", ["0::1:2/128"])],
            "links[1].addresses[0]: ::1:2 is links[0].addresses[0] already",
        ),
        ([raw(mtu=67)], "links[0].mtu: 67 is not a number of bytes from 68 to 65535"),
        ([raw(mtu=65536)], "links[0].mtu: 65536"),
        ([raw(addresses=["2001:db8::1/128"], mtu=1279)], "links[0].mtu: 1279 is not a number of bytes from 1280"),
        ([raw("tunl0", kind="ipip", gue_ports=[0])], "links[0].gue_ports: 0 is not a port"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(links, mistake):
    with pytest.raises(LinkError) as error:
        _links.read_links(links)
    assert len(error.value.errors) == 1
    assert mistake in error.value.errors[0]


def test_reading_the_kernel():
    link = {"ifname": "dummy1", "flags": ["NOARP", "UP"], "mtu": 1500, "linkinfo": {"info_kind": "dummy"}}
    addresses = [
        {"family": "inet", "local": "169.254.1.1", "prefixlen": 32, "scope": "link"},
        {"family": "inet6", "local": "2001:db8::1", "prefixlen": 128, "scope": "global"},
        {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
        {"family": "inet6", "local": "fe80::7f00:1", "prefixlen": 64, "scope": "host"},
    ]
    device = {"ifname": "eth0", "flags": [], "mtu": 9000}
    assert _links.parse_links(json.dumps([{}, {**link, "addr_info": addresses}, device])) == {
        "dummy1": SeenLink("dummy1", "dummy", True, 1500, ("169.254.1.1/32", "2001:db8::1/128")),
        "eth0": SeenLink("eth0", "", False, 9000, ()),
    }


def test_reading_gue_ports():
    shown = (
        '[{"port":5555,"gue":null,"family":"inet6"},{"port":5556,"gue":null,"family":"inet"},{"port":7,"ipproto":4}]'
    )
    assert _links.parse_gue_ports(shown) == {"-4": {5556}, "-6": {5555}}
    assert _links.parse_gue_ports("") == CLOSED


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        ([SEEN], []),
        ([], ["make dummy1", "add 192.0.2.1/32 to dummy1", "add 2001:db8::1/128 to dummy1"]),
        ([SeenLink("dummy1", "dummy", False, 1500, DUMMY.addresses)], ["set dummy1 up"]),
        (
            [SeenLink("dummy1", "dummy", True, 9000, DUMMY.addresses)],
            ["set the MTU of dummy1 to 1500, which is 9000"],
        ),
        (
            [SeenLink("dummy1", "dummy", True, 1500, ("2001:db8::1/128", "192.0.2.1/24"))],
            ["add 192.0.2.1/32 to dummy1", "remove 192.0.2.1/24 from dummy1"],
        ),
    ],
)
def test_differences_of_a_dummy_interface(seen, wanted):
    assert _links.differences(DUMMY, {one.name: one for one in seen}, CLOSED, "") == wanted


def test_a_tunnel_keeps_the_addresses_of_others():
    seen = {"tunl0": SeenLink("tunl0", "ipip", True, 1480, ("192.0.2.9/32",))}
    assert _links.differences(TUNNEL, seen, {"-4": {5555}, "-6": set()}, "") == []
    assert _links.differences(TUNNEL, seen, {"-4": set(), "-6": {5555}}, "") == ["open UDP port 5555 for GUE"]


def test_a_tunnel_loses_what_its_unit_gave_it():
    unit = _links.unit_file(Link("tunl0", "ipip", ("192.0.2.1/32", "192.0.2.2/32"), None, (5554, 5555)))
    seen = {"tunl0": SeenLink("tunl0", "ipip", True, 1480, ("192.0.2.1/32", "192.0.2.9/32"))}
    assert _links.differences(TUNNEL, seen, {"-4": {5553, 5554, 5555}, "-6": {5554}}, unit) == [
        "remove 192.0.2.1/32 from tunl0",
        "close UDP port 5554 for GUE",
    ]


def test_clashes():
    seen = {
        "eth0": SeenLink("eth0", "", True, 1500, ("192.0.2.1/24",)),
        "dummy1": SeenLink("dummy1", "bridge", True, 1500, ()),
        "old": SeenLink("old", "dummy", True, 1500, ("2001:db8::1/128",)),
    }
    assert _links.clashes([DUMMY], {"old"}, seen) == [
        "dummy1 is a bridge interface on this host, not a dummy interface: choose another name",
        "192.0.2.1/32 of dummy1 is already on eth0 of this host: remove it there first, or use another address",
    ]
    assert len(_links.clashes([DUMMY], set(), seen)) == 3


def test_units_add_and_never_take_away():
    commands = [line for line in _links.unit_file(DUMMY).splitlines() if line.startswith("Exec")]
    assert commands == [
        "ExecStart=-modprobe dummy",
        "ExecStart=-ip link add dev dummy1 type dummy",
        "ExecStart=-ip link set dev dummy1 addrgenmode none",
        "ExecStart=ip link set dev dummy1 mtu 1500 up",
        "ExecStart=ip address replace 192.0.2.1/32 dev dummy1",
        "ExecStart=ip address replace 2001:db8::1/128 dev dummy1",
    ]
    commands = [line for line in _links.unit_file(TUNNEL).splitlines() if line.startswith("Exec")]
    assert commands == [
        "ExecStart=-modprobe ipip",
        "ExecStart=-modprobe fou",
        "ExecStart=-ip -4 fou add port 5555 gue",
        "ExecStart=ip link set dev tunl0 up",
    ]
