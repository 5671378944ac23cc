# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import (
    Persistence,
    RealServer,
    ServerKey,
    ServiceKey,
    Tunnel,
    VirtualService,
)
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.settings import SyncDaemon
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order, warn_of_loopback

TCP = {"protocol": "tcp", "address": "192.0.2.1", "port": 80}
UDP = {**TCP, "protocol": "udp"}
FWM = {"protocol": "fwmark", "fwmark": 7}
SERVER = {"address": "10.0.0.1"}


def order(**parameters):
    defaults = {"services": [], "state": "present", "purge": "managed", "keep_addresses": [], "drain": 0}
    return read_order({**defaults, "timeouts": None, "sync_daemons": None, **parameters})


def read(*services):
    return list(order(services=list(services)).wanted.values())


def mistakes(**parameters):
    with pytest.raises(ValidationError) as caught:
        order(**parameters)
    return caught.value.errors


def test_defaults():
    assert read({**TCP, "servers": [SERVER]}) == [
        VirtualService(
            ServiceKey.of_address("tcp", "192.0.2.1", 80),
            "wlc",
            servers=(RealServer(ServerKey("10.0.0.1", 80), "masq", 1, 0, 0, None),),
        )
    ]


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ({**TCP, "port": "80"}, TCP),
        ({**TCP, "address": "2001:DB8:0:0::1"}, {**TCP, "address": "2001:db8::1"}),
        ({**TCP, "address": "::C000:0201"}, {**TCP, "address": "::192.0.2.1"}),
        ({**TCP, "family": "ipv4"}, TCP),
        ({**TCP, "persistence": None, "persistence_engine": None, "scheduler": None}, TCP),
        ({**TCP, "stats": {"connections": 1}, "rates": {}}, TCP),
        ({**UDP, "one_packet": "yes"}, {**UDP, "one_packet": True}),
        ({**TCP, "persistence": {}}, {**TCP, "persistence": {"timeout": 300, "netmask": "255.255.255.255"}}),
        ({**TCP, "persistence": {"netmask": 24}}, {**TCP, "persistence": {"netmask": "255.255.255.0"}}),
        (
            {**TCP, "address": "::1", "persistence": {"netmask": "128"}},
            {**TCP, "address": "::1", "persistence": {"netmask": 128}},
        ),
        (
            {**TCP, "scheduler": "sh", "scheduler_flags": ["sh-port", "sh-fallback"]},
            {**TCP, "scheduler": "sh", "scheduler_flags": ["sh-fallback", "sh-port"]},
        ),
        ({**TCP, "servers": [{**SERVER, "port": "80", "weight": "0"}]}, {**TCP, "servers": [{**SERVER, "weight": 0}]}),
        (
            {**TCP, "servers": [{**SERVER, "active_connections": 3, "inactive_connections": 1, "stats": {}}]},
            {**TCP, "servers": [SERVER]},
        ),
        (
            {**TCP, "servers": [{**SERVER, "forward": "tunnel"}]},
            {**TCP, "servers": [{**SERVER, "forward": "tunnel", "tunnel": {"type": "ipip"}}]},
        ),
        ({**FWM, "servers": [SERVER]}, {**FWM, "family": "ipv4", "servers": [{**SERVER, "port": 0}]}),
    ],
)
def test_two_ways_to_write_the_same(written, same):
    assert read(written) == read(same)


def test_a_weight_of_zero_is_a_value():
    (service,) = read({**TCP, "servers": [{**SERVER, "weight": 0}]})
    assert service.servers[0].weight == 0


def test_everything_at_once():
    (service,) = read(
        {
            **FWM,
            "family": "ipv6",
            "scheduler": "mh",
            "scheduler_flags": ["mh-port"],
            "persistence": {"timeout": 60, "netmask": 64},
            "persistence_engine": "sip",
            "one_packet": True,
            "servers": [
                {
                    "address": "10.0.0.1",
                    "port": 5060,
                    "forward": "tunnel",
                    "weight": 65535,
                    "upper_threshold": 2147483647,
                    "lower_threshold": 2147483647,
                    "tunnel": {"type": "gue", "port": 6080, "checksum": "remote"},
                }
            ],
        }
    )
    tunnel = Tunnel("gue", 6080, "remote")
    assert service == VirtualService(
        ServiceKey.of_fwmark(7, "ipv6"),
        "mh",
        ("mh-port",),
        Persistence(60, "64"),
        True,
        "sip",
        (RealServer(ServerKey("10.0.0.1", 5060), "tunnel", 65535, 2147483647, 2147483647, tunnel),),
    )


@pytest.mark.parametrize(
    ("service", "mistake"),
    [
        ("web", "services[0]: 'web' is not a dictionary"),
        ({}, "services[0].protocol: it is missing"),
        ({**TCP, "protocol": "icmp"}, "services[0].protocol: 'icmp' is not one of tcp, udp, sctp, fwmark"),
        ({"protocol": "tcp", "port": 80}, "services[0].address: it is missing"),
        ({"protocol": "tcp", "address": "192.0.2.1"}, "services[0].port: it is missing"),
        ({**TCP, "address": "web"}, "services[0].address: 'web' is not an IP address (names are not resolved)"),
        ({**TCP, "address": "0.0.0.0"}, "services[0].address: 0.0.0.0 is not a unicast address"),
        ({**TCP, "address": "224.0.0.1"}, "services[0].address: 224.0.0.1 is not a unicast address"),
        ({**TCP, "address": "fe80::1%eth0"}, "services[0].address: 'fe80::1%eth0' is not an IP address"),
        ({**TCP, "address": "fe80::1"}, "services[0].address: fe80::1 is link-local or an IPv4 address written as"),
        ({**TCP, "address": "::ffff:10.0.0.1"}, "services[0].address: ::ffff:10.0.0.1 is link-local or an IPv4"),
        ({**TCP, "port": "http"}, "services[0].port: 'http' is not a whole number from 0 to 65535"),
        ({**TCP, "port": 65536}, "services[0].port: 65536 is not a whole number from 0 to 65535"),
        ({**TCP, "port": -1}, "services[0].port: -1 is not"),
        ({**TCP, "port": True}, "services[0].port: True is not"),
        ({**TCP, "port": 80.0}, "services[0].port: 80.0 is not"),
        ({**TCP, "port": 0}, "services[0].port: port 0, which stands for every port, needs persistence"),
        ({**TCP, "fwmark": 3}, "services[0].fwmark: only a service with protocol: fwmark has one"),
        ({**TCP, "family": "ipv6"}, "services[0].family: 'ipv6' is not the family of 192.0.2.1"),
        ({**FWM, "port": 80}, "services[0].port: a service of a firewall mark has none"),
        ({**FWM, "fwmark": 0}, "services[0].fwmark: 0 is not a whole number from 1 to 4294967295"),
        ({**TCP, "scheduler": "fastest"}, "services[0].scheduler: 'fastest' is not one of rr, wrr"),
        ({**TCP, "schedule": "rr"}, "services[0].schedule: there is no such key, did you mean scheduler?"),
        ({**TCP, "scheduler_flags": "sh-port"}, "services[0].scheduler_flags: 'sh-port' is not a list"),
        (
            {**TCP, "scheduler": "rr", "scheduler_flags": ["sh-port"]},
            "services[0].scheduler_flags: 'sh-port' is not a flag of the scheduler rr, which knows flag-1, flag-2",
        ),
        ({**TCP, "one_packet": True}, "services[0].one_packet: tcp 192.0.2.1:80 cannot schedule single packets"),
        ({**UDP, "one_packet": "maybe"}, "services[0].one_packet: 'maybe' is neither true nor false"),
        ({**TCP, "persistence": 360}, "services[0].persistence: 360 is not a dictionary"),
        ({**TCP, "persistence": {"timeout": 0}}, "services[0].persistence.timeout: 0 is not a whole number from 1 to"),
        ({**TCP, "persistence": {"netmask": "255.0.255.0"}}, "services[0].persistence.netmask: '255.0.255.0' is"),
        ({**TCP, "address": "::1", "persistence": {"netmask": 0}}, "services[0].persistence.netmask: 0 is not"),
        ({**TCP, "persistence_engine": "sip"}, "services[0].persistence_engine: it works only together with"),
        ({**TCP, "servers": {}}, "services[0].servers: {} is not a list"),
        ({**TCP, "servers": [{}]}, "services[0].servers[0].address: it is missing"),
    ],
)
def test_a_mistake_in_a_service(service, mistake):
    (found,) = mistakes(services=[service])
    assert found.startswith(mistake)


@pytest.mark.parametrize(
    ("server", "mistake"),
    [
        ({"address": "10.0.0.300"}, ".address: '10.0.0.300' is not an IP address"),
        ({"weight": 65536}, ".weight: 65536 is not a whole number from 0 to 65535"),
        ({"weight": "many"}, ".weight: 'many' is not a whole number"),
        ({"wieght": 1}, ".wieght: there is no such key, did you mean weight?"),
        ({"forward": "nat"}, ".forward: 'nat' is not one of masq, route, tunnel"),
        ({"lower_threshold": 5}, ": lower_threshold 5 is above upper_threshold 0"),
        ({"upper_threshold": 2**31}, ".upper_threshold: 2147483648 is not"),
        (
            {"forward": "route", "port": 8080},
            ": real server 10.0.0.1:8080 of tcp 192.0.2.1:80 uses route, which cannot change the port: "
            "use 80 or forward: masq",
        ),
        ({"address": "2001:db8::1"}, ": real server [2001:db8::1]:80 of tcp 192.0.2.1:80 is of another family"),
        ({"tunnel": {"type": "ipip"}}, ".tunnel: only forward: tunnel has one, but forward is masq"),
        ({"forward": "tunnel", "tunnel": {"type": "vxlan"}}, ".tunnel.type: 'vxlan' is not one of ipip, gue, gre"),
        ({"forward": "tunnel", "tunnel": {"type": "gue"}}, ".tunnel.port: it is missing"),
        ({"forward": "tunnel", "tunnel": {"port": 6080}}, ".tunnel.port: only gue has a port, but the type is ipip"),
        ({"forward": "tunnel", "tunnel": {"checksum": "enabled"}}, ".tunnel.checksum: ipip has no checksum"),
        (
            {"forward": "tunnel", "tunnel": {"type": "gre", "checksum": "remote"}},
            ".tunnel.checksum: 'remote' is not one of disabled, enabled",
        ),
    ],
)
def test_a_mistake_in_a_server(server, mistake):
    (found,) = mistakes(services=[UDP, {**TCP, "servers": [{"address": "10.0.0.9"}, {**SERVER, **server}]}])
    assert found.startswith(f"services[1].servers[1]{mistake}")


def test_a_tunnel_may_cross_families():
    (service,) = read({**TCP, "servers": [{"address": "2001:db8::1", "forward": "tunnel"}]})
    assert service.servers[0].key == ServerKey("2001:db8::1", 80)


def test_duplicates_name_both_places():
    server = {"address": "2001:db8::1"}
    found = mistakes(
        services=[
            {**TCP, "address": "2001:db8::9", "servers": [server, {"address": "2001:DB8::1", "port": "80"}]},
            {**TCP, "address": "2001:DB8::9"},
        ]
    )
    assert found == [
        "services[0].servers[1]: real server [2001:db8::1]:80 stands at services[0].servers[0] already",
        "services[1]: tcp [2001:db8::9]:80 stands at services[0] already",
    ]


def test_all_mistakes_come_at_once():
    found = mistakes(
        services=[
            {**TCP, "port": "x", "address": "y", "servers": [{**SERVER, "weight": -1}]},
            {**UDP, "schedular": "rr", "servers": [{"address": "z"}, 5]},
        ],
        keep_addresses=["10.0.0.0/8", "nowhere"],
        timeouts={"tcp": 0, "icmp": 3},
        sync_daemons=[{"state": "slave"}],
        drain=-1,
    )
    assert [mistake.split(":")[0] for mistake in found] == [
        "services[0].address",
        "services[0].port",
        "services[0].servers[0].weight",
        "services[1].schedular",
        "services[1].servers[0].address",
        "services[1].servers[1]",
        "keep_addresses[1]",
        "timeouts.icmp",
        "timeouts.tcp",
        "sync_daemons[0].state",
        "sync_daemons[0].interface",
        "drain",
    ]


def test_the_message_says_that_nothing_was_changed():
    with pytest.raises(ValidationError, match=r"^1 mistake in the parameters, nothing was changed:\n"):
        order(services=[{}])


def test_settings():
    read_back = order(
        timeouts={"tcp": "600"},
        sync_daemons=[
            {"state": "master", "interface": "eth0"},
            {"state": "backup", "interface": "eth0", "maxlen": 1400},
        ],
    )
    assert read_back.timeouts == {"tcp": 600}
    assert read_back.daemons == [SyncDaemon("master", "eth0"), SyncDaemon("backup", "eth0", maxlen=1400)]


@pytest.mark.parametrize(
    ("daemon", "mistake"),
    [
        ({"interface": "a/b"}, "sync_daemons[0].interface: 'a/b' is not the name of an interface"),
        ({"interface": "x" * 16}, "sync_daemons[0].interface"),
        ({"interface": "eth0", "group": "10.0.0.1"}, "sync_daemons[0].group: '10.0.0.1' is not a multicast address"),
        ({"interface": "eth0", "sync_id": 256}, "sync_daemons[0].sync_id: 256 is not a whole number from 0 to 255"),
        ({"interface": "eth0", "mcast": "x"}, "sync_daemons[0].mcast: there is no such key"),
    ],
)
def test_a_mistake_in_a_daemon(daemon, mistake):
    (found,) = mistakes(sync_daemons=[{"state": "master", **daemon}])
    assert found.startswith(mistake)


def test_two_masters():
    daemon = {"state": "master", "interface": "eth0"}
    assert mistakes(sync_daemons=[daemon, daemon]) == ["sync_daemons[1]: only one master can run"]


def test_daemons_and_servers_of_another_family_exclude_each_other():
    (found,) = mistakes(
        services=[{**TCP, "servers": [{"address": "2001:db8::1", "forward": "tunnel"}]}],
        sync_daemons=[{"state": "master", "interface": "eth0"}],
    )
    assert found.startswith("sync_daemons: the kernel cannot synchronize connections while real servers of tcp 192")


def test_absent_reads_only_what_identifies():
    removal = order(state="absent", services=[{**TCP, "scheduler": "nonsense"}, FWM])
    assert [str(key) for key in removal.absent] == ["tcp 192.0.2.1:80", "fwmark 7 (ipv4)"]
    assert removal.timeouts is None


def test_absent_without_a_list_gives_settings_up_too():
    removal = order(state="absent")
    assert (removal.absent, removal.wanted, removal.purge) == ((), {}, "managed")
    assert (removal.timeouts, removal.daemons) == ({}, [])


def test_the_loopback_warning():
    local = [{"address": "127.0.0.1", "port": port} for port in range(1, 6)]
    assert warn_of_loopback(read({**TCP, "servers": [SERVER]})) is None
    assert warn_of_loopback(read({**TCP, "servers": [{"address": "127.0.0.1", "forward": "route"}]})) is None
    warning = warn_of_loopback(read({**TCP, "servers": local}))
    assert "127.0.0.1:1 of tcp 192.0.2.1:80" in warning
    assert warning.endswith("and 2 more")
