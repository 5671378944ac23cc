# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes in a list of services, as a role sees them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.highload.lvs.plugins.filter.ipvs_mistakes import FilterModule

ipvs_mistakes: Any = FilterModule().filters()["ipvs_mistakes"]
GOOD = {"protocol": "tcp", "address": "192.168.100.1", "port": 80, "servers": [{"address": "192.0.2.11"}]}


def test_what_is_right_has_none() -> None:
    daemon = {"state": "master", "interface": "eth0"}
    assert ipvs_mistakes([GOOD], {"tcp": 900}, [daemon], ["10.0.0.0/8"], 60) == []
    assert ipvs_mistakes([]) == []


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({"services": [GOOD, {**GOOD, "port": 81, "scheduler": "rrr"}]}, ["services[1].scheduler"]),
        ({"services": [GOOD], "timeouts": {"tcp": 0}}, ["timeouts.tcp"]),
        ({"services": [GOOD], "sync_daemons": [{"state": "master"}]}, ["sync_daemons[0].interface"]),
        ({"services": [GOOD], "keep_addresses": ["here"]}, ["keep_addresses[0]"]),
        ({"services": [GOOD], "drain": -1}, ["drain"]),
        (
            {"services": [{**GOOD, "port": 0}, {"protocol": "ftp"}], "drain": "soon"},
            ["services[0].port", "services[1].protocol", "drain"],
        ),
    ],
)
def test_every_mistake_is_named_with_its_place(given: dict[str, Any], places: list[str]) -> None:
    found = ipvs_mistakes(**given)
    assert [mistake.split(": ")[0] for mistake in found] == places
