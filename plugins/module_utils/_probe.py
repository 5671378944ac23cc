# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send HTTP requests one after the other and tell who answered."""

from __future__ import annotations

import http.client
import math
import socket
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit


class ProbeError(Exception):
    """A target that cannot be asked; the text says what is wrong with it."""


@dataclass(frozen=True)
class Target:
    """Where to send requests."""

    host: str
    port: int
    path: str


@dataclass(frozen=True)
class Response:
    """What became of one request: status and body of the answer, or the kind of error; seconds to its end."""

    status: int
    body: str
    error: str
    seconds: float


def parse_url(url: str) -> Target:
    """Return the target of an http URL; raise ProbeError for any other."""
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else 80
    except ValueError as error:
        raise ProbeError(f"url {url!r}: {error}") from error
    if parts.scheme != "http" or not parts.hostname or port == 0:
        raise ProbeError(f"url {url!r} is not of the form http://HOST[:PORT][/PATH]")
    return Target(parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def request(target: Target, timeout: float) -> Response:
    """Send one GET over a connection of its own; timeout in seconds for each step of it."""
    start = time.monotonic()
    connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout)
    try:
        connection.request("GET", target.path, headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read().decode(errors="backslashreplace").strip()
        return Response(answer.status, body, "", time.monotonic() - start)
    except (OSError, http.client.HTTPException) as error:
        return Response(0, "", kind(error), time.monotonic() - start)
    finally:
        connection.close()


def kind(error: Exception) -> str:
    """Return the kind of an error in one word."""
    if isinstance(error, socket.timeout):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionResetError):
        return "reset"
    if isinstance(error, socket.gaierror):
        return "unresolved"
    return type(error).__name__


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that this share (0 to 1) of the sorted values does not exceed; 0 for no values."""
    if not values:
        return 0.0
    return values[max(0, math.ceil(share * len(values)) - 1)]


def summarise(responses: list[Response]) -> dict[str, object]:
    """Count the responses by who gave them; latencies in milliseconds, of answered requests."""
    good = [response for response in responses if not response.error]
    times = sorted(response.seconds * 1000 for response in good)
    return {
        "responders": dict(Counter(response.body for response in good)),
        "order": [response.body for response in good],
        "statuses": {str(status): n for status, n in Counter(response.status for response in good).items()},
        "errors": dict(Counter(response.error for response in responses if response.error)),
        "latency_ms": {
            name: round(percentile(times, share), 3)
            for name, share in (("min", 0.0), ("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
        },
    }
