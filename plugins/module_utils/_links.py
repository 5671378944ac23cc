# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that carry virtual IPs: what is asked for, what the kernel has, and the files that make them at boot."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DUMMY_MTU = 1500
"""What the kernel gives a dummy interface."""

IPV6_MTU = 1280
"""The least that IPv6 works with, RFC 8200 section 5."""


@dataclass(frozen=True)
class Tunnel:
    """A kind of tunnel: the interface that its module brings, which takes what no other does, and GUE's module."""

    interface: str
    module: str
    fou_module: str
    fou_family: str


TUNNELS = {
    "ipip": Tunnel("tunl0", "ipip", "fou", "-4"),
    "ip6tnl": Tunnel("ip6tnl0", "ip6_tunnel", "fou6", "-6"),
    "gre": Tunnel("gre0", "ip_gre", "", ""),
    "ip6gre": Tunnel("ip6gre0", "ip6_gre", "", ""),
}

KINDS = ("dummy", *TUNNELS)


def needed_modules(kind: str, gue: bool) -> list[str]:
    """Return the kernel modules that a kind of interface needs, and GUE with it."""
    if kind == "dummy":
        return ["dummy"]
    return [TUNNELS[kind].module, *([TUNNELS[kind].fou_module] if gue else [])]


class LinkError(Exception):
    """Links that cannot be made; ``errors`` holds a sentence for each mistake."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclass(frozen=True)
class Link:
    """An interface as it should be. ``mtu`` in bytes, None to leave it; ``gue_ports`` are UDP ports."""

    name: str
    kind: str
    addresses: tuple[str, ...]
    mtu: int | None
    gue_ports: tuple[int, ...]

    @property
    def modules(self) -> list[str]:
        """The kernel modules that it needs."""
        return needed_modules(self.kind, bool(self.gue_ports))


@dataclass(frozen=True)
class SeenLink:
    """An interface as the kernel has it."""

    name: str
    kind: str
    up: bool
    mtu: int
    addresses: tuple[str, ...]


def read_links(raw: list[dict[str, Any]]) -> list[Link]:
    """Read the links that a person wrote. Raises LinkError with every mistake and its place."""
    errors: list[str] = []
    links = [_read_link(f"links[{number}]", one, errors) for number, one in enumerate(raw)]
    names: dict[str, str] = {}
    places: dict[str, str] = {}
    for number, link in enumerate(links):
        if link.name in names:
            errors.append(f"links[{number}].name: {link.name} is {names[link.name]} already; name each interface once")
        names.setdefault(link.name, f"links[{number}]")
        for index, address in enumerate(link.addresses):
            here = f"links[{number}].addresses[{index}]"
            host = address.split("/")[0]
            if host in places:
                errors.append(f"{here}: {host} is {places[host]} already; give each address once")
            places.setdefault(host, here)
    if errors:
        raise LinkError(errors)
    return links


def _read_link(place: str, raw: dict[str, Any], errors: list[str]) -> Link:
    name, kind, mtu = raw["name"], raw["kind"], raw["mtu"]
    if not re.fullmatch(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,15}", name) or name in ("all", "default"):
        errors.append(
            f"{place}.name: {name!r} cannot name an interface: use 1 to 15 letters, digits, dots, dashes, underscores"
        )
    addresses = []
    for number, text in enumerate(raw["addresses"] or []):
        try:
            addresses.append(read_address(text))
        except ValueError as error:
            errors.append(f"{place}.addresses[{number}]: {error}")
    least = IPV6_MTU if any(":" in address for address in addresses) else 68
    if mtu is None and kind == "dummy":
        mtu = DUMMY_MTU
    if mtu is not None and not least <= mtu <= 65535:
        why = ", the least that IPv6 works with," if least == IPV6_MTU else ""
        errors.append(f"{place}.mtu: {mtu} is not a number of bytes from {least}{why} to 65535")
    ports = tuple(sorted(set(raw["gue_ports"] or [])))
    errors += [f"{place}.gue_ports: {port} is not a port from 1 to 65535" for port in ports if not 0 < port < 65536]
    return Link(name, kind, tuple(addresses), mtu, ports)


def read_address(text: str) -> str:
    """Return an address with its prefix length as the kernel writes it. Raises ValueError for what none can be."""
    example = "write it like 192.0.2.1/32 or 2001:db8::1/128"
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an address with its prefix length; {example}") from None
    if not re.search(r"/[0-9]+$", text):
        raise ValueError(f"{text!r} has no prefix length; {example}")
    address = interface.ip
    if address.is_multicast or address.is_unspecified or (address.version == 6 and address.is_link_local):
        raise ValueError(f"{text!r} cannot be a virtual IP; use a unicast address that clients can reach")
    return f"{address}/{interface.network.prefixlen}"


def parse_links(text: str) -> dict[str, SeenLink]:
    """Read `ip -json -details address show`, without the link-local addresses that the kernel makes itself."""
    return {
        link["ifname"]: SeenLink(
            link["ifname"],
            link.get("linkinfo", {}).get("info_kind", ""),
            "UP" in link["flags"],
            link["mtu"],
            tuple(
                f"{one['local']}/{one['prefixlen']}"
                for one in link.get("addr_info", ())
                if "local" in one and not (one["family"] == "inet6" and _link_local(one["local"]))
            ),
        )
        for link in json.loads(text)
        if "ifname" in link  # ip leaves an empty object for each link that a filter dropped
    }


def _link_local(address: str) -> bool:
    return ipaddress.ip_address(address).is_link_local


def parse_gue_ports(text: str) -> dict[str, set[int]]:
    """Read `ip -json fou show`: the UDP ports at which the kernel takes GUE, by ``-4`` and ``-6``."""
    ports: dict[str, set[int]] = {"-4": set(), "-6": set()}
    for one in json.loads(text or "[]"):
        if "gue" in one:
            ports["-6" if one.get("family") == "inet6" else "-4"].add(one["port"])
    return ports


def clashes(links: Iterable[Link], ours: set[str], seen: dict[str, SeenLink]) -> list[str]:
    """Say which names and addresses of the links something else on the host has. ``ours``: interfaces made before."""
    found = []
    mine = ours | {link.name for link in links}
    for link in links:
        there = seen.get(link.name)
        if there and there.kind != link.kind:
            kind = f"a {there.kind} interface" if there.kind else "a device"
            found.append(f"{link.name} is {kind} on this host, not a {link.kind} interface: choose another name")
        taken = {
            address.split("/")[0]: other.name
            for other in seen.values()
            if other.name not in mine
            for address in other.addresses
        }
        found += [
            f"{address} of {link.name} is already on {taken[address.split('/')[0]]} of this host: "
            "remove it there first, or use another address"
            for address in link.addresses
            if address.split("/")[0] in taken
        ]
    return found


def differences(link: Link, seen: dict[str, SeenLink], gue_ports: dict[str, set[int]], unit: str) -> list[str]:
    """Say what must change for the kernel to have the link as it should be; nothing if it has.

    ``unit`` is the text of the unit that has made it so far, empty for none.
    """
    there = seen.get(link.name)
    if there is None:
        return [f"make {link.name}", *(f"add {address} to {link.name}" for address in link.addresses)]
    found = [] if there.up else [f"set {link.name} up"]
    if link.mtu not in (None, there.mtu):
        found.append(f"set the MTU of {link.name} to {link.mtu}, which is {there.mtu}")
    found += [f"add {address} to {link.name}" for address in link.addresses if address not in there.addresses]
    found += [f"remove {address} from {link.name}" for address in extra_addresses(link, there, unit)]
    if link.kind != "dummy":
        opened = gue_ports.get(TUNNELS[link.kind].fou_family, set())
        found += [f"open UDP port {port} for GUE" for port in link.gue_ports if port not in opened]
        found += [f"close UDP port {port} for GUE" for port in extra_ports(link, opened, unit)]
    return found


def extra_addresses(link: Link, there: SeenLink, unit: str) -> list[str]:
    """Return the addresses that an interface has and should not have. A tunnel may carry somebody else's."""
    ours = there.addresses if link.kind == "dummy" else re.findall(r"ip address replace (\S+) ", unit)
    return [address for address in there.addresses if address in ours and address not in link.addresses]


def extra_ports(link: Link, opened: set[int], unit: str) -> list[int]:
    """Return the UDP ports that the unit opened and that should be closed."""
    ours = {int(port) for port in re.findall(r"fou add port ([0-9]+) gue", unit)}
    return sorted((ours & opened).difference(link.gue_ports))


def netdev_file(link: Link) -> str:
    """Return the systemd.netdev(5) that makes a dummy interface."""
    return f"# Written by highload.lvs.\n[NetDev]\nName={link.name}\nKind=dummy\n"


def network_file(link: Link) -> str:
    """Return the systemd.network(5) that gives a dummy interface its addresses."""
    lines = [
        "# Written by highload.lvs.",
        "[Match]",
        f"Name={link.name}",
        "",
        "[Link]",
        f"MTUBytes={link.mtu}",
        # Not `no`: where this is all that systemd-networkd manages, the boot would wait for nothing until a timeout.
        "RequiredForOnline=carrier",
        "",
        "[Network]",
        "ConfigureWithoutCarrier=yes",
        "LinkLocalAddressing=no",
        "IPv6AcceptRA=no",
        *(f"Address={address}" for address in link.addresses),
    ]
    return "\n".join(lines) + "\n"


def leave_alone_network_file(link: Link) -> str:
    """Return the systemd.network(5) that keeps systemd-networkd from an interface, if ever it runs."""
    return f"# Written by highload.lvs.\n[Match]\nName={link.name}\n\n[Link]\nUnmanaged=yes\n"


def leave_alone_manager_file(link: Link) -> str:
    """Return the NetworkManager.conf(5) that keeps NetworkManager from an interface."""
    return f"# Written by highload.lvs.\n[keyfile]\nunmanaged-devices+=interface-name:={link.name}\n"


def unit_file(link: Link) -> str:
    """Return the systemd.service(5) that makes an interface. It may run again at any time: it only adds."""
    # A dash before a command: it may fail, as what it makes may be there already.
    if link.kind == "dummy":
        commands = [
            "-modprobe dummy",
            f"-ip link add dev {link.name} type dummy",
            f"-ip link set dev {link.name} addrgenmode none",
        ]
    else:
        tunnel = TUNNELS[link.kind]
        commands = [f"-modprobe {module}" for module in link.modules]
        commands += [f"-ip {tunnel.fou_family} fou add port {port} gue" for port in link.gue_ports]
    mtu = "" if link.mtu is None else f"mtu {link.mtu} "
    commands.append(f"ip link set dev {link.name} {mtu}up")
    commands += [f"ip address replace {address} dev {link.name}" for address in link.addresses]
    lines = [
        "# Written by highload.lvs.",
        "[Unit]",
        f"Description=Interface {link.name} of highload.lvs",
        "DefaultDependencies=no",
        "After=systemd-modules-load.service systemd-sysctl.service",
        "Before=network-pre.target shutdown.target",
        "Wants=network-pre.target",
        "Conflicts=shutdown.target",
        "",
        "[Service]",
        "Type=oneshot",
        # There is no ExecStop: to stop the unit takes no address away.
        "RemainAfterExit=yes",
        *(f"ExecStart={command}" for command in commands),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"
