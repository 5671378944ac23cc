# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.connections import parse_connections, summarize
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ParseError

HEADS = """\
IPVS connection entries
pro expire state       source             virtual            destination
"""
PE_HEADS = """\
IPVS connection entries
pro expire state       source             virtual            destination        pe name          pe_data
"""


def test_captured_connections(capture):
    connections = list(parse_connections(capture("single-host-after-102-requests/connections")))
    assert len(connections) == 102
    assert connections[0] == {
        "protocol": "tcp",
        "expires": 116,
        "state": "TIME_WAIT",
        "client_address": "192.168.100.1",
        "client_port": 54314,
        "virtual_address": "192.168.100.1",
        "virtual_port": 80,
        "server_address": "127.0.0.1",
        "server_port": 8082,
    }


def test_no_connections(capture):
    assert list(parse_connections(capture("empty/connections"))) == []


def test_the_summary_counts_by_service_server_and_state(capture):
    assert summarize(parse_connections(capture("single-host-after-102-requests/connections"))) == [
        {
            "protocol": "tcp",
            "virtual_address": "192.168.100.1",
            "virtual_port": 80,
            "server_address": "127.0.0.1",
            "server_port": port,
            "connections": 51,
            "states": {"TIME_WAIT": 51},
        }
        for port in (8081, 8082)
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "UDP 05:00  UDP         [2001:db8::9]:5353 [2001:db8::1]:53   10.0.0.1:53",
            ("udp", 300, "UDP", "2001:db8::9", 5353, "2001:db8::1", 53, "10.0.0.1", 53),
        ),
        (
            "IP  120:05 NONE        10.0.0.0:0         0.0.0.7:0          10.0.0.9:0",
            ("ip", 7205, "NONE", "10.0.0.0", 0, "0.0.0.7", 0, "10.0.0.9", 0),
        ),
        (
            "SCTP 00:59  ESTABLISHED 10.0.0.0:1         10.0.0.1:1          10.0.0.9:1",
            ("sctp", 59, "ESTABLISHED", "10.0.0.0", 1, "10.0.0.1", 1, "10.0.0.9", 1),
        ),
    ],
)
def test_a_line(line, expected):
    (connection,) = parse_connections(f"{HEADS}{line}\n")
    assert tuple(connection.values()) == expected


def test_a_persistence_engine():
    line = "UDP 01:58  NONE        10.0.0.1:0         10.0.0.2:5060      10.0.0.3:5060    sip                abc@host\n"
    (connection,) = parse_connections(PE_HEADS + line)
    assert (connection["persistence_engine"], connection["persistence_data"]) == ("sip", "abc@host")


@pytest.mark.parametrize(
    "line",
    [
        "TCP",
        "TCP 01:55  TIME_WAIT   192.168.100.1:54314 192.168.100.1:80",
        "TCP 01:55  TIME_WAIT   192.168.100.1:54314 192.168.100.1:80   127.0.0.1:8082 sip",
        "tcp 01:55  TIME_WAIT   192.168.100.1:54314 192.168.100.1:80   127.0.0.1:8082",
        "TCP 01:60  TIME_WAIT   192.168.100.1:54314 192.168.100.1:80   127.0.0.1:8082",
        "TCP 115    TIME_WAIT   192.168.100.1:54314 192.168.100.1:80   127.0.0.1:8082",
        "TCP 01:55  TIME_WAIT   client:54314 192.168.100.1:80   127.0.0.1:8082",
        "IPVS connection entries",
    ],
)
def test_an_unknown_line_is_quoted(line):
    with pytest.raises(ParseError) as caught:
        list(parse_connections(f"{HEADS}{line}\n"))
    assert (caught.value.line, caught.value.number) == (line, 3)


@pytest.mark.parametrize("text", ["", "IPVS connection entries\n", HEADS[24:], "TCP 192.0.2.1:80 rr\n"])
def test_a_text_without_headings_is_refused(text):
    with pytest.raises(ParseError, match="heading"):
        list(parse_connections(text))
