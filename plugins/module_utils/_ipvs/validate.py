# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn what a person wrote into the model, or say everything that is wrong about it at once.

The limits are those of ipvsadm 1.31 (parse_options() in ipvsadm.c) and of the kernel (net/netfilter/ipvs/ip_vs_ctl.c).
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from .addresses import canonical, family_of, is_link_local, is_loopback, is_mapped, is_multicast, is_unicast
from .errors import IPVSError, ValidationError
from .manage import Order
from .model import FULL_NETMASK, Persistence, RealServer, ServerKey, ServiceKey, Tunnel, VirtualService, table_of
from .selection import Network, read_network
from .settings import SyncDaemon, Timeouts

MAX_TIMEOUT = 86400 * 31
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")

_FLAGS = {"sh": ("sh-fallback", "sh-port"), "mh": ("mh-fallback", "mh-port")}
_OTHER_FLAGS = ("flag-1", "flag-2", "flag-3")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_CHECKSUMS = {"gue": ("disabled", "enabled", "remote"), "gre": ("disabled", "enabled")}

# Facts hold these beside the model. They may come back in and mean nothing here.
_COUNTERS = {"stats", "rates", "active_connections", "inactive_connections", "persistent_connections"}
_SERVICE_KEYS = (
    "protocol",
    "scheduler",
    "scheduler_flags",
    "persistence",
    "one_packet",
    "persistence_engine",
    "servers",
)
_SERVER_KEYS = ("address", "port", "forward", "weight", "upper_threshold", "lower_threshold", "tunnel")


class _MistakeError(Exception):
    """One value is wrong; the text says what was found and what would be right."""


class _Item:
    """One dictionary of the input and its place; what is wrong about it is noted, and a default stands in."""

    def __init__(self, data: Any, place: str, errors: list[str]) -> None:
        self.data: dict[str, Any] = {}
        self.place = place
        self.errors = errors
        if isinstance(data, dict):
            self.data = {key: value for key, value in data.items() if value is not None}
        else:
            self.complain(f"{data!r} is not a dictionary")

    def complain(self, text: str, name: str = "") -> None:
        self.errors.append(f"{'.'.join(filter(None, (self.place, name)))}: {text}")

    def refuse_others(self, known: Collection[str]) -> None:
        """Complain about keys that nothing here knows."""
        for name in self.data:
            if name in known or name in _COUNTERS:
                continue
            close = difflib.get_close_matches(str(name), known, 1)
            self.complain(f"there is no such key{f', did you mean {close[0]}?' if close else ''}", str(name))

    def take(self, name: str, read: Any, default: Any = None, *arguments: Any) -> Any:
        """Read one value, or return the default; complain where neither is there."""
        if name not in self.data:
            if default is None:
                self.complain("it is missing", name)
            return default
        try:
            return read(self.data[name], *arguments)
        except _MistakeError as mistake:
            self.complain(str(mistake), name)
            return default

    def optional(self, name: str, read: Any, *arguments: Any) -> Any:
        """Read one value, or return None where it is absent or wrong."""
        return self.take(name, read, None, *arguments) if name in self.data else None

    def items(self, name: str) -> Iterator[_Item]:
        """Return the dictionaries of a list, each with its place."""
        return _items(self.data.get(name, []), f"{self.place}.{name}", self.errors)


def _items(data: Any, place: str, errors: list[str]) -> Iterator[_Item]:
    if not isinstance(data, (list, tuple)):
        errors.append(f"{place}: {data!r} is not a list")
        return
    for count, one in enumerate(data):
        item = _Item(one, f"{place}[{count}]", errors)
        if isinstance(one, dict):
            yield item


def _integer(value: Any, low: int, high: int) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _MistakeError(f"{value!r} is not a whole number from {low} to {high}")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise _MistakeError(f"{value!r} is neither true nor false")


def _choice(value: Any, choices: Collection[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise _MistakeError(f"{value!r} is not one of {', '.join(choices)}")
    return value


def _address(value: Any) -> str:
    try:
        address = canonical(value if isinstance(value, str) else str(value))
    except ValueError:
        raise _MistakeError(f"{value!r} is not an IP address (names are not resolved)") from None
    if not is_unicast(address):
        raise _MistakeError(f"{address} is not a unicast address")
    if is_link_local(address) or is_mapped(address):
        raise _MistakeError(f"{address} is link-local or an IPv4 address written as IPv6, which the kernel refuses")
    return address


def _netmask(value: Any, family: str) -> str:
    if family == "ipv6":
        return str(_integer(value, 1, 128))
    try:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{value}").netmask)
    except ValueError:
        raise _MistakeError(f"{value!r} is neither an IPv4 netmask such as 255.255.255.0 nor a prefix length") from None


def _flags(value: Any, scheduler: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise _MistakeError(f"{value!r} is not a list")
    known = _FLAGS.get(scheduler, _OTHER_FLAGS)
    # ipvsadm shows flag-3 of sh and mh only where no other flag is set.
    if list(value) == ["flag-3"]:
        return ("flag-3",)
    for flag in value:
        if flag not in known:
            raise _MistakeError(f"{flag!r} is not a flag of the scheduler {scheduler}, which knows {', '.join(known)}")
    return tuple(flag for flag in known if flag in value)


def read_order(parameters: dict[str, Any]) -> Order:
    """Read what the module ipvs_services was asked for. Raises ValidationError, which names every mistake."""
    errors: list[str] = []
    if parameters["state"] == "absent":
        order = _read_removal(parameters, errors)
    else:
        services = _read_services(parameters["services"], errors)
        timeouts, daemons = parameters["timeouts"], parameters["sync_daemons"]
        order = Order(
            wanted=table_of(services),
            purge=parameters["purge"],
            keep=_read_networks(parameters, errors),
            timeouts=None if timeouts is None else _read_timeouts(timeouts, errors),
            daemons=None if daemons is None else _read_daemons(daemons, services, errors),
            drain=_read_drain(parameters, errors),
        )
    if errors:
        raise ValidationError(errors)
    return order


def _read_removal(parameters: dict[str, Any], errors: list[str]) -> Order:
    keys = [_read_key(item) for item in _items(parameters["services"], "services", errors)]
    keep, drain = _read_networks(parameters, errors), _read_drain(parameters, errors)
    if keys:
        return Order(absent=tuple(key for key in keys if key is not None), keep=keep, drain=drain)
    return Order(keep=keep, drain=drain, timeouts={}, daemons=[])


def _read_drain(parameters: dict[str, Any], errors: list[str]) -> int:
    return int(_Item(parameters, "", errors).take("drain", _integer, 0, 0, MAX_TIMEOUT))


def _read_networks(parameters: dict[str, Any], errors: list[str]) -> tuple[Network, ...]:
    networks = []
    for count, text in enumerate(parameters["keep_addresses"]):
        try:
            networks.append(read_network(text))
        except IPVSError as error:
            errors.append(f"keep_addresses[{count}]: {error}")
    return tuple(networks)


def _read_services(data: Any, errors: list[str]) -> list[VirtualService]:
    services = []
    places: dict[ServiceKey, str] = {}
    for item in _items(data, "services", errors):
        key = _read_key(item)
        if key in places:
            item.complain(f"{key} stands at {places[key]} already")
        service = _read_service(item, key)
        if key is not None and service is not None:
            places.setdefault(key, item.place)
            services.append(service)
    return services


def _read_key(item: _Item) -> ServiceKey | None:
    before = len(item.errors)
    protocol = item.take("protocol", _choice, None, ("tcp", "udp", "sctp", "fwmark"))
    if protocol is None:
        return None
    if protocol == "fwmark":
        for name in item.data.keys() & {"address", "port"}:
            item.complain("a service of a firewall mark has none", name)
        mark = item.take("fwmark", _integer, None, 1, 2**32 - 1)
        family = item.take("family", _choice, "ipv4", ("ipv4", "ipv6"))
        return ServiceKey.of_fwmark(mark, family) if len(item.errors) == before else None
    address = item.take("address", _address)
    port = item.take("port", _integer, None, 0, 65535)
    if "fwmark" in item.data:
        item.complain("only a service with protocol: fwmark has one", "fwmark")
    if address is not None and item.data.get("family", family_of(address)) != family_of(address):
        item.complain(f"{item.data['family']!r} is not the family of {address}", "family")
    return ServiceKey.of_address(protocol, address, port) if len(item.errors) == before else None


def _read_service(item: _Item, key: ServiceKey | None) -> VirtualService | None:
    """Read the rest of a service. Without a key, what depends on it is not checked."""
    item.refuse_others([*_SERVICE_KEYS, "address", "port", "fwmark", "family"])
    scheduler = item.take("scheduler", _choice, "wlc", SCHEDULERS)
    flags = item.take("scheduler_flags", _flags, (), scheduler)
    persistence = _read_persistence(item, key)
    engine = item.optional("persistence_engine", _choice, ("sip",))
    one_packet = item.take("one_packet", _boolean, False)
    servers = _read_servers(item, key)
    if engine is not None and persistence is None:
        item.complain("it works only together with persistence", "persistence_engine")
    if key is None:
        return None
    if one_packet and key.protocol not in ("udp", "fwmark"):
        item.complain(f"{key} cannot schedule single packets: only udp and fwmark can", "one_packet")
    if key.protocol != "fwmark" and key.port == 0 and "persistence" not in item.data:
        item.complain("port 0, which stands for every port, needs persistence", "port")
    return VirtualService(key, scheduler, flags, persistence, one_packet, engine, servers)


def _read_persistence(item: _Item, key: ServiceKey | None) -> Persistence | None:
    if "persistence" not in item.data:
        return None
    values = _Item(item.data["persistence"], f"{item.place}.persistence", item.errors)
    values.refuse_others(["timeout", "netmask"])
    timeout = values.take("timeout", _integer, 300, 1, MAX_TIMEOUT)
    if key is None:
        return Persistence(timeout, "")
    return Persistence(timeout, values.take("netmask", _netmask, FULL_NETMASK[key.family], key.family))


def _read_servers(item: _Item, service: ServiceKey | None) -> tuple[RealServer, ...]:
    servers: dict[ServerKey, RealServer] = {}
    places: dict[ServerKey, str] = {}
    for one in item.items("servers"):
        server = _read_server(one, service)
        if server is not None:
            if server.key in places:
                one.complain(f"real server {server.key} stands at {places[server.key]} already")
            places.setdefault(server.key, one.place)
            servers[server.key] = server
    return tuple(servers.values())


def _read_server(item: _Item, service: ServiceKey | None) -> RealServer | None:
    item.refuse_others(_SERVER_KEYS)
    address = item.take("address", _address)
    port = item.take("port", _integer, service.port if service else 0, 0, 65535)
    forward = item.take("forward", _choice, "masq", ("masq", "route", "tunnel"))
    weight = item.take("weight", _integer, 1, 0, 65535)
    tunnel = _read_tunnel(item, forward)
    before = len(item.errors)
    upper = item.take("upper_threshold", _integer, 0, 0, 2**31 - 1)
    lower = item.take("lower_threshold", _integer, 0, 0, 2**31 - 1)
    if lower > upper and len(item.errors) == before:
        item.complain(f"lower_threshold {lower} is above upper_threshold {upper}")
    if address is None:
        return None
    server = RealServer(ServerKey(address, port), forward, weight, upper, lower, tunnel)
    if service is not None:
        _check_fit(item, server, service)
    return server


def _check_fit(item: _Item, server: RealServer, service: ServiceKey) -> None:
    """Complain where a server cannot belong to this service."""
    name = f"real server {server.key} of {service}"
    if server.forward != "masq" and service.protocol != "fwmark" and server.key.port != service.port:
        item.complain(
            f"{name} uses {server.forward}, which cannot change the port: use {service.port} or forward: masq"
        )
    if server.forward != "tunnel" and family_of(server.key.address) != service.family:
        item.complain(
            f"{name} is of another family, which only tunnel can cross: "
            f"use an {service.family} address or forward: tunnel"
        )


def _read_tunnel(item: _Item, forward: str) -> Tunnel | None:
    if forward != "tunnel":
        if "tunnel" in item.data:
            item.complain(f"only forward: tunnel has one, but forward is {forward}", "tunnel")
        return None
    if "tunnel" not in item.data:
        return Tunnel()
    values = _Item(item.data["tunnel"], f"{item.place}.tunnel", item.errors)
    values.refuse_others(["type", "port", "checksum"])
    kind = values.take("type", _choice, "ipip", ("ipip", "gue", "gre"))
    if kind != "gue" and "port" in values.data:
        values.complain(f"only gue has a port, but the type is {kind}", "port")
    if kind == "ipip" and "checksum" in values.data:
        values.complain("ipip has no checksum", "checksum")
    port = values.take("port", _integer, None, 1, 65535) if kind == "gue" else 0
    checksum = "disabled" if kind == "ipip" else values.take("checksum", _choice, "disabled", _CHECKSUMS[kind])
    return Tunnel(kind, port or 0, checksum)


def _read_timeouts(data: Any, errors: list[str]) -> dict[str, int]:
    item = _Item(data, "timeouts", errors)
    names = list(Timeouts().to_dict())
    item.refuse_others(names)
    return {name: item.take(name, _integer, 1, 1, MAX_TIMEOUT) for name in names if name in item.data}


def _read_daemons(data: Any, services: list[VirtualService], errors: list[str]) -> list[SyncDaemon]:
    daemons: dict[str, SyncDaemon] = {}
    for item in _items(data, "sync_daemons", errors):
        daemon = _read_daemon(item)
        if daemon is not None:
            if daemon.state in daemons:
                item.complain(f"only one {daemon.state} can run")
            daemons[daemon.state] = daemon
    mixed = [
        service for service in services for one in service.servers if family_of(one.key.address) != service.key.family
    ]
    if daemons and mixed:
        errors.append(
            f"sync_daemons: the kernel cannot synchronize connections while real servers of {mixed[0].key} "
            "are of another family"
        )
    return list(daemons.values())


def _read_daemon(item: _Item) -> SyncDaemon | None:
    before = len(item.errors)
    item.refuse_others(["state", "interface", "sync_id", "group", "port", "ttl", "maxlen"])
    daemon = SyncDaemon(
        item.take("state", _choice, None, ("master", "backup")),
        item.take("interface", _interface),
        item.take("sync_id", _integer, 0, 0, 255),
        item.take("group", _multicast, "224.0.0.81"),
        item.take("port", _integer, 8848, 1, 65535),
        item.take("ttl", _integer, 1, 1, 255),
        item.take("maxlen", _integer, 0, 0, 65535 - 20 - 8),
    )
    return daemon if len(item.errors) == before else None


def _interface(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) < 16 or any(one.isspace() or one == "/" for one in value):
        raise _MistakeError(f"{value!r} is not the name of an interface")
    return value


def _multicast(value: Any) -> str:
    try:
        address = canonical(str(value))
    except ValueError:
        address = "0.0.0.0"
    if not is_multicast(address):
        raise _MistakeError(f"{value!r} is not a multicast address")
    return address


def warn_of_loopback(services: Iterable[VirtualService]) -> str | None:
    """Return a warning about real servers that clients from outside cannot reach, if there are any."""
    behind = [
        f"{server.key} of {service.key}"
        for service in services
        for server in service.servers
        if server.forward == "masq" and is_loopback(server.key.address)
    ]
    if not behind:
        return None
    more = f" and {len(behind) - 3} more" if len(behind) > 3 else ""
    return (
        f"masq to a loopback address serves clients on this host alone, the kernel drops packets from outside: "
        f"real server {', '.join(behind[:3])}{more}"
    )
