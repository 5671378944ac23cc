# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real server needs for the virtual IPs that directors forward to it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: realserver_plan
short_description: Tell what a real server needs for its virtual IPs
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Turns virtual IPs and the ways in which their packets come into interfaces, sysctls and routes to check.
positional: _input
options:
  _input:
    description: The virtual IPs, as C(realserver_vips) of the role C(highload.lvs.realserver) holds them.
    type: list
    elements: dict
    required: true
  interface:
    description: Name of the dummy interface for them.
    type: str
    default: lvs0
  loose_interfaces:
    description: Interfaces through which packets come whose answers leave by another one.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: See what a real server would get
  ansible.builtin.debug:
    msg: "{{ [{'address': '192.0.2.1', 'forward': 'tunnel'}] | highload.lvs.realserver_plan }}"
"""

RETURN = r"""
_value:
  description:
    - C(mistakes), sentences that begin with their place; C(links) for M(highload.lvs.vip_links);
      C(modules) for M(highload.lvs.kernel_modules); C(sysctls) for M(highload.lvs.sysctls), without those of ARP;
      C(ways), addresses of clients, each with its network and the director to which the route must go.
  type: dict
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ansible_collections.highload.lvs.plugins.module_utils._links import TUNNELS, needed_modules

# By the type of tunnel as ipvsadm names it, and the IP version.
KINDS = {
    ("ipip", 4): "ipip",
    ("ipip", 6): "ip6tnl",
    ("gue", 4): "ipip",
    ("gue", 6): "ip6tnl",
    ("gre", 4): "gre",
    ("gre", 6): "ip6gre",
}

# Where clients are if nobody says: an address that only a default route leads to, RFC 5737 and RFC 3849.
EVERYWHERE = {4: ("0.0.0.0/0", "192.0.2.1"), 6: ("::/0", "2001:db8::1")}


def realserver_plan(
    vips: list[dict[str, Any]], interface: str = "lvs0", loose_interfaces: Iterable[str] = ()
) -> dict[str, Any]:
    """Return what the virtual IPs take: mistakes, links, sysctls and ways."""
    mistakes: list[str] = []
    addresses: list[str] = []
    gue_ports: dict[str, list[int]] = {}
    ways: list[dict[str, str]] = []
    for number, vip in enumerate(vips):
        place = f"realserver_vips[{number}]"
        wrong = list(_mistakes(vip))
        mistakes += [f"{place}.{one}" for one in wrong]
        if wrong:
            continue
        address = ipaddress.ip_address(vip["address"])
        if vip["forward"] == "masq":
            ways += _ways(vip)
            continue
        addresses.append(f"{address}/{address.max_prefixlen}")
        if vip["forward"] == "tunnel":
            tunnel = vip.get("tunnel") or {}
            ports = gue_ports.setdefault(KINDS[tunnel.get("type", "ipip"), address.version], [])
            ports += [int(tunnel["port"])] if tunnel.get("type") == "gue" else []
    dummy = [{"name": interface, "kind": "dummy", "addresses": list(dict.fromkeys(addresses))}] if addresses else []
    tunnels = [
        {"name": TUNNELS[kind].interface, "kind": kind, "gue_ports": sorted(set(ports))}
        for kind, ports in gue_ports.items()
    ]
    # The kernel takes the greater of this and conf.all: 2, loose, is the greatest and holds whatever conf.all says.
    # There is no such check for IPv6.
    loose = [*loose_interfaces, *(TUNNELS[kind].interface for kind in gue_ports if kind in ("ipip", "gre"))]
    return {
        "mistakes": mistakes,
        "links": dummy + tunnels,
        "modules": _modules(dummy + tunnels),
        "sysctls": {f"net.ipv4.conf.{name.replace('.', '/')}.rp_filter": 2 for name in loose},
        "ways": [way for number, way in enumerate(ways) if way not in ways[:number]],
    }


def _modules(links: list[dict[str, Any]]) -> list[str]:
    """Return the kernel modules that the links need."""
    return [name for link in links for name in needed_modules(link["kind"], bool(link.get("gue_ports")))]


def _mistakes(vip: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with one virtual IP."""
    try:
        address = ipaddress.ip_address(vip["address"])
    except ValueError:
        yield f"address: {vip['address']!r} is not an IP address; write it without a prefix length, like 192.0.2.1"
        return
    forward, tunnel = vip["forward"], vip.get("tunnel") or {}
    if forward not in ("route", "tunnel", "masq"):
        yield f"forward: {forward!r} is not one of route, tunnel, masq"
    if tunnel and forward != "tunnel":
        yield f"tunnel: {address} is forwarded by {forward}; say forward: tunnel or leave the tunnel out"
    if tunnel.get("type", "ipip") not in ("ipip", "gue", "gre"):
        yield f"tunnel.type: {tunnel['type']!r} is not one of ipip, gue, gre"
    elif tunnel.get("type") == "gue":
        if not 0 < int(tunnel.get("port") or 0) < 65536:
            yield f"tunnel.port: gue for {address} needs the UDP port at which the director sends, 1 to 65535"
    elif tunnel.get("port"):
        yield f"tunnel.port: {tunnel.get('type', 'ipip')} has no port; only gue has"
    if forward != "masq":
        yield from (
            f"{name}: belongs to forward: masq, {address} has {forward}"
            for name in ("director", "clients")
            if vip.get(name)
        )
        return
    if not vip.get("director"):
        yield f"director: masq for {address} needs the director's address on this side, to which the answers must go"
        return
    yield from _strangers("director", [vip["director"]], address.version, ipaddress.ip_address)
    yield from _strangers("clients", vip.get("clients") or [], address.version, ipaddress.ip_network)


def _strangers(name: str, texts: list[str], version: int, read: Callable[[str], Any]) -> Iterator[str]:
    """Name the texts that are no addresses, or networks, of this IP version."""
    for text in texts:
        try:
            if read(text).version != version:
                yield f"{name}: {text} is not IPv{version} as the VIP is"
        except ValueError as error:
            yield f"{name}: {error}"


def _ways(vip: dict[str, Any]) -> list[dict[str, str]]:
    """Return an address of each network of clients, with the director that must be on the way to it."""
    director = ipaddress.ip_address(vip["director"])
    networks = [ipaddress.ip_network(text) for text in vip.get("clients") or []]
    clients = [(str(one), str(one[1] if one.num_addresses > 1 else one[0])) for one in networks if one.prefixlen]
    if len(clients) < len(networks) or not networks:
        clients.append(EVERYWHERE[director.version])
    return [{"network": network, "client": client, "director": str(director)} for network, client in clients]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"realserver_plan": realserver_plan}
