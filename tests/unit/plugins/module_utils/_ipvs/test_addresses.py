# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import socket

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import addresses
from hypothesis import given
from hypothesis import strategies as st

NEAR = st.sampled_from(
    [
        *(
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:0:1",
            "::10.0.0.1",
            "fe80::1",
            "febf::",
            "fec0::",
            "fe8::1",
            "ff02::1",
        ),
        *("feff::", "ff::1", "2001:db8::ffff", "0.0.0.0", "127.0.0.1", "128.0.0.1", "223.255.255.255", "224.0.0.0"),
        *("239.255.255.255", "240.0.0.0", "255.255.255.255", "12.7.0.1"),
    ]
)
ANY = st.one_of(NEAR, st.ip_addresses().map(str)).map(addresses.canonical)


@given(ANY)
def test_what_an_address_is_agrees_with_the_standard_library(address):
    parsed = ipaddress.ip_address(address)
    mapped = parsed.version == 6 and parsed.ipv4_mapped is not None
    assert addresses.is_mapped(address) == mapped
    if mapped:
        return
    assert addresses.is_multicast(address) == parsed.is_multicast
    assert addresses.is_loopback(address) == parsed.is_loopback
    assert addresses.is_link_local(address) == (parsed in ipaddress.ip_network("fe80::/10"))
    broadcast = address == "255.255.255.255"
    assert addresses.is_unicast(address) == (not parsed.is_multicast and not parsed.is_unspecified and not broadcast)


@given(ANY, st.integers(0, 65535))
def test_an_endpoint_is_split_into_what_it_was_joined_from(address, port):
    assert addresses.split_endpoint(addresses.endpoint(address, port)) == (address, port)


@given(ANY)
def test_the_canonical_spelling_is_one(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    assert addresses.canonical(ipaddress.ip_address(address).exploded) == address
    assert socket.inet_ntop(family, socket.inet_pton(family, address)) == address


@pytest.mark.parametrize(
    "text", ["", ":80", "10.0.0.1", "10.0.0.1:", "10.0.0.1:+1", "10.0.0.1:000080", "[::1]", "::1:80", "[]:80", "1:80"]
)
def test_what_is_no_endpoint(text):
    with pytest.raises(ValueError, match=r"is not|does not end"):
        addresses.split_endpoint(text)
