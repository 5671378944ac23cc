# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict about what verify.yml saw of the reference system on a real guest, and of the same with one change.

``captures/verify/single-host.json`` holds the host's variables and what the playbook registered.
"""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import VirtualService
from ansible_collections.highload.lvs.plugins.plugin_utils._verify import filters, output, plan, topology
from ansible_collections.highload.lvs.plugins.plugin_utils._verify.director import service_differences
from ansible_collections.highload.lvs.plugins.plugin_utils._verify.page import page
from ansible_collections.highload.lvs.plugins.plugin_utils._verify.site import Site

CAPTURE = Path(__file__).parents[2] / "captures" / "verify" / "single-host.json"
SERVICE = "tcp 192.168.100.1:80"
NAME = "my-awesome-highload-app.local"
HOSTILE = "\"'><script>document.title='owned'</script><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}&amp;\x00\u202e"


@pytest.fixture
def host():
    """Return the variables of the captured host, to change at will."""
    return json.loads(CAPTURE.read_text())


def judge(*hosts, other_clients=False):
    names = [f"host{number}" for number in range(1, len(hosts) + 1)]
    return filters.verify_verdict(dict(zip(names, hosts, strict=True)), names, other_clients)


def failed(result):
    return {check["name"]: check["seen"] for check in result["checks"] if check["status"] == "fail"}


def unit(host, name):
    return next(one for one in host["__verify_system"]["units"] if one["name"] == name)


def servers(host, moment):
    return host[f"__verify_{moment}"]["ansible_facts"]["ipvs"]["services"][0]["servers"]


def probe(host):
    return host["__verify_probes"]["results"][0]


def test_the_reference_system_is_right(host):
    result = judge(host)
    assert failed(result) == {}
    assert result["ok"]
    assert result["counts"] == {"pass": 32, "fail": 0, "skip": 0}
    service = result["services"][0]
    assert (service["service"], service["requests"], service["errors"]) == (SERVICE, 102, {})
    assert [(one["backend"], one["low"], one["connections"], one["state"]) for one in service["servers"]] == [
        ("backend1", 51, 51, "ok"),
        ("backend2", 51, 51, "ok"),
    ]
    assert json.loads(json.dumps(result)) == result


def test_a_page_that_the_inventory_does_not_have_as_text_is_known_by_what_its_own_host_saw(host):
    for server in host["backend_servers"]:
        del server["content"]
        server["folder"] = "site"
    result = judge(host)
    assert failed(result) == {}
    assert "backend2 sends a page" in [check["name"] for check in result["checks"]]
    assert [one["connections"] for one in result["services"][0]["servers"]] == [51, 51]
    # Still told apart: an answer that is no backend's is a stranger's.
    probe(host)["responders"]["stranger"] = 1
    assert f"{SERVICE} is answered by its real servers" in failed(judge(host))
    host["__verify_pages"]["results"][1]["statuses"] = {"404": 1}
    assert "404" in failed(judge(host))["backend2 sends a page"]


def stop_backend(host):
    unit(host, "highload-backend@backend2.service").update(active="failed", sub="failed")
    host["__verify_pages"]["results"][1].update(responders={}, errors={"refused": 1})
    del probe(host)["responders"]["<h2>*** Response from Backend Server 2 ***</h2>"]
    probe(host)["errors"] = {"refused": 51}


def other_content(host):
    first = "<h1>Response from Backend Server 1</h1>"
    host["__verify_pages"]["results"][1]["responders"] = {first: 1}
    probe(host)["responders"] = {first: 102}


def stranger(host):
    services = host["__verify_before"]["ansible_facts"]["ipvs"]["services"]
    services.append({**copy.deepcopy(services[0]), "port": 8080, "servers": []})
    host["__verify_system"]["sockets"].append(
        {"protocol": "tcp", "address": "192.168.100.1", "port": 9090, "process": "nc"}
    )


def fixed_order(host):
    host["__verify_rotation"]["results"][0]["first"] = {"127.0.0.1": 20}


def resolved(host):
    unit(host, "systemd-resolved.service").update(active="active", sub="running", enabled="enabled")


def vip_gone(host):
    host["__verify_system"]["links"][-1]["addresses"] = []


def others(host):
    servers(host, "after")[0]["stats"]["connections"] += 7


def stand_still(host):
    host["__verify_after"] = copy.deepcopy(host["__verify_before"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            stop_backend,
            {
                "highload-backend@backend2.service runs": "failed (failed)",
                "backend2 sends its own page": "no answer (refused)",
                f"{SERVICE} is answered by its real servers": "51 x refused; none from backend2 (127.0.0.1:8082)",
            },
        ),
        (
            other_content,
            {
                "backend2 sends its own page": "<h1>Response from Backend Server 1</h1> (the page of backend1)",
                f"{SERVICE} is answered by its real servers": "none from backend2 (127.0.0.1:8082)",
                f"{SERVICE}: the kernel counted what the probe sent": "backend1 (127.0.0.1:8081): 102 answers with its "
                "page, 51 connections; backend2 (127.0.0.1:8082): 0 answers with its page, 51 connections",
            },
        ),
        (
            stranger,
            {"nobody else serves on the VIPs": "virtual service tcp 192.168.100.1:8080; nc on tcp 192.168.100.1:9090"},
        ),
        (fixed_order, {f"{NAME} rotates": "127.0.0.1 20 times, 127.0.0.2 0 times"}),
        (resolved, {"systemd-resolved is out of the way": "active, enabled"}),
        (vip_gone, {"VIP 192.168.100.1/32 is there": "on nothing"}),
        (
            others,
            {
                f"{SERVICE} balances": "127.0.0.1:8081 (weight 1): expected 51 of 102, seen 58 (rr: exact); "
                "expected 102 in all, seen 109",
                f"{SERVICE}: the kernel counted what the probe sent": "102 requests sent, 109 connections counted by "
                "the kernel; backend1 (127.0.0.1:8081): 51 answers with its page, 58 connections",
            },
        ),
        (
            stand_still,
            {
                f"{SERVICE} balances": "127.0.0.1:8081 (weight 1): expected 51 of 102, seen 0 (rr: exact); "
                "127.0.0.1:8082 (weight 1): expected 51 of 102, seen 0 (rr: exact); expected 102 in all, seen 0",
                f"{SERVICE}: the kernel counted what the probe sent": "102 requests sent, 0 connections counted by "
                "the kernel; backend1 (127.0.0.1:8081): 51 answers with its page, 0 connections; "
                "backend2 (127.0.0.1:8082): 51 answers with its page, 0 connections",
            },
        ),
        (
            lambda host: unit(host, "highload-ipvs.service").update(enabled="disabled"),
            {"highload-ipvs.service starts at boot": "disabled"},
        ),
        (
            lambda host: servers(host, "before")[1].update(weight=3),
            {f"{SERVICE} is in the kernel as in the inventory": "real server 127.0.0.1:8082 has weight 3 instead of 1"},
        ),
        (
            lambda host: host["ipvs_services"][0]["servers"][0].update(forward="masq", upper_threshold=9),
            {
                f"{SERVICE} is in the kernel as in the inventory": "real server 127.0.0.1:8081 has upper threshold 0 "
                "instead of 9"
            },
        ),
        (
            lambda host: host["__verify_before"]["ansible_facts"]["ipvs"]["services"][0].update(scheduler="wlc"),
            {f"{SERVICE} is in the kernel as in the inventory": "scheduler is wlc instead of rr"},
        ),
        (
            lambda host: host["__verify_system"]["modules"].update(ip_vs_rr=False),
            {"modules are loaded": "ip_vs_rr missing"},
        ),
        (
            lambda host: host["__verify_system"]["boot_modules"].remove("ip_vs_rr"),
            {"modules are loaded at boot": "ip_vs_rr missing"},
        ),
        (lambda host: host["__verify_system"]["boot_links"].clear(), {"dummy1 comes back at boot": "nothing makes it"}),
        (
            lambda host: host["__verify_system"]["sysctls"].update({"net.ipv4.ip_forward": "0"}),
            {"sysctls are set": "net.ipv4.ip_forward is 0 instead of 1"},
        ),
        (
            lambda host: host["__verify_system"].update(nameservers=["127.0.0.53"]),
            {"the host asks its own server": "127.0.0.53"},
        ),
        (
            lambda host: host["__verify_system"]["sockets"].append(
                {"protocol": "udp", "address": "0.0.0.0", "port": 53, "process": "named"}
            ),
            {
                "dnsmasq alone answers on port 53 of its addresses": "dnsmasq on 127.0.0.1 (udp), "
                "dnsmasq on 127.0.0.1 (tcp), named on 0.0.0.0 (udp)"
            },
        ),
        (
            lambda host: host["__verify_answers"]["results"][-1]["answers"][0].update(rcode="SERVFAIL"),
            {". is answered through them": "SERVFAIL"},
        ),
        (
            lambda host: host.update(ipvs_timeouts={"tcp": 60}),
            {"timeouts are set": "tcp is 900 s, not 60 s"},
        ),
        (
            lambda host: host.update(
                __verify_before={"msg": "ipvsadm was not found"}, __verify_after={"msg": "ipvsadm was not found"}
            ),
            {
                "IPVS table": "cannot be seen: ipvsadm was not found",
                f"{SERVICE} balances": "cannot be seen: ipvsadm was not found",
            },
        ),
        (
            lambda host: host.update(__verify_probes={"msg": "the loop failed"}),
            {f"{SERVICE} answers": "cannot be seen: nothing was told of it"},
        ),
        (
            lambda host: host.update(__verify_probes={"results": [{"item": probe(host)["item"], "msg": "died"}]}),
            {f"{SERVICE} answers": "cannot be seen: died"},
        ),
        (
            lambda host: host.update(__verify_system={"unreachable": True, "msg": "no route"}),
            {"the host can be reached": "unreachable"},
        ),
        (
            lambda host: servers(host, "after")[0]["stats"].update(connections=0),
            {
                f"{SERVICE} balances": "cannot be seen: connections of 127.0.0.1:8081 of tcp 192.168.100.1:80 went "
                "back from START to 0: it was added anew or its counters were zeroed"
            },
        ),
    ],
)
def test_one_change_is_named_and_nothing_else(host, change, expected):
    start = str(servers(host, "before")[0]["stats"]["connections"])
    change(host)
    result = judge(host)
    assert failed(result) == {name: seen.replace("START", start) for name, seen in expected.items()}
    assert not result["ok"]
    assert result["counts"]["fail"] == len(expected)


def test_a_host_that_shows_nothing_fails_in_every_part(host):
    for name in [name for name in host if name.startswith("__verify_")]:
        host[name] = {"msg": "the module died"}
    result = judge(host)
    assert {check["status"] for check in result["checks"]} <= {"fail", "skip"}
    assert {check["topic"] for check in result["checks"]} >= {"backend", "dns", "resolver", "vip", "kernel", "table"}


@pytest.mark.parametrize(
    ("change", "why"),
    [({"protocol": "sctp"}, "it cannot be asked by a probe"), ({"servers": []}, "it has no real server with a weight")],
)
def test_what_cannot_be_probed_is_skipped_and_says_so(host, change, why):
    host["ipvs_services"].append({**host["ipvs_services"][0], "port": 99, **change})
    skipped = [check for check in judge(host)["checks"] if check["status"] == "skip"]
    assert [check["seen"][: len(why)] for check in skipped] == [why]


def test_other_clients_may_come(host):
    servers(host, "after")[0]["stats"]["connections"] += 7
    servers(host, "after")[1]["stats"]["connections"] += 8
    assert failed(judge(host, other_clients=True)) == {}


def test_an_interface_with_a_unit_of_its_own_needs_no_networkd(host):
    unit(host, "systemd-networkd.service").update(active="inactive", enabled="disabled")
    assert set(failed(judge(host))) == {"systemd-networkd.service runs", "systemd-networkd.service starts at boot"}
    made = {**unit(host, "systemd-networkd.service"), "name": "highload-dummy_interface-dummy1.service"}
    host["__verify_system"]["units"].append({**made, "enabled": "enabled"})
    assert failed(judge(host)) == {}


def test_nothing_to_check_is_no_success(host):
    host["group_names"] = []
    assert not judge(host)["ok"]


def test_what_an_absent_role_wants_is_not_looked_for(host):
    host.update(ipvs_state="absent", dummy_interface_state="absent", dnsmasq_state="absent")
    assert {check["topic"] for check in judge(host)["checks"]} == {"backend"}


def test_a_real_server_on_another_host_is_found_by_its_address(host):
    director, server = host, copy.deepcopy(host)
    server["group_names"], director["group_names"] = ["lvs_backends"], ["lvs_directors"]
    server["__verify_system"]["links"][1]["addresses"] = ["10.0.0.7/24"]
    director["ipvs_services"][0]["servers"][0]["address"] = "10.0.0.7"
    site = Site.read({"director": director, "server": server}, ["director", "server"])
    wanted = site.hosts["director"].wanted.ipvs.services[0].servers
    assert site.backend_of("director", wanted[0].key)[0] == "server"
    assert site.backend_of("director", wanted[1].key) is None
    assert [one["url"] for one in plan.probes(site, "director", 5)] == ["tcp://192.168.100.1:80/"]


@pytest.mark.parametrize(
    ("scheduler", "weights", "requests", "count"),
    [("rr", [1, 1], 102, 102), ("rr", [1, 1, 1], 100, 102), ("wrr", [3, 1], 102, 104), ("wlc", [3, 1], 102, 102)],
)
def test_requests_end_a_cycle(host, scheduler, weights, requests, count):
    one = host["ipvs_services"][0]
    one["scheduler"] = scheduler
    one["servers"] = [{"address": f"127.0.0.{n}", "port": 80, "weight": w} for n, w in enumerate(weights, 1)]
    assert filters.verify_probes({"a": host}, ["a"], "a", requests)[0]["count"] == count


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "ipvs_services",
            [{"protocol": "tcp", "address": "web", "port": 80}],
            r"services\[0\].address: 'web' is not an IP",
        ),
        ("backend_servers", [{"name": "a"}], "lacks what it must have"),
    ],
)
def test_an_inventory_that_cannot_be_is_refused(host, variable, value, message):
    host[variable] = value
    with pytest.raises(AnsibleFilterError, match=message):
        filters.verify_look({"host1": host}, "host1")


def test_a_number_of_requests_out_of_range_is_refused(host):
    with pytest.raises(AnsibleFilterError, match="verify_requests 0 is not within 1 to 10000"):
        filters.verify_probes({"a": host}, ["a"], "a", 0)


def test_differences_of_a_service():
    def service(*servers):
        return VirtualService.from_dict(
            {"protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "rr", "scheduler_flags": []}
            | {"one_packet": False, "servers": servers}
        )

    def server(address):
        named = {"address": address, "port": 80, "forward": "masq", "weight": 1}
        return {**named, "upper_threshold": 0, "lower_threshold": 0}

    one, two = server("10.0.0.2"), server("10.0.0.3")
    assert service_differences(service(one, two), service(two, one)) == []
    assert service_differences(service(one), None) == ["it is not in the kernel"]
    assert service_differences(service(one), service(two)) == [
        "real server 10.0.0.2:80 is missing",
        "real server 10.0.0.3:80 is not in the inventory",
    ]


def test_lines_end_with_what_failed(host):
    fixed_order(host)
    lines = output.lines(judge(host))
    assert lines[-4:] == [
        f"FAIL  host1  dns       {NAME} rotates",
        "      expected: each of 2 addresses first in at least 5 of 20 answers",
        "      seen:     127.0.0.1 20 times, 127.0.0.2 0 times",
        "31 checks passed, 1 failed, 0 skipped",
    ]


def test_junit(host):
    stop_backend(host)
    host["dnsmasq_resolved"] = "kept"
    suite = ElementTree.fromstring(output.junit(judge(host)))[0]
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "skipped")} == {
        "name": "host1",
        "tests": "30",
        "failures": "3",
        "skipped": "1",
    }
    assert len(suite.findall("testcase/failure")) == 3
    assert "expected active, seen failed" in suite.find("testcase/failure").get("message")


def hostile(host):
    """Put hostile text wherever an inventory or a server can."""
    host["backend_servers"][1]["name"] = HOSTILE
    host["backend_servers"][0]["content"] = HOSTILE
    host["dnsmasq_records"][0]["name"] = HOSTILE
    host["dummy_interface_links"][0]["name"] = HOSTILE
    host["__verify_system"].update(os=HOSTILE, kernel=HOSTILE)
    host["__verify_system"]["packages"] = {HOSTILE: HOSTILE}
    host["__verify_pages"]["results"][0]["responders"] = {HOSTILE: 1}
    probe(host)["responders"] = {HOSTILE: 102}
    probe(host)["errors"] = {HOSTILE: 1}
    names = [HOSTILE]
    return filters.verify_verdict({HOSTILE: host}, names)


class Tags(HTMLParser):
    """Collect the tags, the attributes and the text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {pair[0] for pair in attrs}

    def handle_data(self, data):
        self.text += data


def test_hostile_names_are_text_in_the_page(host):
    expected = Tags()
    fine = copy.deepcopy(host)
    stop_backend(fine)
    expected.feed(page(judge(fine)))
    seen = Tags()
    seen.feed(page(hostile(host)))
    assert seen.tags - expected.tags == set()
    assert not {one for one in seen.attributes if one.startswith("on")} | (seen.tags & {"script", "img", "iframe"})
    assert "<script>document.title='owned'</script>" in seen.text
    assert "{{ 7 * 7 }}{% raw %}&amp;\\u0000\\u202e" in seen.text
    assert not set("\x00\u202e") & set(seen.text)


def test_hostile_names_are_text_in_junit(host):
    suite = ElementTree.fromstring(output.junit(hostile(host)))[0]
    assert suite.get("name") == HOSTILE.replace("\x00", "\ufffd")


def test_the_page_needs_nothing_from_elsewhere(host):
    text = page(judge(host))
    for needle in ("<script", "<link", "<img", "url(", "@import", 'src="'):
        assert needle not in text
    assert "The system does what its inventory says" in text
    assert text.count("<svg") == 1


def test_boxes_of_the_drawing_do_not_overlap(host):
    host["ipvs_services"] += [
        {"protocol": "tcp", "address": "192.168.100.1", "port": 81, "servers": []},
        {"protocol": "udp", "address": "192.168.100.1", "port": 53, "servers": [{"address": "127.0.0.9"}]},
    ]
    drawing = topology.draw(judge(host))
    for number, one in enumerate(drawing.boxes):
        assert one.x >= 0 and one.x + one.width <= drawing.width
        assert one.y >= 0 and one.y + one.height <= drawing.height
        for other in drawing.boxes[number + 1 :]:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y


def test_real_servers_may_come_from_a_group_also_from_hosts_that_are_not_verified(host):
    service = {"protocol": "tcp", "address": "10.0.0.80", "port": 80, "servers_from": {"group": "web"}}
    host.update(group_names=["lvs_directors"], ipvs_services=[service], groups={"web": ["one", "two"]})
    hosts = {"director": host, "one": {"ansible_host": "10.0.0.1"}, "two": {"ipvs_server_address": "10.0.0.2"}}
    wanted = Site.read(hosts, ["director"]).hosts["director"].wanted.ipvs.services[0]
    assert [str(server.key) for server in wanted.servers] == ["10.0.0.1:80", "10.0.0.2:80"]


def test_a_host_that_is_down_is_known_by_the_address_that_the_inventory_states(host):
    down = {"group_names": ["lvs_backends"], "ansible_host": "web.example", "ipvs_server_address": "10.0.0.7"}
    down["backend_servers"] = [{"name": "web", "port": 8081, "content": "here"}]
    host["ipvs_services"][0]["servers"][0]["address"] = "10.0.0.7"
    site = Site.read({"director": host, "down": down}, ["director", "down"])
    assert site.backend_of("director", site.hosts["director"].wanted.ipvs.services[0].servers[0].key)[0] == "down"


def test_a_dns_service_is_asked_for_what_its_servers_know_themselves(host):
    service = {"protocol": "udp", "address": "10.0.0.53", "port": 53, "servers": [{"address": "10.0.0.7"}]}
    host.update(ipvs_services=[service])
    assert plan.probes(Site.read({"director": host}, ["director"]), "director", 1)[0]["url"] == "dns://10.0.0.53:53/."
    server = {"group_names": ["lvs_dns"], "ansible_host": "10.0.0.7"}
    server["dnsmasq_records"] = [{"name": "www.example", "addresses": ["192.0.2.1"]}]
    site = Site.read({"director": host, "server": server}, ["director", "server"])
    assert plan.probes(site, "director", 1)[0]["url"] == "dns://10.0.0.53:53/www.example"
