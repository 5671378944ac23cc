# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers from a group of the inventory, and what is said of an inventory that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError, AnsibleFilterError
from ansible_collections.highload.lvs.plugins.filter.ipvs_mistakes import FilterModule as Mistakes
from ansible_collections.highload.lvs.plugins.filter.ipvs_resolve import FilterModule
from jinja2 import StrictUndefined

ipvs_resolve: Any = FilterModule().filters()["ipvs_resolve"]
ipvs_mistakes: Any = Mistakes().filters()["ipvs_mistakes"]

GROUPS = {"all": ["web1", "web2", "other"], "web": ["web1", "web2"], "empty": [], "ungrouped": []}
HOSTS: dict[str, Any] = {
    "web1": {"ansible_host": "192.0.2.11"},
    "web2": {
        "ansible_host": "web2.example",
        "ipvs_server_address": "192.0.2.12",
        "ipvs_server_address_ipv6": "2001:db8::12",
        "ipvs_server_port": 8082,
        "ipvs_server_weight": 3,
    },
    "other": {},
}


def service(**more: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "address": "192.168.100.1", "port": 80, **more}


def servers(wanted: dict[str, Any], hosts: dict[str, Any] | None = None, groups: dict[str, Any] | None = None) -> Any:
    return ipvs_resolve([wanted], groups or GROUPS, hosts or HOSTS)[0]["servers"]


def changed(host: str, **variables: Any) -> dict[str, Any]:
    return {**HOSTS, host: {**HOSTS[host], **variables}}


def test_every_host_of_the_group_is_a_real_server_in_the_order_of_the_inventory() -> None:
    assert servers(service(servers_from={"group": "web"})) == [
        {"address": "192.0.2.11"},
        {"address": "192.0.2.12", "port": 8082, "weight": 3},
    ]


def test_the_rest_of_the_service_stays() -> None:
    plain = service(scheduler="sh", servers=[{"address": "192.0.2.1"}])
    assert ipvs_resolve([{**plain, "servers_from": {"group": "web"}}, plain], GROUPS, HOSTS) == [
        {**plain, "servers": [*plain["servers"], *servers(service(servers_from={"group": "web"}))]},
        plain,
    ]


def test_what_the_service_says_of_all_its_servers() -> None:
    common = {"forward": "tunnel", "port": 80, "tunnel": {"type": "gre"}, "upper_threshold": 9, "lower_threshold": 5}
    assert servers(service(servers_from={"group": "web", **common})) == [
        {"address": "192.0.2.11", **common},
        {"address": "192.0.2.12", "weight": 3, **common},
    ]


def test_a_host_that_is_added_to_the_group_is_one_server_more() -> None:
    groups = {**GROUPS, "web": ["web1", "web2", "web3"]}
    hosts = {**HOSTS, "web3": {"ipvs_server_address": "192.0.2.13", "ipvs_server_weight": 0}}
    found = servers(service(servers_from={"group": "web"}), hosts, groups)
    assert found[2:] == [{"address": "192.0.2.13", "weight": 0}]


@pytest.mark.parametrize(
    "wanted",
    [service(address="2001:db8::1"), {"protocol": "fwmark", "fwmark": 7, "family": "ipv6"}],
)
def test_services_of_ipv6_take_addresses_of_ipv6(wanted: dict[str, Any]) -> None:
    hosts = changed("web1", ipvs_server_address_ipv6="2001:db8::11")
    found = servers({**wanted, "servers_from": {"group": "web", "port": 0}}, hosts)
    assert [one["address"] for one in found] == ["2001:db8::11", "2001:db8::12"]


def test_a_host_is_left_out_only_where_it_says_so() -> None:
    wanted = service(servers_from={"group": "web"})
    assert [one["address"] for one in servers(wanted, changed("web1", ipvs_server_state="absent"))] == ["192.0.2.12"]
    assert len(servers(wanted, changed("web1", ipvs_server_state="present"))) == 2


class Templated(dict[str, Any]):
    """The variables of a host, of which a template cannot be rendered."""

    def get(self, name: str, default: Any = None) -> Any:
        if name == "ipvs_server_address":
            raise AnsibleError("no filter named 'nosuch'")
        return super().get(name, default)


@pytest.mark.parametrize(
    ("wanted", "hosts", "told"),
    [
        ("web", HOSTS, r"services[0].servers_from: 'web' is not a dictionary with the key group"),
        (
            {"group": "wbe"},
            HOSTS,
            "servers_from.group: the group 'wbe' is not in the inventory, which has all, empty, web",
        ),
        ({"group": "empty"}, HOSTS, "servers_from.group: the group 'empty' has no host"),
        ({"group": "web", "weight": 2}, HOSTS, "servers_from.weight: there is no such key"),
        ({"group": "all"}, HOSTS, "host other has no ipvs_server_address and no ansible_host"),
        ({"group": "web"}, changed("web2", ipvs_server_state="down"), "ipvs_server_state of host web2: 'down' is not"),
        (
            {"group": "web"},
            {**HOSTS, "web1": Templated()},
            "ipvs_server_address of host web1 cannot be read: no filter named",
        ),
        (
            {"group": "web"},
            changed("web1", ipvs_server_address=StrictUndefined(name="ansible_eth0")),
            "ipvs_server_address of host web1 cannot be read: 'ansible_eth0' is undefined",
        ),
        (
            {"group": "web"},
            changed("web1", ansible_host="web1.example"),
            "ansible_host of host web1: 'web1.example' is not an IP address",
        ),
        (
            {"group": "web"},
            changed("web2", ipvs_server_weight=-1),
            "ipvs_server_weight of host web2: -1 is not a whole number",
        ),
        (
            {"group": "web"},
            changed("web2", ipvs_server_port="http"),
            "ipvs_server_port of host web2: 'http' is not a whole number",
        ),
        (
            {"group": "web", "forward": "dr"},
            HOSTS,
            "services[0].servers_from.forward: 'dr' is not one of masq, route, tunnel",
        ),
        (
            {"group": "web", "forward": "route"},
            HOSTS,
            "services[0].servers_from, host web2 (ipvs_server_address, ipvs_server_port, ipvs_server_weight): "
            "real server 192.0.2.12:8082 of tcp 192.168.100.1:80 uses route",
        ),
        (
            {"group": "web", "port": 80},
            changed("web1", ipvs_server_address="192.0.2.12"),
            "host web2 (ipvs_server_address, ipvs_server_weight): "
            "real server 192.0.2.12:80 stands at services[0].servers_from, host web1",
        ),
    ],
)
def test_a_mistake_is_told_once_with_its_host_and_variable(wanted: Any, hosts: dict[str, Any], told: str) -> None:
    mistakes = ipvs_mistakes([service(servers_from=wanted)], groups=GROUPS, hostvars=hosts)
    assert len(mistakes) == 1
    assert told in mistakes[0]


def test_the_family_needs_its_own_variable() -> None:
    mistakes = ipvs_mistakes(
        [service(address="2001:db8::1", servers_from={"group": "web"})], None, None, (), 0, GROUPS, HOSTS
    )
    assert mistakes == ["host web1 has no ipvs_server_address_ipv6"]


def test_all_mistakes_are_told_together() -> None:
    wanted = [service(servers_from={"group": "wbe"}), service(port=81, servers_from={"group": "all", "wieght": 1})]
    assert len(ipvs_mistakes(wanted, groups=GROUPS, hostvars=HOSTS)) == 3
    with pytest.raises(AnsibleFilterError, match=r"'wbe' is not.*wieght.*host other"):
        ipvs_resolve(wanted, GROUPS, HOSTS)


def test_what_is_no_list_of_services_is_left_to_others() -> None:
    assert ipvs_resolve("none", GROUPS, HOSTS) == "none"
    assert ipvs_resolve(["none"], GROUPS, HOSTS) == ["none"]
