# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses and endpoints (``address:port``), always in the one spelling that ipvsadm prints."""

from __future__ import annotations

import socket
from functools import lru_cache


@lru_cache(maxsize=65536)
def canonical(address: str) -> str:
    """Return an IPv4 or IPv6 address as ``inet_ntop`` spells it, so that equal addresses compare equal.

    Raises ValueError for anything else, host names included.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, address))
    except (OSError, ValueError) as error:  # ValueError: a null byte or a character outside ASCII
        raise ValueError(f"{address!r} is not an IP address") from error


def family_of(address: str) -> str:
    """Return ``ipv4`` or ``ipv6`` for a valid address."""
    return "ipv6" if ":" in address else "ipv4"


# These look at the text: ten times faster than the module ipaddress, which counts with ten thousand real servers.


def is_multicast(address: str) -> bool:
    """Tell whether a canonical address is that of a group, in 224.0.0.0/4 or ff00::/8."""
    if ":" in address:
        return address.startswith("ff") and address.index(":") == 4
    return 224 <= int(address.partition(".")[0]) <= 239


def is_unicast(address: str) -> bool:
    """Tell whether a canonical address can be that of one host."""
    return not is_multicast(address) and address not in ("::", "0.0.0.0", "255.255.255.255")


def is_mapped(address: str) -> bool:
    """Tell whether a canonical address is an IPv4 address in the form of IPv6, ``::ffff:192.0.2.1``."""
    return address.startswith("::ffff:") and "." in address


def is_link_local(address: str) -> bool:
    """Tell whether a canonical address is in fe80::/10, and so means nothing without an interface."""
    return address.startswith(("fe8", "fe9", "fea", "feb")) and address.index(":") == 4


def is_loopback(address: str) -> bool:
    """Tell whether a canonical address is the host itself."""
    return address.startswith("127.") or address == "::1"


def endpoint(address: str, port: int) -> str:
    """Join an address and a port the way ipvsadm writes them: ``10.0.0.1:80`` or ``[2001:db8::1]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def split_endpoint(text: str) -> tuple[str, int]:
    """Split ``10.0.0.1:80`` or ``[2001:db8::1]:80`` into a canonical address and a port.

    Raises ValueError when either part is missing or is a name.
    """
    address, colon, port = text.rpartition(":")
    if address.startswith("[") and address.endswith("]") and ":" in address:
        address = address[1:-1]
    elif ":" in address:
        raise ValueError(f"{text!r} is not address:port (an IPv6 address stands in square brackets)")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError(f"{text!r} does not end in a port number (ipvsadm prints numbers with -n)")
    return canonical(address), int(port)
