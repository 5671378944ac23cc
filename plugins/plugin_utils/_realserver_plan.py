# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real server needs for the virtual IPs that directors forward to it."""

from __future__ import annotations

import ipaddress
import json
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
    vips: list[dict[str, Any]],
    interface: str = "lvs0",
    loose_interfaces: Iterable[str] = (),
    routes: Iterable[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return what the virtual IPs take: mistakes, links, modules, sysctls, ways and what is wrong with their routes."""
    mistakes: list[str] = []
    places: dict[str, str] = {}  # the kind of interface for each address
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
        text = f"{address}/{address.max_prefixlen}"
        if vip["forward"] == "route":
            places.setdefault(text, "dummy")
            continue
        # On the tunnel itself: a tunnel without an address lets nothing in unless rp_filter is off everywhere,
        # __fib_validate_source() in the kernel's net/ipv4/fib_frontend.c.
        tunnel = vip.get("tunnel") or {}
        kind = KINDS[tunnel.get("type", "ipip"), address.version]
        if places.get(text, "dummy") not in ("dummy", kind):
            mistakes.append(
                f"{place}.tunnel: {address} comes through {places[text]} already; use one of them for a VIP"
            )
        places[text] = kind
        gue_ports.setdefault(kind, []).extend([int(tunnel["port"])] if tunnel.get("type") == "gue" else [])
    links: list[dict[str, Any]] = [
        {
            "name": TUNNELS[kind].interface if kind in TUNNELS else interface,
            "kind": kind,
            "addresses": [address for address, where in places.items() if where == kind],
            "gue_ports": sorted(set(gue_ports.get(kind, []))),
        }
        for kind in dict.fromkeys(places.values())
    ]
    # The kernel takes the greater of this and conf.all: 2, loose, is the greatest and holds whatever conf.all says.
    # There is no such check for IPv6.
    loose = [*loose_interfaces, *(TUNNELS[kind].interface for kind in gue_ports if kind in ("ipip", "gre"))]
    ways = [way for number, way in enumerate(ways) if way not in ways[:number]]
    known = [json.loads(one["stdout"])[0] if one["rc"] == 0 else {} for one in routes]
    return {
        "mistakes": mistakes,
        "links": links,
        "modules": [name for link in links for name in needed_modules(link["kind"], bool(link["gue_ports"]))],
        "sysctls": {
            **{f"net.ipv4.conf.{_in_sysctl(name)}.rp_filter": 2 for name in loose},
            **{name: 0 for way, route in zip(ways, known) for name in _redirects(way, route)},
        },
        "ways": ways,
        "astray": [text for way, route in zip(ways, known) for text in _astray(way, route)],
    }


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
    elif tunnel.get("type") == "gre" and tunnel.get("checksum", "disabled") != "disabled":
        # ip_tunnel_rcv() in the kernel's net/ipv4/ip_tunnel.c; gre0 cannot be told to take checksums.
        yield f"tunnel.checksum: gre0 drops packets with a checksum; say disabled for {address}, on the director too"
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


def _in_sysctl(interface: str) -> str:
    """Return an interface's name as sysctl(8) wants it."""
    return interface.replace(".", "/")


def _redirects(way: dict[str, str], route: dict[str, Any]) -> list[str]:
    """Return the sysctls that let an ICMP redirect send answers past the director.

    Of IPv4 both count unless the host forwards, of IPv6 the interface's alone: accept_redirects in the kernel's
    ip-sysctl.rst.
    """
    if "dev" not in route:
        return []
    device = _in_sysctl(route["dev"])
    if ":" in way["director"]:
        return [f"net.ipv6.conf.{device}.accept_redirects"]
    return ["net.ipv4.conf.all.accept_redirects", f"net.ipv4.conf.{device}.accept_redirects"]


def _astray(way: dict[str, str], route: dict[str, Any]) -> list[str]:
    """Say that a route does not go to the director, and what to do; nothing if it does."""
    director, gateway = way["director"], route.get("gateway", "")
    if gateway == director:
        return []
    seen = f"through {route['dev']} {f'by {gateway}' if gateway else 'without a gateway'}" if route else "nowhere"
    network = "default" if way["network"].endswith("/0") else way["network"]
    return [
        f"answers to clients in {way['network']} go {seen}, not by the director {director}, so clients of masq would "
        "drop them: they come from the real server's own address, which only the director puts right. "
        f"Do `ip {'-6 ' if ':' in director else ''}route replace {network} via {director}` and the same in this host's "
        "network configuration, or let the director forward by route or tunnel"
    ]
