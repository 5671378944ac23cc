# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import MismatchError, ParseError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.listing import merge_listings, number, parse_listing
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import VirtualService

SETS = ["empty", "single-host-idle", "single-host-after-102-requests", "every-feature"]
LAYOUTS = ["list", "tun-info", "thresholds", "persistent-conn", "stats", "stats-exact", "rate"]

HEADS = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
"""
STATS_HEADS = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
"""
TCP = {"protocol": "tcp", "address": "192.0.2.1", "port": 80}
PLAIN = {"scheduler_flags": [], "one_packet": False, "servers": []}
NETMASK4, NETMASK6 = "255.255.255.255", "128"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("name", "size", "services", "servers"),
    [
        ("empty", 0, 0, 0),
        ("single-host-idle", 256, 1, 2),
        ("single-host-after-102-requests", 2048, 1, 2),
        ("every-feature", 2048, 9, 9),
    ],
)
def test_every_capture_parses(capture, name, layout, size, services, servers):
    listing = parse_listing(capture(f"{name}/{layout}"))
    assert (listing.version, listing.size) == ("1.2.1", size)
    assert len(listing.services) == services
    assert sum(len(entry.servers) for entry in listing.services.values()) == servers


@pytest.mark.parametrize("name", SETS)
def test_all_layouts_of_one_table_merge(capture, name):
    merged = merge_listings([parse_listing(capture(f"{name}/{layout}")) for layout in LAYOUTS])
    for service in merged.to_dicts():
        assert (
            VirtualService.from_dict(service).to_dict().items()
            <= {
                **service,
                "servers": [
                    VirtualService.from_dict(service).servers[count].to_dict()
                    for count in range(len(service["servers"]))
                ],
            }.items()
        )


def test_the_reference_system_counts_51_each(capture):
    table = parse_listing(capture("single-host-after-102-requests/list")).to_dicts()
    server = {
        "address": "127.0.0.1",
        "forward": "masq",
        "weight": 1,
        "active_connections": 0,
        "inactive_connections": 51,
    }
    assert table == [
        {
            "protocol": "tcp",
            "address": "192.168.100.1",
            "port": 80,
            "scheduler": "rr",
            "scheduler_flags": [],
            "one_packet": False,
            "servers": [{**server, "port": 8081}, {**server, "port": 8082}],
        }
    ]


def test_statistics_of_the_reference_system(capture):
    (service,) = parse_listing(capture("single-host-after-102-requests/stats-exact")).to_dicts()
    assert service["stats"] == {
        "connections": 102,
        "in_packets": 624,
        "out_packets": 600,
        "in_bytes": 45198,
        "out_bytes": 51192,
    }
    assert [server["stats"]["connections"] for server in service["servers"]] == [51, 51]


def test_rates_of_the_reference_system(capture):
    (service,) = parse_listing(capture("single-host-after-102-requests/rate")).to_dicts()
    assert service["rates"] == {
        "connections_per_second": 10,
        "in_packets_per_second": 58,
        "out_packets_per_second": 56,
        "in_bytes_per_second": 4237,
        "out_bytes_per_second": 4799,
    }


def test_thresholds_and_a_weight_of_zero(capture):
    listings = [parse_listing(capture(f"every-feature/{layout}")) for layout in ("list", "thresholds")]
    server = merge_listings(listings).to_dicts()[0]["servers"][1]
    assert (server["weight"], server["upper_threshold"], server["lower_threshold"]) == (0, 1000, 500)


def test_tunnels(capture):
    servers = parse_listing(capture("every-feature/tun-info")).to_dicts()[1]["servers"]
    assert [server["tunnel"] for server in servers] == [
        {"type": "ipip"},
        {"type": "gue", "port": 6080, "checksum": "disabled"},
        {"type": "gre", "checksum": "enabled"},
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TCP  192.0.2.1:80 rr", {**TCP, "scheduler": "rr"}),
        (
            "UDP  192.0.2.1:53 wrr ops",
            {"protocol": "udp", "address": "192.0.2.1", "port": 53, "scheduler": "wrr", "one_packet": True},
        ),
        ("SCTP 192.0.2.1:3868 lblc", {"protocol": "sctp", "address": "192.0.2.1", "port": 3868, "scheduler": "lblc"}),
        (
            "TCP  192.0.2.1:443 sh (sh-fallback,sh-port) persistent 360 mask 255.255.255.0",
            {
                **TCP,
                "port": 443,
                "scheduler": "sh",
                "scheduler_flags": ["sh-fallback", "sh-port"],
                "persistence": {"timeout": 360, "netmask": "255.255.255.0"},
            },
        ),
        ("TCP  192.0.2.1:80 rr (flag-1,flag-3)", {**TCP, "scheduler": "rr", "scheduler_flags": ["flag-1", "flag-3"]}),
        ("TCP  192.0.2.1:80 sh ()", {**TCP, "scheduler": "sh", "scheduler_flags": ["flag-3"]}),
        (
            "UDP  192.0.2.1:5060 rr persistent 120 pe sip",
            {
                "protocol": "udp",
                "address": "192.0.2.1",
                "port": 5060,
                "scheduler": "rr",
                "persistence": {"timeout": 120, "netmask": NETMASK4},
                "persistence_engine": "sip",
            },
        ),
        (
            "UDP  192.0.2.1:5060 mh (mh-port) persistent 120 mask 255.255.0.0 pe sip ops",
            {
                "protocol": "udp",
                "address": "192.0.2.1",
                "port": 5060,
                "scheduler": "mh",
                "scheduler_flags": ["mh-port"],
                "persistence": {"timeout": 120, "netmask": "255.255.0.0"},
                "persistence_engine": "sip",
                "one_packet": True,
            },
        ),
        (
            "TCP  [2001:db8::1]:80 wlc persistent 360",
            {
                "protocol": "tcp",
                "address": "2001:db8::1",
                "port": 80,
                "scheduler": "wlc",
                "persistence": {"timeout": 360, "netmask": NETMASK6},
            },
        ),
        (
            "TCP  [2001:db8:1111:2222:3333:4444:5555:6666]:65535 rr",
            {"protocol": "tcp", "address": "2001:db8:1111:2222:3333:4444:5555:6666", "port": 65535, "scheduler": "rr"},
        ),
        (
            "TCP  [::ffff:192.0.2.1]:80 rr",
            {"protocol": "tcp", "address": "::ffff:192.0.2.1", "port": 80, "scheduler": "rr"},
        ),
        (
            "FWM  7 mh (mh-fallback,mh-port)",
            {
                "protocol": "fwmark",
                "fwmark": 7,
                "family": "ipv4",
                "scheduler": "mh",
                "scheduler_flags": ["mh-fallback", "mh-port"],
            },
        ),
        (
            "FWM  8 IPv6 lc persistent 60 mask 64",
            {
                "protocol": "fwmark",
                "fwmark": 8,
                "family": "ipv6",
                "scheduler": "lc",
                "persistence": {"timeout": 60, "netmask": "64"},
            },
        ),
        ("FWM  -2 rr", {"protocol": "fwmark", "fwmark": 4294967294, "family": "ipv4", "scheduler": "rr"}),
    ],
)
def test_a_service_line(line, expected):
    (service,) = parse_listing(HEADS + line + "\n").to_dicts()
    assert service == {**PLAIN, **expected}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "  -> 10.0.0.1:80                  Masq    1      0          51        ",
            {
                "address": "10.0.0.1",
                "port": 80,
                "forward": "masq",
                "weight": 1,
                "active_connections": 0,
                "inactive_connections": 51,
            },
        ),
        (
            "  -> 10.0.0.1:80                  Route   65535  7          0         ",
            {
                "address": "10.0.0.1",
                "port": 80,
                "forward": "route",
                "weight": 65535,
                "active_connections": 7,
                "inactive_connections": 0,
            },
        ),
        (
            "  -> [2001:db8:1111:2222:3333:4444:5555:6666]:8080 Tunnel  0      0          0         ",
            {
                "address": "2001:db8:1111:2222:3333:4444:5555:6666",
                "port": 8080,
                "forward": "tunnel",
                "weight": 0,
                "active_connections": 0,
                "inactive_connections": 0,
            },
        ),
        (
            "  -> 10.0.0.1:0                   Local   1      0          0         ",
            {
                "address": "10.0.0.1",
                "port": 0,
                "forward": "local",
                "weight": 1,
                "active_connections": 0,
                "inactive_connections": 0,
            },
        ),
    ],
)
def test_a_real_server_line(line, expected):
    (service,) = parse_listing(f"{HEADS}TCP  192.0.2.1:80 rr\n{line}\n").to_dicts()
    assert service["servers"] == [expected]


def test_servers_belong_to_the_service_above_them(capture):
    table = parse_listing(capture("every-feature/list")).to_dicts()
    owners = {server["address"]: service["protocol"] for service in table for server in service["servers"]}
    assert owners["10.0.0.9"] == owners["2001:db8::b"] == "fwmark"
    assert [service["servers"] for service in table if service["protocol"] == "sctp"] == [[]]


def test_one_selected_service_is_printed_without_a_title():
    listing = parse_listing("".join(HEADS.splitlines(keepends=True)[1:]) + "TCP  192.0.2.1:80 rr\n")
    assert (listing.version, listing.size, len(listing.services)) == (None, None, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("99999999", 99999999),
        ("123456K", 123456000),
        ("5000M", 5000 * 10**6),
        ("12G", 12 * 10**9),
        ("18446744T", 18446744 * 10**12),
        ("18446744073709551615", 2**64 - 1),
    ],
)
def test_numbers(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "K", "1.5K", "-1", "1k", "1KK", "\u0661", "0x10", "1_000"])
def test_what_is_no_number(text):
    with pytest.raises(ValueError, match="not a number"):
        number(text)


def test_large_numbers_with_suffix():
    text = f"{STATS_HEADS}TCP  192.0.2.1:80                  123456K    5000M      12G       7T        1\n"
    (service,) = parse_listing(text).to_dicts()
    assert list(service["stats"].values()) == [123456000, 5000000000, 12000000000, 7000000000000, 1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ICMP 192.0.2.1:80 rr", "neither a heading"),
        ("TCP", "neither a heading"),
        ("FWM", "neither a heading"),
        ("FWM  seven rr", "'seven' is not a number"),
        ("TCP  web:http rr", "does not end in a port number"),
        ("TCP  web:80 rr", "'web' is not an IP address"),
        ("TCP  192.0.2.1:65536 rr", "does not end in a port number"),
        ("TCP  192.0.2.1 rr", "does not end in a port number"),
        ("TCP  2001:db8::1:80 rr", "square brackets"),
        ("TCP  [192.0.2.1]:80 rr", "not an IP address"),
        ("TCP  192.0.2.1:80", "the scheduler is missing"),
        ("TCP  192.0.2.1:80 rr persistent", "not a number"),
        ("TCP  192.0.2.1:80 rr persistent 360 mask 64", "'64' is not an IP address"),
        ("TCP  [::1]:80 rr persistent 360 mask 129", "not an ipv6 netmask"),
        ("TCP  192.0.2.1:80 rr mask 255.0.0.0", "'mask' is not known here"),
        ("TCP  192.0.2.1:80 rr ops persistent 1", "'persistent' is not known here"),
        ("TCP  192.0.2.1:80 rr tomorrow", "'tomorrow' is not known here"),
        ("IP Virtual Server version 1.2.1 (size=1)", "title"),
        ("Prot LocalAddress:Port Scheduler Flags", "heading"),
        ("  -> 10.0.0.1:80 Masq 1 0 0", "before the first virtual service"),
        ("IPVS connection entries", "neither a heading"),
    ],
)
def test_an_unknown_line_is_quoted(line, reason):
    with pytest.raises(ParseError, match=reason) as caught:
        parse_listing(f"{HEADS}{line}\n")
    assert (caught.value.line, caught.value.number) == (line, 4)
    assert f"in line 4: {line!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("  ->", "address is missing"),
        ("  -> 10.0.0.1:80", "4 values should follow the address, but 0 do"),
        ("  -> 10.0.0.1:80 Masq 1 0", "4 values should follow the address, but 3 do"),
        ("  -> 10.0.0.1:80 Masq 1 0 0 0", "4 values should follow the address, but 5 do"),
        ("  -> 10.0.0.1:80 Nat 1 0 0", "'Nat' is not a forward method"),
        ("  -> 10.0.0.1:80 Masq one 0 0", "'one' is not a number"),
        ("  -> 10.0.0.9:80 Masq 1 0 0", "has this real server already"),
        ("TCP 192.0.2.1:80 wlc", "listed already"),
    ],
)
def test_an_unknown_line_below_a_service_is_quoted(line, reason):
    with pytest.raises(ParseError, match=reason) as caught:
        parse_listing(f"{HEADS}TCP 192.0.2.1:80 rr\n  -> 10.0.0.9:80 Masq 1 0 0\n{line}\n")
    assert (caught.value.line, caught.value.number) == (line, 6)


@pytest.mark.parametrize("info", ["gue:6080", "gue:port:-c", "gre", "gre:-r", "gre:+c:+c", "ipip:+c", "vxlan:1:-c", ""])
def test_an_unknown_tunnel_is_refused(info):
    text = f"{HEADS.replace('Forward', 'Forward TunnelInfo')}TCP 192.0.2.1:80 rr\n -> 10.0.0.1:80 Tunnel {info} 1 0 0\n"
    with pytest.raises(ParseError):
        parse_listing(text)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "IP Virtual Server version 1.2.1 (size=4096)\n", "Prot LocalAddress:Port Scheduler Flags\n"]
)
def test_a_text_without_headings_is_refused(text):
    with pytest.raises(ParseError, match="no heading"):
        parse_listing(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Forward Weight", "Forward Colour"),
        ("Scheduler Flags", "Scheduler"),
        ("Scheduler Flags", "Conns"),
        ("(size=4096)", "(size=big)"),
        ("RemoteAddress:Port", "Address"),
    ],
)
def test_unknown_headings_are_refused(old, new):
    with pytest.raises(ParseError):
        parse_listing(HEADS.replace(old, new))


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("", "TCP 192.0.2.1:80 rr\n", "tcp 192.0.2.1:80"),
        ("TCP 192.0.2.1:80 rr\n", "", "tcp 192.0.2.1:80"),
        ("TCP 192.0.2.1:80 rr\n", "TCP 192.0.2.1:80 rr\n -> 10.0.0.1:80 Masq 1 0 0\n", "10.0.0.1:80"),
    ],
)
def test_listings_of_different_tables_do_not_merge(first, second, named):
    with pytest.raises(MismatchError, match=named):
        merge_listings([parse_listing(HEADS + first), parse_listing(HEADS + second)])
