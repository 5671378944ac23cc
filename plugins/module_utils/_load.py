# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send many requests, at a rate and several at once, within bounds of number and time, and count who answered."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ansible_collections.highload.lvs.plugins.module_utils._probe import Response


class Asker(Protocol):
    """What sends the requests of one worker."""

    def ask(self) -> Response:
        """Send one request."""

    def close(self) -> None:
        """Close what stays open between requests."""

    def abort(self) -> None:
        """Break off a request from another thread."""


MAX_FAILURES = 100


@dataclass(frozen=True)
class Bounds:
    """When to stop: after count requests, or seconds; how many at once; requests per second in all, 0 for no limit."""

    count: int
    seconds: float
    concurrency: int = 1
    rate: float = 0.0


class _Pace:
    """Hands out the turns of all the workers."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._taken = 0
        self.start = time.monotonic()

    def take(self) -> bool:
        """Wait for the next turn; false when there is none within the bounds."""
        with self._lock:
            if self._taken >= self._bounds.count:
                return False
            due = self.start + (self._taken / self._bounds.rate if self._bounds.rate else 0.0)
            if max(due, time.monotonic()) >= self.start + self._bounds.seconds:
                return False
            self._taken += 1
        time.sleep(max(0.0, due - time.monotonic()))
        return True


def send(bounds: Bounds, make: Callable[[], Asker], grace: float) -> list[Response]:
    """Send the requests and return what became of each, in the order in which they ended.

    ``grace``: seconds after the bound in which the last requests may end; what has not ended then is broken off.
    """
    pace = _Pace(bounds)
    responses: list[Response] = []
    askers = [make() for number in range(min(bounds.concurrency, bounds.count))]

    def work(asker: Asker) -> None:
        while pace.take():
            responses.append(asker.ask())
        asker.close()

    # Daemons: a request that cannot even be broken off must not keep the program from ending.
    workers = [threading.Thread(target=work, args=(asker,), daemon=True) for asker in askers]
    for worker in workers:
        worker.start()
    end = pace.start + bounds.seconds + grace
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
    for asker, worker in zip(askers, workers):
        if worker.is_alive():
            asker.abort()
            worker.join(1.0)
    stuck = [worker for worker in workers if worker.is_alive()]
    return responses[:] + [Response("", "", "timeout", end - grace, grace) for worker in stuck]


def percentile(values: list[float], share: float) -> float:
    """Return the smallest of the sorted values that a share (0 to 1) of them does not exceed; 0 for no values."""
    if not values:
        return 0.0
    return values[max(0, math.ceil(share * len(values)) - 1)]


def summarise(responses: list[Response]) -> dict[str, object]:
    """Count the responses by who gave them; latencies in milliseconds, of answered requests."""
    good = [response for response in responses if not response.error]
    bad = [response for response in responses if response.error]
    start = min((response.started for response in responses), default=0.0)
    times = sorted(response.seconds * 1000 for response in good)
    return {
        "requests": len(responses),
        "responders": dict(Counter(response.responder for response in good)),
        "order": [response.responder for response in good],
        "statuses": dict(Counter(response.status for response in good if response.status)),
        "errors": dict(Counter(response.error for response in bad)),
        "failures": [
            {"at": round(response.started - start, 3), "error": response.error} for response in bad[:MAX_FAILURES]
        ],
        "latency_ms": {
            name: round(percentile(times, share), 3)
            for name, share in (("min", 0.0), ("median", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
        },
    }
