# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from ansible_collections.highload.lvs.plugins.plugin_utils._preflight import checks, report
from ansible_collections.highload.lvs.plugins.plugin_utils._preflight.site import look, read_site

SERVICE = {
    "protocol": "tcp",
    "address": "10.0.0.80",
    "port": 80,
    "scheduler": "wrr",
    "servers": [{"address": "10.0.0.11", "port": 8080}],
}


def system(*addresses, mac, **more):
    links = [
        {"name": "lo", "kind": "", "up": True, "mac": "", "addresses": ["127.0.0.1/8"]},
        {"name": "eth0", "kind": "", "up": True, "mac": mac, "addresses": list(addresses)},
    ]
    return {
        "kernel": "6.12.0",
        "links": links,
        "modules": {},
        "absent_modules": [],
        "sysctls": {"net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0"},
        "boot_sysctls": {},
        "routes": [],
        "sockets": [],
        **more,
    }


class Inventory:
    """A director and a real server that are as they should be; tests change what they are about."""

    def __init__(self):
        route = {"to": "192.0.2.1", "from": "10.0.0.11", "gateway": "10.0.0.1", "interface": "eth0", "error": ""}
        self.hostvars = {
            "lvs1": {
                "group_names": ["lvs_directors", "lvs_dns"],
                "ansible_host": "10.0.0.1",
                "ipvs_services": [copy.deepcopy(SERVICE)],
                "dummy_interface_links": [{"name": "dummy1", "addresses": ["10.0.0.80/32"]}],
                "__preflight_system": system("10.0.0.1/24", mac="02:00:00:00:00:01"),
                "__preflight_vips": {"answers": [], "unasked": []},
            },
            "web1": {
                "group_names": ["lvs_backends"],
                "ansible_host": "10.0.0.11",
                "__preflight_system": system("10.0.0.11/24", mac="02:00:00:00:00:11", routes=[route]),
            },
        }
        self.clients = None

    @property
    def director(self):
        return self.hostvars["lvs1"]

    @property
    def director_system(self):
        return self.director["__preflight_system"]

    @property
    def service(self):
        return self.director["ipvs_services"][0]

    @property
    def route(self):
        return self.hostvars["web1"]["__preflight_system"]["routes"][0]

    def site(self):
        return read_site(self.hostvars, self.hostvars, self.clients)

    def findings(self):
        return checks.findings(self.site())

    def one(self):
        """Return the only finding, in short."""
        found = self.findings()
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def inventory():
    return Inventory()


def test_nothing_is_wrong(inventory):
    assert inventory.findings() == []


def test_what_to_look_at(inventory):
    wanted = look(inventory.site(), "lvs1")
    assert wanted["modules"] == ["dummy", "ip_vs", "ip_vs_wrr"]
    assert "net.ipv4.vs.expire_nodest_conn" in wanted["sysctls"]
    assert wanted["vips"] == ["10.0.0.80"]
    assert look(inventory.site(), "web1")["routes"] == [{"to": "192.0.2.1", "from": "10.0.0.11"}]
    inventory.clients = ["198.51.100.0/24", "203.0.113.9", "2001:db8::9"]
    assert [one["to"] for one in look(inventory.site(), "web1")["routes"]] == ["198.51.100.1", "203.0.113.9"]


def test_clients_must_be_addresses(inventory):
    inventory.clients = ["office"]
    with pytest.raises(ValidationError, match="preflight_clients: 'office' is neither an IP address nor a network"):
        inventory.site()


def test_all_mistakes_of_the_list_with_their_remedies_and_the_rest_is_looked_at(inventory):
    inventory.director["ipvs_services"] = [
        SERVICE,
        {**SERVICE, "port": 81, "servers": [{"address": "10.0.0.11", "port": 8080, "forward": "route"}]},
        {**SERVICE, "port": 82, "servers": [{"address": "2001:db8::11"}]},
        {**SERVICE, "port": 83, "scheduler": "rrr"},
    ]
    inventory.route["gateway"] = "10.0.0.254"
    found = inventory.findings()
    assert [one.what for one in found] == ["port_mismatch", "family_mixed", "mistake", "return_path"]
    assert (found[0].where, found[0].remedy) == ("services[1].servers[0]", "use 81 or forward: masq")
    assert found[1].remedy == "use an ipv4 address or forward: tunnel"
    assert found[2].where == "services[3].scheduler"


def test_mistakes_of_a_group(inventory):
    rest = {key: value for key, value in SERVICE.items() if key != "servers"}
    inventory.director["ipvs_services"] = [{**rest, "servers_from": {"group": "nobody"}}]
    inventory.director["groups"] = {"web": ["web1"]}
    assert inventory.one().where == "services[0].servers_from.group"


def test_a_host_that_was_not_seen(inventory):
    inventory.director["__preflight_system"] = {"unreachable": True, "msg": "timed out"}
    found = inventory.one()
    assert (found.severity, found.what, found.found) == ("error", "unseen", "timed out")


def test_a_real_server_that_was_not_seen(inventory):
    del inventory.hostvars["web1"]["__preflight_system"]
    assert [(one.what, one.severity) for one in inventory.findings()] == [
        ("return_path", "unseen"),
        ("unseen", "error"),
    ]


def test_a_real_server_that_the_inventory_does_not_have(inventory):
    del inventory.hostvars["web1"]
    assert (inventory.one().severity, inventory.one().what) == ("unseen", "return_path")


@pytest.mark.parametrize(
    ("gateway", "interface", "error", "found"),
    [
        ("10.0.0.254", "eth0", "", "go to 10.0.0.254 on eth0 and not through lvs1"),
        ("", "eth0", "", "go there directly on eth0"),
        ("", "", "RTNETLINK answers: Network is unreachable", "Network is unreachable"),
    ],
)
def test_answers_that_do_not_pass_the_director(inventory, gateway, interface, error, found):
    inventory.route.update(gateway=gateway, interface=interface, error=error)
    one = inventory.one()
    assert (one.host, one.severity, one.what) == ("web1", "error", "return_path")
    assert found in one.found
    assert "go through 10.0.0.1;" in one.remedy
    inventory.director["ipvs_sysctls"] = {"net.ipv4.ip_forward": 1, "net.ipv4.vs.conntrack": 1}
    assert inventory.one().severity == "warning"


@pytest.mark.parametrize("forward", ["route", "tunnel"])
def test_answers_of_route_and_tunnel_need_not(inventory, forward):
    inventory.service["servers"] = [{"address": "10.0.0.11", "forward": forward}]
    inventory.route["gateway"] = "10.0.0.254"
    assert inventory.findings() == []


@pytest.mark.parametrize(
    ("clients", "severity"), [(None, "warning"), (["198.51.100.0/24"], "error"), ([], None), (["127.0.0.1"], None)]
)
def test_masq_to_loopback(inventory, clients, severity):
    inventory.clients = clients
    inventory.service["servers"] = [{"address": "127.0.0.1", "port": 8081}]
    found = [one for one in inventory.findings() if one.what == "masq_loopback"]
    assert [one.severity for one in found] == ([severity] if severity else [])
    assert all("127.0.0.1:8081" in one.found for one in found)


def test_a_scheduler_that_the_kernel_lacks(inventory):
    inventory.director_system["absent_modules"] = ["ip_vs_wrr"]
    one = inventory.one()
    assert (one.what, one.where) == ("module_missing", "ip_vs_wrr")
    assert "scheduler wrr of tcp 10.0.0.80:80 needs it, and kernel 6.12.0 has no such module" in one.found
    assert "choose another scheduler" in one.remedy


def test_modules_out_of_sight(inventory):
    inventory.director_system["absent_modules"] = None
    inventory.director_system["modules"] = {"ip_vs": True, "dummy": True}
    inventory.director_system["sysctls"] = dict.fromkeys(look(inventory.site(), "lvs1")["sysctls"], "1")
    one = inventory.one()
    assert (one.severity, one.where) == ("unseen", "ip_vs_wrr")


@pytest.mark.parametrize("sysctls", [{"net.ipv4.ip_forward": 0}, {"net/ipv4/ip_forward": 0}, {"net.core.somaxconn": 1}])
def test_forwarding(inventory, sysctls):
    inventory.director["ipvs_sysctls"] = sysctls
    assert inventory.one().what == "forwarding"
    assert inventory.one().remedy == "write net.ipv4.ip_forward: 1 in ipvs_sysctls"
    inventory.service["servers"] = [{"address": "10.0.0.1", "port": 8080}]
    assert inventory.findings() == []


def test_forwarding_that_is_on_already(inventory):
    inventory.director["ipvs_sysctls"] = {}
    inventory.director_system["sysctls"]["net.ipv4.ip_forward"] = "1"
    assert inventory.findings() == []


def test_forwarding_of_ipv6(inventory):
    inventory.service.update(address="2001:db8::80", servers=[{"address": "2001:db8::11"}])
    assert [one.where for one in inventory.findings() if one.what == "forwarding"] == ["net.ipv6.conf.all.forwarding"]


@pytest.mark.parametrize(
    ("kernel", "sysctls", "clash"),
    [
        ("5.8.18", {"net.ipv4.vs.conntrack": 1}, True),
        ("5.8.18", {"net.ipv4.vs.conntrack": 1, "net.ipv4.vs.conn_reuse_mode": 0}, False),
        ("5.8.18", {}, False),
        ("5.10.0", {"net.ipv4.vs.conntrack": 1}, False),
    ],
)
def test_conntrack_with_rescheduling(inventory, kernel, sysctls, clash):
    inventory.director["ipvs_sysctls"] = {"net.ipv4.ip_forward": 1, **sysctls}
    inventory.director_system["kernel"] = kernel
    assert [one.what for one in inventory.findings()] == (["conntrack"] if clash else [])


def test_conntrack_without_its_module(inventory):
    inventory.director["ipvs_sysctls"] = {"net.ipv4.ip_forward": 1, "net.ipv4.vs.conntrack": 1}
    assert "nf_conntrack" in look(inventory.site(), "lvs1")["modules"]
    inventory.director_system["absent_modules"] = ["nf_conntrack"]
    assert inventory.one().found.startswith("net.ipv4.vs.conntrack needs it")


def test_a_sysctl_that_the_kernel_does_not_have(inventory):
    inventory.director["ipvs_sysctls"] = {"net.ipv4.ip_forward": 1, "net.ipv4.vs.conntrack": 1}
    assert inventory.findings() == []
    inventory.director_system["modules"] = {"ip_vs": True}
    assert (inventory.one().what, inventory.one().where) == ("sysctl_unknown", "net.ipv4.vs.conntrack")
    assert "CONFIG_IP_VS_NFCT" in inventory.one().remedy


@pytest.mark.parametrize(
    ("lines", "clash"),
    [
        ([("/etc/sysctl.d/99-local.conf", "0")], True),
        ([("/etc/sysctl.d/99-local.conf", "1")], False),
        ([("/etc/sysctl.d/10-local.conf", "0"), ("/etc/sysctl.d/60-highload-ipvs.conf", "1")], False),
        ([("/etc/sysctl.d/10-local.conf", "0")], False),
        ([("/etc/sysctl.d/99-a.conf", "0"), ("/etc/sysctl.d/99-b.conf", "1")], False),
    ],
)
def test_a_sysctl_that_another_file_sets_at_boot(inventory, lines, clash):
    inventory.director_system["boot_sysctls"] = {
        "net.ipv4.ip_forward": [{"file": file, "value": value} for file, value in lines]
    }
    assert [one.what for one in inventory.findings()] == (["sysctl_overridden"] if clash else [])


def test_a_vip_that_somebody_else_answers_for(inventory):
    answer = {"address": "10.0.0.80", "interface": "eth0", "mac": "02:00:00:00:00:11"}
    inventory.director["__preflight_vips"]["answers"] = [answer]
    assert inventory.one().found.startswith("02:00:00:00:00:11 (web1) answers for it too, on eth0")
    assert "arp_ignore=1" in inventory.one().remedy
    answer["mac"] = "02:00:00:00:00:99"
    assert "(no host of this inventory)" in inventory.one().found
    assert inventory.one().severity == "error"


def test_a_vip_that_could_not_be_asked_for(inventory):
    inventory.director["__preflight_vips"]["unasked"] = [
        {"interface": "eth0", "family": "ipv6", "reason": "no address"}
    ]
    assert inventory.findings() == []
    inventory.service.update(address="2001:db8::80", servers=[])
    assert [one.severity for one in inventory.findings()] == ["unseen"]
    inventory.director["__preflight_vips"] = {"msg": "Operation not permitted"}
    assert [one.severity for one in inventory.findings()] == ["unseen"]


@pytest.mark.parametrize(
    ("address", "process", "clash"),
    [
        ("127.0.0.1", "named", True),
        ("*", "unbound", True),
        ("0.0.0.0", "", True),
        ("127.0.0.1", "dnsmasq", False),
        ("127.0.0.53", "systemd-resolve", False),
        ("192.168.122.1", "named", False),
    ],
)
def test_port_53(inventory, address, process, clash):
    inventory.director_system["sockets"] = [
        {"protocol": protocol, "address": address, "port": 53, "process": process} for protocol in ("tcp", "udp")
    ]
    assert [one.what for one in inventory.findings()] == (["port_53"] if clash else [])


def test_report(inventory):
    inventory.service["servers"] = [{"address": "127.0.0.1", "port": 8081}]
    inventory.director_system["absent_modules"] = ["ip_vs_wrr"]
    data = report.as_data(inventory.findings(), ["masq_loopback"])
    assert [(one["what"], one["severity"]) for one in data] == [
        ("masq_loopback", "accepted"),
        ("module_missing", "error"),
    ]
    assert report.lines(data)[-1] == "1 errors, 0 warnings, 0 not looked at, 1 accepted"
    assert any("remedy: install the package" in line for line in report.lines(data))
