# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose some of the virtual services, by what identifies them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Union

from .errors import IPVSError
from .model import ServiceKey

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def read_network(text: str) -> Network:
    """Read an address or a network such as 192.0.2.0/24. Raises IPVSError with what is wrong about it."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise IPVSError(f"{text!r} is neither an IP address nor a network: {error}") from error


def is_within(address: str, networks: list[Network]) -> bool:
    """Tell whether the address lies in one of the networks."""
    if not networks:
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in networks)


@dataclass(frozen=True)
class Selector:
    """What a service must be to be chosen; None stands for anything."""

    protocol: str | None = None
    network: Network | None = None
    port: int | None = None
    fwmark: int | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Selector:
        """Read a selector from a module's parameter. Raises IPVSError for what is no address or network."""
        address = data.get("address")
        network = None if address is None else read_network(address)
        return cls(data.get("protocol"), network, data.get("port"), data.get("fwmark"))

    def chooses(self, key: ServiceKey) -> bool:
        """Tell whether the service fits in every respect."""
        return (
            self.protocol in (None, key.protocol)
            and self.port in (None, key.port)
            and self.fwmark in (None, key.fwmark)
            and (self.network is None or (key.address != "" and is_within(key.address, [self.network])))
        )
