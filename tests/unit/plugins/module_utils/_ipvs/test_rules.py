# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ParseError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.listing import merge_listings, parse_listing
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import VirtualService
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.rules import parse_rules, render_table

ADDED = "-A -t 192.0.2.1:80 -s rr\n"


@pytest.mark.parametrize("name", ["empty", "single-host-after-102-requests", "every-feature"])
def test_rendered_rules_are_those_ipvsadm_saves_and_the_thresholds(capture, name):
    table = merge_listings([parse_listing(capture(f"{name}/{layout}")) for layout in ("tun-info", "thresholds")])
    saved = capture(f"{name}/save").replace("127.0.0.1:8082 -m -w 0\n", "127.0.0.1:8082 -m -w 0 -x 1000 -y 500\n")
    assert render_table(map(VirtualService.from_dict, table.to_dicts())) == saved


@pytest.mark.parametrize("name", ["empty", "single-host-idle", "every-feature"])
def test_saved_rules_say_the_same_as_the_listing(capture, name):
    rules = parse_rules(capture(f"{name}/save"))
    listing = parse_listing(capture(f"{name}/tun-info"))
    for entry in listing.services.values():
        for values in entry.servers.values():
            del values["active_connections"], values["inactive_connections"]
    assert rules.services == listing.services


def test_a_local_server_is_saved_as_ipvsadm_does():
    listing = "Prot LocalAddress:Port Scheduler Flags\n -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
    (service,) = parse_listing(f"{listing}TCP 192.0.2.1:80 rr\n -> 10.0.0.1:80 Local 3 0 0\n").to_dicts()
    service["servers"][0].update(upper_threshold=0, lower_threshold=0)
    rules = render_table([VirtualService.from_dict(service)])
    assert rules == "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3\n"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("-A -f -2 -s rr", {"fwmark": 4294967294, "family": "ipv4"}),
        ("-A -f 8 -6 -s rr", {"fwmark": 8, "family": "ipv6"}),
        ("-A -t 192.0.2.1:80 -s sh -b", {"scheduler_flags": ["flag-3"]}),
        ("-A -t 192.0.2.1:80", {"scheduler": "wlc"}),
        ("ipvsadm -A -t [2001:DB8::0:1]:80 -s rr", {"address": "2001:db8::1"}),
        ("-A -t 192.0.2.1:80 -s rr -p 60 -M 0.0.0.0", {"persistence": {"timeout": 60, "netmask": "0.0.0.0"}}),
    ],
)
def test_a_rule_for_a_service(rule, expected):
    (service,) = parse_rules(rule).to_dicts()
    assert expected.items() <= service.items()


def test_a_rule_for_a_server():
    rule = "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 3 -x 20 -y 10 --tun-type gue --tun-port 6080 --tun-remcsum\n"
    assert parse_rules(ADDED + rule).to_dicts()[0]["servers"] == [
        {
            "address": "10.0.0.1",
            "port": 80,
            "forward": "tunnel",
            "weight": 3,
            "upper_threshold": 20,
            "lower_threshold": 10,
            "tunnel": {"type": "gue", "port": 6080, "checksum": "remote"},
        }
    ]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("-D -t 192.0.2.1:80", "not a rule that adds"),
        ("-A -s rr", "the virtual service is missing"),
        (ADDED.strip(), "added already"),
        ("-a -t 192.0.2.9:80 -r 10.0.0.1:80", "was not added before"),
        ("-a -t 192.0.2.1:80 -m", "not end in a port number"),
        ("-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -g", "only one of"),
        ("-a -t 192.0.2.1:80 -r 10.0.0.1:80 -w many", "'many' is not a number"),
        ("-a -t 192.0.2.1:80 -r 10.0.0.1:80 -w 1 -w 2", "stands there twice"),
        ("-A -t 192.0.2.2:80 -z 1", "'-z' is not known here"),
        ("# a comment", "the virtual service is missing"),
    ],
)
def test_an_unknown_rule_is_quoted(rule, reason):
    with pytest.raises(ParseError, match=reason) as caught:
        parse_rules(f"{ADDED}{rule}\n")
    assert (caught.value.line, caught.value.number) == (rule, 2)
