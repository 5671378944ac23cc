# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from ansible_collections.highload.lvs.plugins.plugin_utils._balance import (
    BalanceError,
    alternates,
    binomial_bounds,
    cycle,
    judge,
    promise,
)
from hypothesis import given
from hypothesis import strategies as st

WEIGHTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12), min_size=1)


def wrr(weights):
    """Yield servers as the kernel's ip_vs_wrr.c chooses them."""
    live = {server: weight for server, weight in weights.items() if weight}
    step, top = math.gcd(*live.values()), max(live.values())
    while True:
        for current in range(top, 0, -step):
            yield from (server for server, weight in live.items() if weight >= current)


@given(WEIGHTS, st.integers(0, 200), st.integers(0, 200))
def test_what_wrr_does_is_balanced_wherever_it_begins(weights, begin, requests):
    if any(weights.values()):
        counts = Counter(itertools.islice(wrr(weights), begin, begin + requests))
        assert judge(promise("wrr", weights, requests), counts) == []


@given(WEIGHTS, st.integers(1, 20))
def test_whole_cycles_of_wrr_have_one_answer(weights, cycles):
    live = {server: weight for server, weight in weights.items() if weight}
    if live:
        requests = cycles * cycle(list(live.values()))
        for share in promise("wrr", weights, requests).shares:
            assert share.low == share.high == requests * weights[share.server] // sum(weights.values())


@given(WEIGHTS, st.integers(0, 200), st.integers(0, 50))
def test_what_rr_does_is_balanced_and_one_moved_connection_of_a_whole_round_is_not(weights, rounds, begin):
    live = [server for server, weight in weights.items() if weight]
    if live:
        requests = (rounds + 1) * len(live)
        counts = Counter(itertools.islice(itertools.cycle(live), begin, begin + requests))
        assert judge(promise("rr", weights, requests), counts) == []
    if len(live) > 1:
        counts[live[0]] += 1
        counts[live[1]] -= 1
        assert len(judge(promise("rr", weights, requests), counts)) == 2


@pytest.mark.parametrize(
    ("scheduler", "weights", "counts", "wrong"),
    [
        ("rr", {"a": 1, "b": 1}, {"a": 51, "b": 51}, []),
        ("rr", {"a": 1, "b": 1}, {"a": 51, "b": 50}, []),
        ("rr", {"a": 1, "b": 5}, {"a": 51, "b": 51}, []),
        (
            "rr",
            {"a": 1, "b": 1},
            {"a": 60, "b": 42},
            [
                "a (weight 1): expected 51 of 102, seen 60 (rr: exact)",
                "b (weight 1): expected 51 of 102, seen 42 (rr: exact)",
            ],
        ),
        ("rr", {"a": 1, "b": 0}, {"a": 9, "b": 1}, ["a ", "b (weight 0): expected 0 of 10, seen 1"]),
        ("wrr", {"a": 3, "b": 1}, {"a": 75, "b": 25}, []),
        ("wrr", {"a": 300, "b": 100}, {"a": 3, "b": 1}, []),
        ("wrr", {"a": 3, "b": 1}, {"a": 50, "b": 50}, ["a (weight 3)", "b (weight 1)"]),
        ("wlc", {"a": 1, "b": 1}, {"a": 70, "b": 30}, []),
        ("wlc", {"a": 1, "b": 1}, {"a": 80, "b": 20}, ["a (weight 1): expected 25 to 75 of 100, seen 80", "b "]),
        ("lc", {"a": 1, "b": 9}, {"a": 50, "b": 50}, []),
        ("wlc", {"a": 1, "b": 9}, {"a": 50, "b": 50}, ["a ", "b "]),
        ("sh", {"a": 1, "b": 1}, {"a": 100}, []),
        ("sh", {"a": 1, "b": 1}, {"a": 99, "b": 1}, ["expected all 100 at one server, seen a 99, b 1"]),
        ("fo", {"a": 1, "b": 2}, {"b": 100}, []),
        ("fo", {"a": 1, "b": 2}, {"a": 100}, ["a (weight 1): expected 0 of 100, seen 100"]),
        ("sed", {"a": 1, "b": 2}, {"b": 100}, []),
        ("sed", {"a": 0, "b": 2}, {"a": 1, "b": 99}, ["a (weight 0): expected 0 of 100, seen 1"]),
        ("rr", {"a": 1}, {"a": 5, "c": 5}, ["a (weight 1)", "c: expected none, seen 5"]),
    ],
)
def test_judgement(scheduler, weights, counts, wrong):
    found = judge(promise(scheduler, weights, sum(counts.values())), counts)
    assert len(found) == len(wrong)
    assert all(text.startswith(start) for text, start in zip(found, wrong, strict=True))


def test_flags_persistence_and_thresholds():
    halves = {"a": 50, "b": 50}
    weights = {"a": 1, "b": 1}
    assert judge(promise("sh", weights, 100, ["sh-port"]), halves) == []
    assert judge(promise("rr", weights, 100, persistent=True), halves) != []
    assert judge(promise("rr", weights, 100, persistent=True), {"b": 100}) == []
    assert judge(promise("rr", weights, 100, thresholds=True), {"a": 70, "b": 30}) == []


def test_too_few_in_all():
    assert judge(promise("rr", {"a": 0}, 7), {}) == ["expected 7 in all, seen 0"]


@pytest.mark.parametrize(
    ("scheduler", "weights", "message"),
    [("rw", {"a": 1}, "scheduler 'rw' is not one of rr, wrr"), ("rr", {"a": -1}, "weight -1 of a is not")],
)
def test_refusals(scheduler, weights, message):
    with pytest.raises(BalanceError, match=message):
        promise(scheduler, weights, 1)


def test_bounds_are_those_of_the_exact_binomial_distribution():
    low, high = binomial_bounds(100, 0.5, 0.05)
    assert (low, high) == (40, 60)  # the acceptance region of the exact two-sided test at 5 %, as in statistical tables
    inside = sum(math.comb(100, count) for count in range(low, high + 1)) / 2**100
    assert inside >= 0.95
    assert inside - 2 * math.comb(100, low) / 2**100 < 0.95


def test_a_fair_random_scheduler_is_not_called_unfair():
    chance = random.Random(7)
    weights = {"a": 1, "b": 2, "c": 5}
    for _attempt in range(200):
        counts = Counter(chance.choices(list(weights), list(weights.values()), k=300))
        assert judge(promise("twos", weights, 300), counts) == []


@pytest.mark.parametrize(
    ("order", "servers", "expected"),
    [
        ("ababab", 2, True),
        ("babab", 2, True),
        ("abcabca", 3, True),
        ("abcacb", 3, False),
        ("abab", 3, False),
        ("abba", 2, False),
        ("a", 2, False),
        ("", 1, False),
        ("aaa", 1, True),
    ],
)
def test_alternation(order, servers, expected):
    assert alternates(list(order), servers) is expected
