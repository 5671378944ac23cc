# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random tables for property tests: hypothesis strategies that yield only what ipvs_services accepts."""

from __future__ import annotations

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import (
    Persistence,
    RealServer,
    ServerKey,
    ServiceKey,
    Tunnel,
    VirtualService,
    servers_of,
    table_of,
)
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.plan import State
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.settings import SyncDaemon, Timeouts
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import SCHEDULERS
from hypothesis import strategies as st

# Few addresses and ports, so that two random tables have much in common.
ADDRESSES = {
    "ipv4": ["10.0.0.1", "10.0.0.2", "192.0.2.255", "127.0.0.1"],
    "ipv6": ["2001:db8::1", "2001:db8:1111:2222:3333:4444:5555:6666", "::192.0.2.1", "::1"],
}
PORTS = st.sampled_from([1, 80, 443, 65535])
NETMASKS = {"ipv4": ["255.255.255.255", "255.255.255.0", "0.0.0.0"], "ipv6": ["128", "64", "1"]}
FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}
FAMILIES = st.sampled_from(["ipv4", "ipv6"])


def in_order(flags):
    return st.sets(st.sampled_from(flags)).map(lambda chosen: tuple(flag for flag in flags if flag in chosen))


@st.composite
def keys(draw):
    if draw(st.booleans()):
        return ServiceKey.of_fwmark(draw(st.sampled_from([1, 7, 2**31 - 1, 2**31, 2**32 - 1])), draw(FAMILIES))
    address = draw(st.sampled_from(ADDRESSES[draw(FAMILIES)]))
    return ServiceKey.of_address(draw(st.sampled_from(["tcp", "udp", "sctp"])), address, draw(PORTS))


@st.composite
def tunnels(draw):
    kind = draw(st.sampled_from(["ipip", "gue", "gre"]))
    if kind == "ipip":
        return Tunnel()
    if kind == "gre":
        return Tunnel("gre", 0, draw(st.sampled_from(["disabled", "enabled"])))
    return Tunnel("gue", draw(PORTS), draw(st.sampled_from(["disabled", "enabled", "remote"])))


@st.composite
def servers(draw, service):
    forward = draw(st.sampled_from(["masq", "route", "tunnel"]))
    family = draw(FAMILIES) if forward == "tunnel" else service.family
    free_port = forward == "masq" or service.protocol == "fwmark"
    upper = draw(st.sampled_from([0, 1, 1000, 2**31 - 1]))
    return RealServer(
        ServerKey(draw(st.sampled_from(ADDRESSES[family])), draw(PORTS) if free_port else service.port),
        forward,
        draw(st.sampled_from([0, 1, 10, 65535])),
        upper,
        draw(st.integers(0, upper)),
        draw(tunnels()) if forward == "tunnel" else None,
    )


@st.composite
def services(draw):
    key = draw(keys())
    scheduler = draw(st.sampled_from(SCHEDULERS))
    timeout = draw(st.sampled_from([0, 1, 300, 2678400]))
    return VirtualService(
        key,
        scheduler,
        draw(in_order(FLAGS.get(scheduler, ("flag-1", "flag-2", "flag-3")))),
        Persistence(timeout, draw(st.sampled_from(NETMASKS[key.family]))) if timeout else None,
        key.protocol in ("udp", "fwmark") and draw(st.booleans()),
        "sip" if timeout and draw(st.booleans()) else None,
        tuple(draw(st.lists(servers(key), max_size=4, unique_by=lambda server: server.key))),
    )


TABLES = st.lists(services(), max_size=4, unique_by=lambda service: service.key).map(table_of)
DAEMONS = st.sets(st.sampled_from(["master", "backup"])).flatmap(
    lambda states: st.tuples(
        *(
            st.builds(
                SyncDaemon,
                st.just(state),
                st.sampled_from(["eth0", "eth1"]),
                st.integers(0, 255),
                st.sampled_from(["224.0.0.81", "ff02::81"]),
                PORTS,
                st.integers(1, 255),
                st.sampled_from([1000, 1400]),
            )
            for state in sorted(states, reverse=True)
        )
    )
)
STATES = st.builds(State, TABLES, st.builds(Timeouts, *[st.integers(1, 2678400)] * 3), DAEMONS)


def same(state):
    """Return a state in a form that does not depend on any order."""
    table = {key: (service.settings, servers_of(service)) for key, service in state.services.items()}
    return table, state.timeouts, {daemon.state: daemon for daemon in state.daemons or ()}
