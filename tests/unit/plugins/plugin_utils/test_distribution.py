# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters and tests as Jinja calls them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible_collections.highload.lvs.plugins.filter.imbalance import FilterModule as Imbalance
from ansible_collections.highload.lvs.plugins.filter.ipvs_difference import FilterModule as Difference
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.facts import gather_from_texts
from ansible_collections.highload.lvs.plugins.test.alternating import TestModule as Alternating
from ansible_collections.highload.lvs.plugins.test.balanced import TestModule as Balanced
from jinja2.nativetypes import NativeEnvironment

JINJA = NativeEnvironment()
JINJA.filters.update({f"highload.lvs.{n}": f for one in (Imbalance(), Difference()) for n, f in one.filters().items()})
JINJA.tests.update({f"highload.lvs.{n}": f for one in (Alternating(), Balanced()) for n, f in one.tests().items()})


def evaluate(expression, **variables):
    return JINJA.from_string("{{ " + expression + " }}").render(variables)


@pytest.fixture
def facts(capture):
    """Return a function that reads the facts of one captured moment."""

    def read(moment):
        return gather_from_texts([capture(f"{moment}/list"), capture(f"{moment}/stats-exact")], {"statistics"}, [])

    return read


def test_difference_of_102_requests(facts):
    difference = evaluate(
        "before | highload.lvs.ipvs_difference(after)",
        before=facts("single-host-idle"),
        after=facts("single-host-after-102-requests"),
    )
    assert difference[0]["connections"] == 102
    assert [server["connections"] for server in difference[0]["servers"]] == [51, 51]
    assert [server["port"] for server in difference[0]["servers"]] == [8081, 8082]
    assert evaluate("one is highload.lvs.balanced", one=difference[0]) is True
    assert evaluate("one | highload.lvs.imbalance", one=difference[0]) == []
    difference[0]["servers"][0]["connections"] = 60
    assert evaluate("one is highload.lvs.balanced", one=difference[0]) is False
    assert "127.0.0.1:8081 (weight 1): expected 55 to 56 of 111, seen 60 (rr: exact)" in evaluate(
        "one | highload.lvs.imbalance", one=difference[0]
    )


def test_a_service_that_is_new_counts_from_nothing(facts):
    difference = evaluate(
        "before | highload.lvs.ipvs_difference(after)",
        before={"services": []},
        after=facts("single-host-after-102-requests"),
    )
    assert difference[0]["connections"] == 102


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("{'a': 51, 'b': 51} is highload.lvs.balanced('rr', servers=2)", True),
        ("{'a': 51, 'b': 50} is highload.lvs.balanced(scheduler='rr', servers=2)", True),
        ("{'a': 102} is highload.lvs.balanced('rr', servers=2)", False),
        ("{'a': 34, 'b': 34, 'c': 34} is highload.lvs.balanced('rr', servers=2)", False),
        ("{'a': 75, 'b': 25} is highload.lvs.balanced('wrr', weights={'a': 3, 'b': 1})", True),
        ("{'a': 100} is highload.lvs.balanced('rr', weights={'a': 1, 'b': 1}, persistent=true)", True),
        ("{'a': 2, 'b': 2} | highload.lvs.imbalance('rr', servers=2)", []),
        ("['a', 'b', 'a'] is highload.lvs.alternating(2)", True),
        ("['a', 'b', 'b'] is highload.lvs.alternating(servers=2)", False),
    ],
)
def test_in_a_template(expression, expected):
    assert evaluate(expression) == expected


def test_a_server_that_never_answered_is_told(facts):
    assert evaluate("{'a': 102} | highload.lvs.imbalance('rr', servers=2)") == [
        "a (weight 1): expected 51 of 102, seen 102 (rr: exact)",
        "a server that never answered (1) (weight 1): expected 51 of 102, seen 0 (rr: exact)",
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("['a'] is highload.lvs.balanced('rr', servers=2)", "is neither counts by responder nor a service"),
        ("{'a': 1} is highload.lvs.balanced", "need a scheduler, and one of weights and servers"),
        ("{'a': 1} is highload.lvs.balanced('rr', servers=1, weights={'a': 1})", "one of weights and servers"),
        ("{'a': 1} is highload.lvs.balanced('rr', servers=0)", "servers 0 is not"),
        ("{'a': 1} is highload.lvs.balanced('quick', servers=1)", "scheduler 'quick' is not one of"),
        ("{'a': 'x'} is highload.lvs.balanced('rr', servers=1)", "lack what is needed"),
        ("{'servers': [{}]} is highload.lvs.balanced", "lack what is needed"),
        ("{} | highload.lvs.ipvs_difference({})", "these are not two results of ipvs_facts"),
    ],
)
def test_refusals(expression, message):
    with pytest.raises(AnsibleError, match=message):
        evaluate(expression)


def test_a_counter_that_went_back(facts):
    with pytest.raises(AnsibleError, match=r"connections of tcp 192.168.100.1:80 went back from 102 to 0"):
        evaluate(
            "before | highload.lvs.ipvs_difference(after)",
            before=facts("single-host-after-102-requests"),
            after=facts("single-host-idle"),
        )
