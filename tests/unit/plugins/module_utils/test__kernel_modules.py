# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._kernel_modules import (
    claimed,
    freed,
    holders,
    links_of,
    loaded_by,
    without,
)


def test_modprobe_tells_what_it_loads_dependencies_first() -> None:
    output = (
        "insmod /lib/modules/7.2.0/kernel/net/netfilter/nf_conntrack.ko.xz \n"
        "insmod /lib/modules/7.2.0/kernel/net/netfilter/ipvs/ip_vs.ko conn_tab_bits=12\n"
        "insmod /lib/modules/7.2.0/kernel/drivers/net/snd-dummy.ko.zst\n"
    )
    assert loaded_by(output) == ["nf_conntrack", "ip_vs", "snd_dummy"]
    assert loaded_by("") == []


def test_dependencies_go_last_and_only_with_their_last_owner() -> None:
    claims = claimed({}, "ipvs", ["ip_vs", "ip_vs_rr"], ["nf_conntrack", "ip_vs", "ip_vs_rr"])
    assert list(claims) == ["nf_conntrack", "ip_vs", "ip_vs_rr"]
    claims = claimed(claims, "other", ["ip_vs"], [])
    assert freed(claims, "ipvs") == ["ip_vs_rr", "nf_conntrack"]
    assert freed(claims, "other") == []
    assert without(claims, "ipvs") == {"ip_vs": ["other"]}
    assert freed(without(claims, "ipvs"), "other") == ["ip_vs"]


def test_what_was_there_before_is_nobodys() -> None:
    assert claimed({}, "ipvs", ["ip_vs"], []) == {}


def test_claims_given_are_not_changed() -> None:
    claims = {"dummy": ["one"]}
    claimed(claims, "two", ["dummy"], [])
    assert claims == {"dummy": ["one"]}


@pytest.mark.parametrize(
    ("module", "link", "used"),
    [
        ("dummy", {"name": "mine", "kind": "dummy", "up": False}, True),
        ("dummy", {"name": "dummy0", "kind": "dummy", "up": False}, False),
        ("dummy", {"name": "dummy0", "kind": "dummy", "up": True}, True),
        ("dummy", {"name": "eth0", "kind": "", "up": True}, False),
        ("ipip", {"name": "tunl0", "kind": "ipip", "up": False}, False),
        ("ipip", {"name": "tunl0", "kind": "ipip", "up": True}, True),
        ("ip_vs", {"name": "mine", "kind": "dummy", "up": True}, False),
    ],
)
def test_links_in_use_keep_their_module(module: str, link: dict[str, object], used: bool) -> None:
    assert links_of(module, [link]) == ([link["name"]] if used else [])


def test_holders(tmp_path: Path) -> None:
    (tmp_path / "sys/module/ip_vs/holders/ip_vs_rr").mkdir(parents=True)
    assert holders("ip_vs", tmp_path) == {"ip_vs_rr"}
    assert holders("dummy", tmp_path) == set()
