# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ipvsadm -L -n`` prints, in each of its layouts, as services and servers with named values.

The forms are those of print_service_entry() and print_title() in ipvsadm.c, version 1.31. Lines are split on white
space: columns run over. The title is absent when one service was selected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

from .addresses import canonical, split_endpoint
from .errors import MismatchError
from .lines import Lines
from .model import FULL_NETMASK, ServerKey, ServiceKey

_TITLE = re.compile(r"IP Virtual Server version (\d+\.\d+\.\d+) \(size=(\d+)\)\s*")
_SUFFIXES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_FORWARDS = {"Masq": "masq", "Route": "route", "Tunnel": "tunnel", "Local": "local"}
_CHECKSUMS = {"-c": "disabled", "+c": "enabled", "r+c": "remote"}
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}


@dataclass
class Entry:
    """What one listing says of one virtual service; the names of values are those of the model and the facts."""

    values: dict[str, Any]
    servers: dict[ServerKey, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Listing:
    """One listing; ``version`` and ``size`` (of the connection table) are None where no title was printed."""

    version: str | None = None
    size: int | None = None
    services: dict[ServiceKey, Entry] = field(default_factory=dict)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the services as they stand in YAML, with whatever was listed of them."""
        return [
            {
                **key.to_dict(),
                **entry.values,
                "servers": [{**server._asdict(), **values} for server, values in entry.servers.items()],
            }
            for key, entry in self.services.items()
        ]


def number(text: str) -> int:
    """Read a counter: digits, or digits with the decimal suffix K, M, G or T that stands in for lost digits."""
    digits = text[:-1] if text[-1:] in _SUFFIXES else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is not a number")
    return int(digits) * _SUFFIXES.get(text[len(digits) :], 1)


def read_fwmark(text: str) -> int:
    """Read a firewall mark. ipvsadm prints those from 2147483648 on as negative numbers."""
    return -number(text[1:]) % 2**32 if text.startswith("-") else number(text)


def _forward(text: str) -> str:
    if text not in _FORWARDS:
        raise ValueError(f"{text!r} is not a forward method")
    return _FORWARDS[text]


def _tunnel(text: str) -> dict[str, Any] | None:
    """Read ``n/a``, ``ipip``, ``gue:6080:-c`` or ``gre:+c``, as fwd_tun_info() writes them."""
    kind, *rest = text.split(":")
    checksum = _CHECKSUMS.get(rest[-1]) if rest else None
    if text == "n/a":
        return None
    if text == "ipip":
        return {"type": "ipip"}
    if kind == "gue" and len(rest) == 2 and checksum:
        return {"type": "gue", "port": number(rest[0]), "checksum": checksum}
    if kind == "gre" and len(rest) == 1 and checksum:
        return {"type": "gre", "checksum": checksum}
    raise ValueError(f"{text!r} is not a tunnel")


def _netmask(family: str, text: str) -> str:
    if family == "ipv4" and ":" not in text:
        return canonical(text)
    if family == "ipv6" and 1 <= number(text) <= 128:
        return str(number(text))
    raise ValueError(f"{text!r} is not an {family} netmask")


class _Column(NamedTuple):
    value: str
    read: Callable[[str], Any]


_COLUMNS = {
    "Forward": _Column("forward", _forward),
    "TunnelInfo": _Column("tunnel", _tunnel),
    "Weight": _Column("weight", number),
    "Uthreshold": _Column("upper_threshold", number),
    "Lthreshold": _Column("lower_threshold", number),
    "PersistConn": _Column("persistent_connections", number),
    "ActiveConn": _Column("active_connections", number),
    "InActConn": _Column("inactive_connections", number),
    "Conns": _Column("connections", number),
    "InPkts": _Column("in_packets", number),
    "OutPkts": _Column("out_packets", number),
    "InBytes": _Column("in_bytes", number),
    "OutBytes": _Column("out_bytes", number),
    "CPS": _Column("connections_per_second", number),
    "InPPS": _Column("in_packets_per_second", number),
    "OutPPS": _Column("out_packets_per_second", number),
    "InBPS": _Column("in_bytes_per_second", number),
    "OutBPS": _Column("out_bytes_per_second", number),
}


_GROUPS = {"Conns": "stats", "CPS": "rates"}
"""Layouts, by their first column, whose service lines count instead of naming a scheduler."""


class _Layout:
    """What the two heading lines promise of the lines below them."""

    def __init__(self, service_heads: list[str], server_heads: list[str]) -> None:
        """Raise ValueError for headings that ipvsadm does not print."""
        self.group = _GROUPS.get(service_heads[0]) if service_heads else None
        heads = server_heads if service_heads == ["Scheduler", "Flags"] else service_heads
        if not heads or (heads is service_heads and server_heads) or any(head not in _COLUMNS for head in heads):
            raise ValueError("these headings are not ipvsadm's")
        self.columns = [_COLUMNS[head] for head in heads]

    def read_columns(self, words: list[str]) -> dict[str, Any]:
        """Return one line's values by name, those without a value left out."""
        if len(words) != len(self.columns):
            raise ValueError(f"{len(self.columns)} values should follow the address, but {len(words)} do")
        values = {column.value: column.read(word) for column, word in zip(self.columns, words)}
        if "tunnel" in values and values["tunnel"] is None:
            del values["tunnel"]
        return {self.group: values} if self.group else values

    def read_service(self, key: ServiceKey, words: list[str]) -> dict[str, Any]:
        """Return a service line's values by name."""
        return self.read_columns(words) if self.group else _read_options(key, words)


def _read_options(key: ServiceKey, words: list[str]) -> dict[str, Any]:
    """Read ``sh (sh-fallback,sh-port) persistent 360 mask 255.0.0.0 pe sip ops``: all but the first may be absent."""
    rest = iter(words)
    values: dict[str, Any] = {"scheduler": next(rest, ""), "scheduler_flags": [], "one_packet": False}
    if not values["scheduler"]:
        raise ValueError("the scheduler is missing")
    word = next(rest, "")
    if word.startswith("(") and word.endswith(")"):
        # "()" is how ipvsadm shows the one flag of sh and mh that it has no name for.
        values["scheduler_flags"] = word[1:-1].split(",") if len(word) > 2 else ["flag-3"]
        word = next(rest, "")
    if word == "persistent":
        values["persistence"] = {"timeout": number(next(rest, "")), "netmask": FULL_NETMASK[key.family]}
        word = next(rest, "")
        if word == "mask":
            values["persistence"]["netmask"] = _netmask(key.family, next(rest, ""))
            word = next(rest, "")
        if word == "pe":
            values["persistence_engine"] = next(rest, "")
            word = next(rest, "")
    if word == "ops":
        values["one_packet"] = True
        word = next(rest, "")
    if word:
        raise ValueError(f"{word!r} is not known here")
    return values


def _read_service_key(words: list[str]) -> tuple[ServiceKey, list[str]]:
    """Split a service line's words into the service's key and what follows it."""
    if words[0] == "FWM" and len(words) > 1:
        mark = read_fwmark(words[1])
        if words[2:3] == ["IPv6"]:
            return ServiceKey.of_fwmark(mark, "ipv6"), words[3:]
        return ServiceKey.of_fwmark(mark, "ipv4"), words[2:]
    if words[0] in _PROTOCOLS and len(words) > 1:
        return ServiceKey.of_address(_PROTOCOLS[words[0]], *split_endpoint(words[1])), words[2:]
    raise ValueError("this is neither a heading, nor a virtual service, nor a real server")


class _Reader:
    """Reads a listing line by line; each line is understood from those above it."""

    def __init__(self) -> None:
        self.listing = Listing()
        self._service_heads: list[str] | None = None
        self._layout: _Layout | None = None
        self._service: tuple[ServiceKey, Entry] | None = None

    def read(self, line: str) -> None:
        """Take one line in. Raises ValueError if it is not known."""
        words = line.split()
        if not words:
            return
        if words[0] == "->":
            self._read_arrow(words)
        elif words[0] == "IP":
            self._read_title(line)
        elif words[0] == "Prot":
            self._read_heading(words)
        else:
            self._read_service(words)

    def finish(self) -> Listing:
        """Return the listing. Raises ValueError if not even its headings were there."""
        if self._layout is None:
            raise ValueError("no heading of ipvsadm -L -n was found")
        return self.listing

    def _read_title(self, line: str) -> None:
        match = _TITLE.fullmatch(line)
        if match is None or self._service_heads is not None or self.listing.version is not None:
            raise ValueError("this is not the title of a listing")
        self.listing.version, self.listing.size = match[1], int(match[2])

    def _read_heading(self, words: list[str]) -> None:
        if words[1:2] != ["LocalAddress:Port"] or self._service_heads is not None:
            raise ValueError("this is not the heading of a listing")
        self._service_heads = words[2:]

    def _read_arrow(self, words: list[str]) -> None:
        if self._layout is None:
            if words[1:2] != ["RemoteAddress:Port"] or self._service_heads is None:
                raise ValueError("a real server stands before the headings")
            self._layout = _Layout(self._service_heads, words[2:])
        elif self._service is None:
            raise ValueError("a real server stands before the first virtual service")
        else:
            if len(words) < 2:
                raise ValueError("the real server's address is missing")
            key, entry = self._service
            server = ServerKey(*split_endpoint(words[1]))
            if server in entry.servers:
                raise ValueError(f"{key} has this real server already")
            entry.servers[server] = self._layout.read_columns(words[2:])

    def _read_service(self, words: list[str]) -> None:
        key, rest = _read_service_key(words)
        if self._layout is None:
            raise ValueError("a virtual service stands before the headings")
        if key in self.listing.services:
            raise ValueError("this virtual service was listed already")
        entry = Entry(self._layout.read_service(key, rest))
        self.listing.services[key] = entry
        self._service = (key, entry)


def parse_listing(text: str) -> Listing:
    """Parse what ``ipvsadm -L -n`` printed, also with --stats, --rate, --thresholds, --persistent-conn or --tun-info.

    Raises ParseError, which quotes the line, for anything that ipvsadm does not print.
    """
    lines, reader = Lines(text), _Reader()
    try:
        for line in lines:
            reader.read(line)
        return reader.finish()
    except ValueError as error:
        raise lines.error(error) from error


def merge_listings(listings: list[Listing]) -> Listing:
    """Put into the first listing what the others say of the same table; of two values with one name the later one wins.

    Raises MismatchError when the listings do not hold the same services and servers: the table changed in between.
    """
    merged, *others = listings
    for other in others:
        merged.version = merged.version or other.version
        merged.size = merged.size or other.size
        _require_same(merged.services, other.services, "the table")
        for key, entry in merged.services.items():
            more = other.services[key]
            _require_same(entry.servers, more.servers, str(key))
            entry.values.update(more.values)
            for server, values in entry.servers.items():
                values.update(more.servers[server])
    return merged


def _require_same(first: dict[Any, Any], second: dict[Any, Any], place: str) -> None:
    if first.keys() != second.keys():
        different = ", ".join(sorted(map(str, first.keys() ^ second.keys())))
        raise MismatchError(f"the listings of {place} differ: not each of them holds {different}")
