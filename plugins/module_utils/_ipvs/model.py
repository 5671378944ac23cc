# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data model: virtual services and their real servers, and the dictionaries that stand for them in YAML.

``to_dict`` and ``from_dict`` are each other's inverse. ``from_dict`` trusts its input (facts, the state file);
what a person wrote goes through ``validate`` first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .addresses import endpoint, family_of

FULL_NETMASK = {"ipv4": "255.255.255.255", "ipv6": "128"}
"""The netmask of persistence that ipvsadm leaves out: every client for itself."""


class ServiceKey(NamedTuple):
    """What identifies a virtual service in the kernel: an address and a port, or a firewall mark and a family."""

    protocol: str
    address: str
    port: int
    fwmark: int
    family: str

    @classmethod
    def of_address(cls, protocol: str, address: str, port: int) -> ServiceKey:
        """Return the key of a tcp, udp or sctp service; ``address`` is canonical."""
        return cls(protocol, address, port, 0, family_of(address))

    @classmethod
    def of_fwmark(cls, fwmark: int, family: str) -> ServiceKey:
        """Return the key of a firewall-mark service; ``family`` is ``ipv4`` or ``ipv6``."""
        return cls("fwmark", "", 0, fwmark, family)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ServiceKey:
        """Read the key from a service's dictionary."""
        if data["protocol"] == "fwmark":
            return cls.of_fwmark(data["fwmark"], data["family"])
        return cls.of_address(data["protocol"], data["address"], data["port"])

    def to_dict(self) -> dict[str, Any]:
        """Return the identifying part of a service's dictionary."""
        if self.protocol == "fwmark":
            return {"protocol": "fwmark", "fwmark": self.fwmark, "family": self.family}
        return {"protocol": self.protocol, "address": self.address, "port": self.port}

    def __str__(self) -> str:
        """Name the service in messages: ``tcp 192.168.100.1:80``, ``fwmark 8 (ipv6)``."""
        if self.protocol == "fwmark":
            return f"fwmark {self.fwmark} ({self.family})"
        return f"{self.protocol} {endpoint(self.address, self.port)}"


class ServerKey(NamedTuple):
    """What identifies a real server within its virtual service."""

    address: str
    port: int

    def __str__(self) -> str:
        """Name the server in messages: ``10.0.0.1:80``."""
        return endpoint(self.address, self.port)


@dataclass(frozen=True)
class Tunnel:
    """How packets travel to a real server whose forward method is tunnel.

    ``type`` is ipip, gue or gre; ``port`` belongs to gue, ``checksum`` (disabled, enabled or, for gue, remote) to
    gue and gre.
    """

    type: str = "ipip"
    port: int = 0
    checksum: str = "disabled"

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Tunnel:
        """Read a tunnel from its dictionary."""
        return cls(data["type"], data.get("port", 0), data.get("checksum", "disabled"))

    def to_dict(self) -> dict[str, Any]:
        """Return what the type uses, and nothing else."""
        if self.type == "ipip":
            return {"type": "ipip"}
        port = {"port": self.port} if self.type == "gue" else {}
        return {"type": self.type, **port, "checksum": self.checksum}


@dataclass(frozen=True)
class Persistence:
    """Which clients return to the same real server (``netmask``), and for how many seconds (``timeout``).

    ``netmask`` is dotted for IPv4 (255.255.255.0) and a prefix length for IPv6 (64), as ipvsadm prints it.
    """

    timeout: int
    netmask: str

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Persistence:
        """Read persistence from its dictionary."""
        return cls(data["timeout"], data["netmask"])

    def to_dict(self) -> dict[str, Any]:
        """Return both values."""
        return {"timeout": self.timeout, "netmask": self.netmask}


@dataclass(frozen=True)
class RealServer:
    """One real server of a virtual service."""

    key: ServerKey
    forward: str = "masq"
    weight: int = 1
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel: Tunnel | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RealServer:
        """Read a real server from its dictionary; counters in it are passed over."""
        return cls(
            ServerKey(data["address"], data["port"]),
            data["forward"],
            data["weight"],
            data["upper_threshold"],
            data["lower_threshold"],
            Tunnel.from_dict(data["tunnel"]) if "tunnel" in data else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the server as it stands in YAML; ``tunnel`` only where there is one."""
        data: dict[str, Any] = {
            "address": self.key.address,
            "port": self.key.port,
            "forward": self.forward,
            "weight": self.weight,
            "upper_threshold": self.upper_threshold,
            "lower_threshold": self.lower_threshold,
        }
        if self.tunnel is not None:
            data["tunnel"] = self.tunnel.to_dict()
        return data


@dataclass(frozen=True)
class VirtualService:
    """One virtual service with its real servers."""

    key: ServiceKey
    scheduler: str = "wlc"
    scheduler_flags: tuple[str, ...] = ()
    persistence: Persistence | None = None
    one_packet: bool = False
    persistence_engine: str | None = None
    servers: tuple[RealServer, ...] = ()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> VirtualService:
        """Read a virtual service from its dictionary; counters in it are passed over."""
        return cls(
            ServiceKey.from_dict(data),
            data["scheduler"],
            tuple(data["scheduler_flags"]),
            Persistence.from_dict(data["persistence"]) if "persistence" in data else None,
            data["one_packet"],
            data.get("persistence_engine"),
            tuple(map(RealServer.from_dict, data["servers"])),
        )

    @property
    def settings(self) -> tuple[Any, ...]:
        """Return what can be edited of the service itself, apart from its servers."""
        return (self.scheduler, self.scheduler_flags, self.persistence, self.one_packet, self.persistence_engine)

    def to_dict(self) -> dict[str, Any]:
        """Return the service as it stands in YAML; ``persistence`` and ``persistence_engine`` only where set."""
        data: dict[str, Any] = {
            **self.key.to_dict(),
            "scheduler": self.scheduler,
            "scheduler_flags": list(self.scheduler_flags),
        }
        if self.persistence is not None:
            data["persistence"] = self.persistence.to_dict()
        data["one_packet"] = self.one_packet
        if self.persistence_engine is not None:
            data["persistence_engine"] = self.persistence_engine
        data["servers"] = [server.to_dict() for server in self.servers]
        return data


Table = dict[ServiceKey, VirtualService]
"""All virtual services of a kernel, or those that a list wants."""


def table_of(services: Iterable[VirtualService]) -> Table:
    """Index the services by their keys."""
    return {service.key: service for service in services}


def servers_of(service: VirtualService | None) -> dict[ServerKey, RealServer]:
    """Index the real servers of a service by their keys; without a service there are none."""
    return {} if service is None else {server.key: server for server in service.servers}
