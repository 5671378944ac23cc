# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties that hold for any table, and parsers that survive any text."""

from __future__ import annotations

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.connections import parse_connections
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError, ParseError, ValidationError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.facts import GATHER, gather_from_texts
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.kernel import ApplyError, Kernel
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.listing import parse_listing
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.managed import Managed
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import VirtualService, servers_of, table_of
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.ownership import Purge, target_table
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.plan import State, make_plan
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.rules import parse_rules, render_table
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.settings import parse_daemons, parse_timeouts
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order
from ansible_collections.highload.lvs.tests.unit.conftest import CAPTURES
from ansible_collections.highload.lvs.tests.unit.fake_ipvs import FakeKernel, KernelError
from ansible_collections.highload.lvs.tests.unit.random_tables import DAEMONS, STATES, TABLES, same
from hypothesis import given
from hypothesis import strategies as st


def kernel_with(state):
    tool = FakeKernel()
    kernel = Kernel(tool, timeouts=True, daemons=True)
    kernel.change(kernel.read(), state)
    return tool, kernel


@given(TABLES)
def test_what_was_rendered_and_fed_to_ipvsadm_is_what_its_listings_say(table):
    tool = FakeKernel()
    tool.restore(render_table(table.values()))
    assert same(Kernel(tool, False, False).read()) == same(State(table))


@given(TABLES)
def test_what_was_rendered_is_parsed_back(table):
    parsed = parse_rules(render_table(table.values())).to_dicts()
    for service in parsed:
        for server in service["servers"]:
            server.setdefault("upper_threshold", 0)
            server.setdefault("lower_threshold", 0)
            if "tunnel" in server:
                server["tunnel"].setdefault("checksum", "disabled")
    assert table_of(map(VirtualService.from_dict, parsed)) == table


@given(TABLES)
def test_dictionaries_are_the_model(table):
    assert table_of(VirtualService.from_dict(service.to_dict()) for service in table.values()) == table


@given(TABLES)
def test_facts_are_valid_input(table):
    parameters = {"state": "present", "purge": "all", "keep_addresses": [], "drain": 0}
    data = [service.to_dict() for service in table.values()]
    assert read_order({**parameters, "services": data, "timeouts": None, "sync_daemons": None}).wanted == table


@given(TABLES, st.dictionaries(st.sampled_from(["tcp", "udp"]), st.integers(1, 99)), DAEMONS)
def test_what_is_remembered_is_read_back(table, timeouts, daemons):
    managed = Managed(table, timeouts, daemons)
    assert Managed.from_text(managed.to_text()) == managed


@given(STATES, STATES)
def test_the_plan_turns_any_state_into_any_other(before, after):
    _tool, kernel = kernel_with(before)
    assert same(kernel.read()) == same(before)
    kernel.change(kernel.read(), after)
    assert same(kernel.read()) == same(after)
    assert make_plan(kernel.read(), after) == []


@given(STATES, STATES)
def test_the_plan_touches_nothing_that_stays_the_same(before, after):
    changes = make_plan(before, after)
    for change in changes:
        old, new = before.services.get(change.service), after.services.get(change.service)
        if change.server is not None:
            assert servers_of(old).get(change.server) != servers_of(new).get(change.server)
        elif change.service is not None:
            assert (old and old.settings) != (new and new.settings)
    actions = [change.action for change in changes]
    assert actions == sorted(actions, key=["add", "edit", "delete"].index)


@given(STATES, STATES, st.integers(1, 12))
def test_a_fault_anywhere_is_undone(before, after, count):
    tool, kernel = kernel_with(before)
    tool.faults = {count: KernelError("fault")}
    try:
        state, _cut = kernel.converge(kernel.read(), after)
    except ApplyError as error:
        assert error.undone
        state = before
    assert same(kernel.read()) == same(state)


@given(TABLES, TABLES, TABLES, st.sampled_from(["none", "managed", "all"]))
def test_nothing_foreign_goes_unless_all_is_purged(current, wanted, managed, mode):
    target = target_table(current, wanted, Purge(mode, managed).may_go)
    for key, service in wanted.items():
        assert target[key].settings == service.settings
        assert servers_of(service).items() <= servers_of(target[key]).items()
    for key, service in current.items():
        gone = {server.key for server in service.servers} - servers_of(target.get(key)).keys()
        if mode == "none":
            assert not gone
        if mode == "managed":
            assert gone <= servers_of(managed.get(key)).keys()
            assert key in target or key in managed
    if mode == "all":
        assert target == wanted


LINES = sorted({line for path in CAPTURES.rglob("*.txt") for line in path.read_text().splitlines()})
WORDS = sorted({word for line in LINES for word in line.split()} | {"-1", "999999999999", "[::]:0", "(", "()", "->"})
TEXTS = st.one_of(
    st.text(),
    st.lists(st.sampled_from(LINES), max_size=12).map("\n".join),
    st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=9).map("\n".join),
    st.tuples(st.lists(st.sampled_from(LINES), max_size=9), st.integers(0, 400), st.text(max_size=3)).map(
        lambda drawn: "\n".join(drawn[0])[: drawn[1]] + drawn[2] + "\n".join(drawn[0])[drawn[1] :]
    ),
)


@given(TEXTS)
def test_parsers_return_a_result_or_quote_the_line(text):
    for parse in (
        parse_listing,
        parse_rules,
        parse_timeouts,
        parse_daemons,
        lambda text: list(parse_connections(text)),
    ):
        try:
            parse(text)
        except ParseError as error:
            assert error.line in text
            assert error.number == 0 or text.split("\n")[error.number - 1] == error.line


@given(st.lists(TEXTS, max_size=3))
def test_saved_texts_are_facts_or_an_error(texts):
    try:
        assert isinstance(gather_from_texts(texts, GATHER, []), dict)
    except IPVSError as error:
        assert str(error)


@given(TEXTS)
def test_a_remembered_text_is_read_or_refused(text):
    try:
        Managed.from_text(text)
    except IPVSError as error:
        assert "damaged" in str(error)


NAMES = st.sampled_from(
    [
        *("protocol", "address", "port", "fwmark", "family", "scheduler", "scheduler_flags", "persistence", "timeout"),
        *("netmask", "one_packet", "persistence_engine", "servers", "forward", "weight", "upper_threshold"),
        *("lower_threshold", "tunnel", "type", "checksum", "stats"),
    ]
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 70000),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["tcp", "fwmark", "10.0.0.1", "2001:db8::1", "rr", "sh", "tunnel", "gue", "80"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(NAMES, st.text(max_size=3)), inner, max_size=8)
    ),
    max_leaves=30,
)


@given(VALUES, VALUES, VALUES, st.sampled_from(["present", "absent"]))
def test_any_input_is_read_or_refused_with_a_place(data, timeouts, daemons, state):
    parameters = {"purge": "managed", "keep_addresses": [], "drain": 0, "timeouts": timeouts, "sync_daemons": daemons}
    try:
        order = read_order({**parameters, "services": data, "state": state})
    except ValidationError as error:
        assert all(one.startswith(("services", "timeouts", "sync_daemons")) for one in error.errors)
    else:
        tool = FakeKernel()
        tool.restore(render_table(order.wanted.values()))
