# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one request, over HTTP, as a mere TCP connection or to a DNS server, and tell who answered."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import itertools
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from ansible_collections.highload.lvs.plugins.module_utils._dns import (
    DnsError,
    Question,
    decode_answer,
    encode_query,
    parse_question,
)

PORTS = {"http": 80, "tcp": 0, "dns": 53}
MAX_BODY = 1 << 20
MAX_LABEL = 200
MAX_BUSY_PORTS = 1000
FORMS = "http://HOST[:PORT][/PATH], tcp://HOST:PORT or dns://SERVER[:PORT]/NAME[/TYPE]"


_Bound = TypeVar("_Bound")


class ProbeError(Exception):
    """A target that cannot be asked; the text says what is wrong with it."""


@dataclass(frozen=True)
class Target:
    """Where to send requests; path is that of HTTP, question that of DNS."""

    scheme: str
    host: str
    port: int
    path: str = "/"
    question: Question = field(default_factory=lambda: Question("."))


@dataclass(frozen=True)
class Manner:
    """How to ask and by what to tell responders apart: a header, the first group of a pattern, or the whole body."""

    timeout: float = 5.0
    source: str = ""
    host_header: str = ""
    http_version: str = "1.1"
    keep_alive: bool = False
    header: str = ""
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Response:
    """What became of one request: who answered and the status, or the kind of error.

    ``started`` is by the monotonic clock, ``seconds`` is the time to the end.
    """

    responder: str
    status: str
    error: str
    started: float
    seconds: float


def parse_url(url: str) -> Target:
    """Return the target that a URL names; raise ProbeError for one that cannot be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ProbeError(f"url {url!r}: {error}") from error
    port = PORTS.get(parts.scheme, 0) if port is None else port
    if parts.scheme not in PORTS or not parts.hostname or port == 0 or parts.username is not None:
        raise ProbeError(f"url {url!r} is not of the form {FORMS}")
    if parts.scheme == "http":
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not path.isascii() or not path.isprintable() or " " in path:
            raise ProbeError(f"url {url!r} has a path that HTTP cannot carry: write it with %XX")
        return Target("http", parts.hostname, port, path)
    if parts.scheme == "tcp":
        if parts.path not in ("", "/") or parts.query:
            raise ProbeError(f"url {url!r} has a path, which a mere TCP connection cannot ask for")
        return Target("tcp", parts.hostname, port)
    try:
        question = parse_question(unquote(parts.path.strip("/")).replace("/", " "))
    except DnsError as error:
        raise ProbeError(f"url {url!r}: {error}") from error
    return Target("dns", parts.hostname, port, question=question)


def label(text: str) -> str:
    """Return the name of the responder that sends this text: the text itself or, where long, its start and hash."""
    stripped = text.strip()
    if len(stripped) <= MAX_LABEL:
        return stripped
    digest = hashlib.sha256(stripped.encode(errors="surrogateescape")).hexdigest()
    return f"{stripped[:MAX_LABEL]}... (sha256 {digest[:16]})"


def kind(error: Exception) -> str:
    """Return the kind of an error in one word."""
    if isinstance(error, socket.timeout):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)):
        return "reset"
    if isinstance(error, socket.gaierror):
        return "unresolved"
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number or 0, type(error).__name__)


class _OldConnection(http.client.HTTPConnection):
    """HTTP/1.0, which the library speaks when told so in this, its own way."""

    _http_vsn = 10
    _http_vsn_str = "HTTP/1.0"


class Client:
    """One client that asks one target again and again, over a new connection each time unless told to keep it."""

    def __init__(self, target: Target, manner: Manner, ports: Iterator[int]) -> None:
        """Prepare; nothing is sent yet. Connections are made from the ports in their order."""
        self._target = target
        self._manner = manner
        self._ports = ports
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._ask = {"http": self._ask_http, "tcp": self._ask_tcp, "dns": self._ask_dns}[target.scheme]

    def ask(self) -> Response:
        """Send one request and say what became of it."""
        start = time.monotonic()
        try:
            responder, status = self._ask(start + self._manner.timeout)
            error = ""
        except (OSError, http.client.HTTPException, DnsError) as reason:
            responder, status, error = "", "", kind(reason)
            self.close()
        return Response(responder, status, error, start, time.monotonic() - start)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def abort(self) -> None:
        """Break off the request that another thread is waiting for."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _from_a_port(self, bind: Callable[[tuple[str, int]], _Bound]) -> _Bound:
        for port in itertools.islice(self._ports, MAX_BUSY_PORTS):
            try:
                return bind((self._manner.source, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    def _ask_http(self, deadline: float) -> tuple[str, str]:
        if self._connection is None:
            self._connection = self._from_a_port(self._connect_http)
            self._socket = self._connection.sock
        headers = {"Connection": "keep-alive" if self._manner.keep_alive else "close"}
        if self._manner.host_header:
            headers["Host"] = self._manner.host_header
        self._connection.request("GET", self._target.path, headers=headers)
        answer = self._connection.getresponse()
        body = _read(answer, deadline)
        # What is left of a long body would be taken for the next answer.
        if not self._manner.keep_alive or answer.will_close or not answer.isclosed():
            self.close()
        return self._responder(body, answer), str(answer.status)

    def _connect_http(self, source: tuple[str, int]) -> http.client.HTTPConnection:
        maker = _OldConnection if self._manner.http_version == "1.0" else http.client.HTTPConnection
        connection = maker(self._target.host, self._target.port, timeout=self._manner.timeout, source_address=source)
        connection.connect()
        return connection

    def _responder(self, body: str, answer: http.client.HTTPResponse) -> str:
        if self._manner.header:
            return label(answer.headers.get(self._manner.header, ""))
        if self._manner.pattern is not None:
            found = self._manner.pattern.search(body)
            return label(found.group(1 if found.re.groups else 0) or "") if found else ""
        return label(body)

    def _ask_tcp(self, deadline: float) -> tuple[str, str]:
        timeout = max(deadline - time.monotonic(), 0.001)
        to = (self._target.host, self._target.port)
        with self._from_a_port(lambda source: socket.create_connection(to, timeout, source)):
            return "connected", ""

    def _ask_dns(self, deadline: float) -> tuple[str, str]:
        family, _type, _protocol, _name, address = socket.getaddrinfo(
            self._target.host, self._target.port, type=socket.SOCK_DGRAM
        )[0]
        ident = secrets.randbelow(1 << 16)
        with socket.socket(family, socket.SOCK_DGRAM) as channel:
            self._socket = channel
            self._from_a_port(channel.bind)
            # Connected, so that the kernel drops what others send and tells when nobody listens.
            channel.connect(address)
            channel.send(encode_query(self._target.question, ident))
            while True:
                channel.settimeout(max(deadline - time.monotonic(), 0.001))
                message = channel.recv(65535)
                with contextlib.suppress(DnsError):
                    answer = decode_answer(message, self._target.question, ident)
                    return (answer.addresses or ("no address",))[0], answer.rcode


def _read(answer: http.client.HTTPResponse, deadline: float) -> str:
    """Return the body, or its first MiB; raise socket.timeout where it is not there by the deadline."""
    parts: list[bytes] = []
    while sum(map(len, parts)) < MAX_BODY:
        part = answer.read1(65536)
        if not part:
            answer.close()  # Python before 3.11.8 and 3.12.2 does not by itself, and refuses the next request then
            break
        parts.append(part)
        if time.monotonic() > deadline:
            raise socket.timeout
    return b"".join(parts).decode(errors="backslashreplace")
