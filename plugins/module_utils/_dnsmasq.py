# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnsmasq is to serve: read it, find its mistakes, write it as the files that dnsmasq reads (dnsmasq(8))."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CONFIG = "/etc/dnsmasq.d/highload-lvs.conf"
FOLDER = "/etc/highload-dnsmasq"
SERVERS = f"{FOLDER}/servers"
HOSTS = f"{FOLDER}/hosts"
DROP_IN = "/etc/systemd/system/dnsmasq.service.d/highload-lvs.conf"
# The root's keys, which come with Debian's dnsmasq-base.
ANCHORS = "/usr/share/dnsmasq-base/trust-anchors.conf"
MARK = "# Written by highload.lvs."

UNIT = f"""\
{MARK}
[Unit]
# Names are worth another try for as long as it takes.
StartLimitIntervalSec=0
[Service]
# Nothing from or to resolvconf, which systemd-resolved may stand in for: the role alone says who resolves.
Environment=IGNORE_RESOLVCONF=yes
ExecStartPost=
ExecStop=
Restart=always
RestartSec=200ms
"""

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# A DS record as dnsmasq takes it: zone, key tag, algorithm, digest type, digest.
_ANCHOR = re.compile(rf"(?:\.|{_LABEL}(?:\.{_LABEL})*),\d{{1,5}},\d{{1,3}},\d{{1,3}},[0-9A-Fa-f]{{40,128}}")
_MAX_TTL = 2**31 - 1  # seconds, RFC 2181 section 8
_MAX_CACHE = 10_000  # names; dnsmasq warns of more


@dataclass(frozen=True)
class Record:
    """A name, its addresses, and whether every name below it has them too."""

    name: str
    addresses: tuple[str, ...]
    wildcard: bool = False

    @property
    def v4(self) -> list[str]:
        """The IPv4 addresses, sorted as text."""
        return sorted(one for one in self.addresses if ":" not in one)

    @property
    def v6(self) -> list[str]:
        """The IPv6 addresses, sorted as text."""
        return sorted(one for one in self.addresses if ":" in one)


@dataclass(frozen=True)
class Domain:
    """A domain whose questions go to servers of its own, each an address with #PORT after it where that is not 53."""

    name: str
    servers: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """All that dnsmasq is to serve; ttl in seconds, cache_size in names."""

    records: tuple[Record, ...]
    forward: bool
    upstreams: tuple[str, ...]
    domains: tuple[Domain, ...]
    listen: tuple[str, ...]
    ttl: int
    cache_size: int
    dnssec: bool
    anchors: tuple[str, ...]
    log_queries: bool

    @property
    def own_address(self) -> str:
        """The address at which the host itself asks."""
        return "127.0.0.1" if "127.0.0.1" in self.listen else self.listen[0]


def read(given: Mapping[str, Any]) -> Service:
    """Return what the module's parameters say; they have no mistakes() and their types are right."""
    return Service(
        records=tuple(
            Record(one["name"], tuple(map(_canonical, one["addresses"])), bool(one.get("wildcard")))
            for one in given["records"]
        ),
        forward=given["forward"],
        upstreams=tuple(given["upstreams"]) if given["forward"] else (),
        domains=tuple(Domain(one["domain"], tuple(one["servers"])) for one in given["domain_upstreams"]),
        listen=tuple(given["listen_addresses"]),
        ttl=given["ttl"],
        cache_size=given["cache_size"],
        dnssec=given["dnssec"],
        anchors=tuple(given["trust_anchors"]),
        log_queries=given["log_queries"],
    )


def _canonical(address: str) -> str:
    return str(ipaddress.ip_address(address))


def mistakes(given: Mapping[str, Any]) -> Iterator[str]:
    """Tell what is wrong with the module's parameters, one sentence each, its place first."""
    yield from _record_mistakes(given["records"])
    for server in given["upstreams"]:
        yield from _server_mistakes("upstreams", server)
    yield from _domain_mistakes(given["domain_upstreams"])
    yield from _listen_mistakes(given["listen_addresses"], given["forward"])
    for key, most, unit in (("ttl", _MAX_TTL, "seconds"), ("cache_size", _MAX_CACHE, "names")):
        if not 0 <= given[key] <= most:
            yield f"{key}: {given[key]} is not within 0 to {most} {unit}."
    for anchor in given["trust_anchors"]:
        if not _ANCHOR.fullmatch(anchor):
            yield f"trust_anchors: {anchor!r} is not of the form ZONE,KEY_TAG,ALGORITHM,DIGEST_TYPE,DIGEST."


def _name_mistakes(place: str, names: list[str]) -> Iterator[str]:
    for number, name in enumerate(names):
        if not _NAME.fullmatch(name):
            yield f"{place}[{number}]: {name!r} is no host name: give letters, digits and dashes between dots."
        elif name.lower() in map(str.lower, names[:number]):
            yield f"{place}[{number}]: {name} is there twice. Give each name once, with all of its addresses."


def _record_mistakes(records: list[Mapping[str, Any]]) -> Iterator[str]:
    yield from _name_mistakes("records", [one["name"] for one in records])
    for record in records:
        place = f"records: {record['name']}"
        if not record["addresses"]:
            yield f"{place} has no address. Give it one or more."
        seen = set()
        for text in record["addresses"]:
            address = _address(text)
            if address is None:
                yield f"{place}: {text!r} is not an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1."
            elif address in seen:
                yield f"{place}: {text} is there twice. Give each address once: dnsmasq knows no weights."
            seen.add(address)


def _domain_mistakes(domains: list[Mapping[str, Any]]) -> Iterator[str]:
    yield from _name_mistakes("domain_upstreams", [one["domain"] for one in domains])
    for domain in domains:
        place = f"domain_upstreams: {domain['domain']}"
        if not domain["servers"]:
            yield f"{place} has no server. Give it one or more."
        for server in domain["servers"]:
            yield from _server_mistakes(place, server)


def _server_mistakes(place: str, server: str) -> Iterator[str]:
    text, hash_sign, port = server.partition("#")
    address = _address(text)
    if address is None or address.is_unspecified or address.is_multicast:
        yield f"{place}: {server!r} is not the IPv4 or IPv6 address of a server, such as 192.0.2.1 or 192.0.2.1#5353."
    elif hash_sign and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        yield f"{place}: port {port!r} of {server!r} is not within 1 to 65535."


def _listen_mistakes(listen: list[str], forward: bool) -> Iterator[str]:
    if not listen:
        yield "listen_addresses is empty. Give one or more addresses of this host."
    for text in listen:
        address = _address(text)
        if address is None or address.is_multicast:
            yield f"listen_addresses: {text!r} is not an IPv4 or IPv6 address, such as 127.0.0.1 or ::1."
        elif address.is_unspecified:
            yield f"listen_addresses: {text} stands for every address, and one of them may be public. Name those meant."
        elif forward and address.is_global:
            yield (
                f"listen_addresses: {text} is a public address, and an open resolver is a weapon for others. "
                "Listen on a private address, or set forward to false: then it answers only the records."
            )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address without a zone, None for what is none."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def render(service: Service) -> dict[str, str]:
    """Return the text of every file by its path."""
    return {
        SERVERS: _lines(_server_lines(service)),
        HOSTS: _lines(_host_lines(service.records)),
        DROP_IN: UNIT,
        CONFIG: _lines(_config_lines(service)),
    }


def _lines(lines: Iterable[str]) -> str:
    return "\n".join([MARK, *lines]) + "\n"


def _config_lines(service: Service) -> Iterator[str]:
    for address in service.listen:
        yield f"listen-address={address}"
    yield "# Beside another server on other addresses, and before an address is there at boot."
    yield "bind-dynamic"
    yield "no-resolv"
    yield "# Both are read again on reload, so that a changed record or upstream needs no restart."
    yield f"servers-file={SERVERS}"
    yield f"addn-hosts={HOSTS}"
    yield f"local-ttl={service.ttl}"
    yield f"cache-size={service.cache_size}"
    if service.log_queries:
        yield "log-queries"
    if service.dnssec:
        yield "dnssec"
        yield from (f"trust-anchor={anchor}" for anchor in service.anchors)
        if not any(anchor.startswith(".,") for anchor in service.anchors):
            yield f"conf-file={ANCHORS}"
    for record in service.records:
        if record.wildcard:
            yield from (f"address=/{record.name}/{address}" for address in record.addresses)


def _server_lines(service: Service) -> Iterator[str]:
    yield from (f"server={server}" for server in service.upstreams)
    for domain in service.domains:
        yield from (f"server=/{domain.name}/{server}" for server in domain.servers)
    yield "# Not forwarded, also not for types of records that the hosts file does not have."
    yield from (f"server=/{record.name}/" for record in service.records)


def _host_lines(records: tuple[Record, ...]) -> Iterator[str]:
    """Yield one line an address: these rotate, which those of address= do not.

    dnsmasq gives the addresses of a name in turn, but permutes only those that are alike in also being the answer to a
    reverse question, which the first name of an address is (cache_find_by_name() in its cache.c). 127.0.0.1 has
    localhost first, and names may share some of their addresses. So every address first gets a name of its own.
    """
    for address in dict.fromkeys(address for record in records for address in record.addresses):
        yield f"{address} ip-{re.sub('[.:]', '-', address)}.address.invalid"
    for record in records:
        yield from (f"{address} {record.name}" for address in record.addresses)


def upstreams_of(servers_file: str) -> list[str]:
    """Return the servers for all names that a servers file has."""
    return re.findall(r"(?m)^server=([^/\s]+)$", servers_file)
