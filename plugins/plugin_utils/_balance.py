# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scheduler promises about the shares of its real servers, and whether counted connections keep the promise.

Sources: the kernel's net/netfilter/ipvs/ip_vs_*.c and ipvsadm(8). A promise holds for new connections from one client
to one virtual service while no others come; concurrency changes nothing, for the kernel chooses a server once for
each connection and one after the other.

- rr takes turns among the servers whose weight is not 0: their counts differ by at most 1.
- wrr gives each server its weight, divided by the greatest common divisor, within each cycle, wherever that begins.
- fo sends everything to one of the servers of the greatest weight.
- lc and wlc count open and closing connections, lc without regard to weights; twos chooses by chance, mh with mh-port
  and sh with sh-port by a hash of the client's port. Their shares are those of the weights, as in a random sample.
- dh, sh, mh and every persistent service send one client to one server.
- sed, nq and ovf count only connections that are open, of which short ones leave hardly a trace; lblc and lblcr move a
  client when its server is busy; a server with an upper threshold is passed over when it is reached: no promise of
  shares, only that a server of weight 0 gets nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALARM = 1e-6
"""Probability that a fair random scheduler is called unfair, for one service."""

BY_CLIENT = ("dh", "sh", "mh")
PORT_FLAGS = ("sh-port", "mh-port")
NO_PROMISE = ("sed", "nq", "ovf", "lblc", "lblcr")
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")


class BalanceError(Exception):
    """Something that cannot be judged; the text says what is wrong with it."""


@dataclass(frozen=True)
class Share:
    """What one real server should have of the requests: at least low and at most high; share is 0 to 1."""

    server: str
    weight: int
    share: float
    low: int
    high: int


@dataclass(frozen=True)
class Promise:
    """What a scheduler promises for a number of requests; one_server where all of them go to the same one."""

    basis: str
    requests: int
    shares: tuple[Share, ...]
    one_server: bool = False


def promise(
    scheduler: str,
    weights: Mapping[str, int],
    requests: int,
    flags: Sequence[str] = (),
    persistent: bool = False,
    thresholds: bool = False,
) -> Promise:
    """Return what each server should have; raise BalanceError for a scheduler or weight that cannot be."""
    if scheduler not in SCHEDULERS:
        raise BalanceError(f"scheduler {scheduler!r} is not one of {', '.join(SCHEDULERS)}")
    for server, weight in weights.items():
        if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
            raise BalanceError(f"weight {weight!r} of {server} is not a whole number of 0 or more")
    live = {server: weight for server, weight in weights.items() if weight}
    if scheduler == "fo":
        live = {server: weight for server, weight in live.items() if weight == max(live.values())}
    if scheduler in ("rr", "lc"):
        live = dict.fromkeys(live, 1)
    one_server, basis = False, f"{scheduler}: exact"
    if persistent or scheduler == "fo" or (scheduler in BY_CLIENT and not set(flags) & set(PORT_FLAGS)):
        one_server, basis = True, f"{'persistence' if persistent else scheduler}: all to one server"
    elif thresholds or scheduler in NO_PROMISE:
        basis = f"{'upper threshold' if thresholds else scheduler}: no promise of shares"
    elif scheduler not in ("rr", "wrr"):
        basis = f"{scheduler}: random sample, false alarm 1 in {1 / ALARM:.0f}"

    def bounds(weight: int) -> tuple[int, int]:
        if one_server or basis.endswith("no promise of shares"):
            return 0, requests
        if scheduler in ("rr", "wrr"):
            return _turns(requests, weight, list(live.values()))
        return binomial_bounds(requests, weight / sum(live.values()), ALARM / len(live))

    shares = (
        Share(server, weight, live[server] / sum(live.values()), *bounds(live[server]))
        if server in live
        else Share(server, weight, 0.0, 0, 0)
        for server, weight in weights.items()
    )
    return Promise(basis, requests, tuple(shares), one_server and bool(live))


def cycle(weights: Sequence[int]) -> int:
    """Return after how many connections wrr begins again: the sum of the weights by their greatest common divisor."""
    return sum(weights) // (math.gcd(*weights) or 1) if weights else 0


def _turns(requests: int, weight: int, weights: Sequence[int]) -> tuple[int, int]:
    """Return the least and most that any stretch of the repeated cycle can hold of this weight."""
    mine, length = weight // math.gcd(*weights), cycle(weights)
    whole, rest = divmod(requests, length)
    return whole * mine + max(0, rest - (length - mine)), whole * mine + min(mine, rest)


def binomial_bounds(requests: int, share: float, alarm: float) -> tuple[int, int]:
    """Return the counts between which a random sample lies, each side missed with at most half of this probability.

    The exact tails of the binomial distribution, as in the Clopper-Pearson interval, not an approximation by the
    normal one. Divided among several servers, the probability of any false alarm stays within ``ALARM`` (Bonferroni).
    """
    if share <= 0 or share >= 1:
        return (0, 0) if share <= 0 else (requests, requests)
    return _tail(requests, share, alarm / 2), requests - _tail(requests, 1 - share, alarm / 2)


def _tail(requests: int, share: float, probability: float) -> int:
    """Return the greatest k for which the probability of fewer than k is at most this."""
    below = 0.0
    for count in range(requests + 1):
        below += math.exp(
            math.lgamma(requests + 1)
            - math.lgamma(count + 1)
            - math.lgamma(requests - count + 1)
            + count * math.log(share)
            + (requests - count) * math.log1p(-share)
        )
        if below > probability:
            return count
    return requests


def judge(expected: Promise, counts: Mapping[str, int]) -> list[str]:
    """Return what is wrong with the counts, in one sentence a server; nothing where the promise is kept."""
    known = {share.server for share in expected.shares}
    wrong = [
        f"{share.server} (weight {share.weight}): expected {_between(share)} of {expected.requests}, "
        f"seen {counts.get(share.server, 0)} ({expected.basis})"
        for share in expected.shares
        if not share.low <= counts.get(share.server, 0) <= share.high
    ]
    wrong += [
        f"{server}: expected none, seen {count} (it is no server of this service)"
        for server, count in counts.items()
        if server not in known and count
    ]
    used = [server for server, count in counts.items() if count]
    if expected.one_server and len(used) > 1:
        seen = ", ".join(f"{server} {counts[server]}" for server in used)
        wrong.append(f"expected all {expected.requests} at one server, seen {seen} ({expected.basis})")
    total = sum(counts.values())
    if total != expected.requests:
        wrong.append(f"expected {expected.requests} in all, seen {total}")
    return wrong


def _between(share: Share) -> str:
    return str(share.low) if share.low == share.high else f"{share.low} to {share.high}"


def alternates(order: Sequence[str], servers: int) -> bool:
    """Tell whether this many servers took turns: each stretch of that length has each of them once."""
    if len(order) < servers or servers < 1:
        return False
    return len(set(order[:servers])) == servers and all(
        after == before for before, after in zip(order, order[servers:])
    )
