# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a link who has an IP address: ARP probes (RFC 5227) for IPv4, neighbour solicitations (RFC 4861) for IPv6.

A probe names no sender, so that nobody's cache changes. Needs CAP_NET_RAW.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_ETH_P_ARP = 0x0806
_BROADCAST = b"\xff" * 6
# Ethernet, IPv4, and the lengths of their addresses; then the operation.
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_REQUEST, _REPLY = 1, 2
_ICMPV6_SOLICITATION, _ICMPV6_ADVERTISEMENT = 135, 136
_TARGET_LINK_ADDRESS = 2
# A router drops neighbour discovery with any other hop limit.
_HOPS = 255


@dataclass(frozen=True)
class Link:
    """An interface with an Ethernet address."""

    name: str
    mac: str


def arp_probe(address: str, mac: str) -> bytes:
    """Return the Ethernet frame that asks everybody on the link for an IPv4 address."""
    sender = _mac_bytes(mac)
    target = socket.inet_aton(address)
    packet = _ARP.pack(1, 0x0800, 6, 4, _REQUEST, sender, b"\0" * 4, b"\0" * 6, target)
    return _BROADCAST + sender + struct.pack("!H", _ETH_P_ARP) + packet


def read_arp(frame: bytes) -> tuple[str, str] | None:
    """Return the address and the MAC address that a frame answers with; None for any other frame."""
    if len(frame) < 14 + _ARP.size or frame[12:14] != struct.pack("!H", _ETH_P_ARP):
        return None
    kind, protocol, _hlen, _plen, operation, mac, address, _target_mac, _target = _ARP.unpack_from(frame, 14)
    if (kind, protocol, operation) != (1, 0x0800, _REPLY):
        return None
    return socket.inet_ntoa(address), _mac_text(mac)


def solicitation(address: str, mac: str) -> tuple[str, bytes]:
    """Return the multicast group that an IPv6 address listens to, and the ICMPv6 message that asks for it."""
    target = socket.inet_pton(socket.AF_INET6, address)
    group = socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + target[13:])
    # The kernel fills in the checksum of raw ICMPv6 sockets.
    return group, struct.pack("!BBHI", _ICMPV6_SOLICITATION, 0, 0, 0) + target + b"\1\1" + _mac_bytes(mac)


def read_advertisement(message: bytes) -> tuple[str, str] | None:
    """Return the address and the MAC address that an ICMPv6 message advertises; None for any other message."""
    if len(message) < 24 or message[0] != _ICMPV6_ADVERTISEMENT:
        return None
    address, options = socket.inet_ntop(socket.AF_INET6, message[8:24]), message[24:]
    while len(options) >= 8 and options[1]:
        if options[0] == _TARGET_LINK_ADDRESS:
            return address, _mac_text(options[2:8])
        options = options[options[1] * 8 :]
    return address, ""


def ask_ipv4(link: Link, addresses: Iterable[str], seconds: float) -> set[tuple[str, str]]:
    """Return the addresses that somebody on the link answers for, each with a MAC address. Raises OSError."""
    wanted = set(addresses)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)) as raw:
        raw.bind((link.name, _ETH_P_ARP))

        def ask() -> None:
            for address in wanted:
                raw.send(arp_probe(address, link.mac))

        return {found for found in map(read_arp, _gather(raw, ask, seconds)) if found and found[0] in wanted}


def ask_ipv6(link: Link, addresses: Iterable[str], seconds: float) -> set[tuple[str, str]]:
    """Return the addresses that somebody on the link answers for, each with a MAC address. Raises OSError."""
    wanted = set(addresses)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.name.encode())
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOPS)
        index = socket.if_nametoindex(link.name)

        def ask() -> None:
            for address in wanted:
                group, message = solicitation(address, link.mac)
                raw.sendto(message, (group, 0, 0, index))

        return {found for found in map(read_advertisement, _gather(raw, ask, seconds)) if found and found[0] in wanted}


def _gather(raw: socket.socket, ask: Callable[[], None], seconds: float) -> list[bytes]:
    """Ask three times, as one packet may be lost, and return all that arrives in time."""
    packets = []
    end = time.monotonic() + seconds
    for round_number in (1, 2, 3):
        ask()
        until = end - seconds * (3 - round_number) / 3
        while select.select([raw], [], [], max(0.0, until - time.monotonic()))[0]:
            packets.append(raw.recv(2048))
    return packets


def _mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _mac_text(mac: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in mac)
