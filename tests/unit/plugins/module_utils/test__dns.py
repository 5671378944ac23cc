# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import struct

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._dns import (
    Answer,
    DnsError,
    Question,
    Record,
    decode_answer,
    encode_name,
    encode_query,
    parse_question,
)
from hypothesis import given
from hypothesis import strategies as st

IDENT = 0x1234
QUESTION = Question("a.example")
# The name of the question stands at byte 12, right after the header.
POINTER = b"\xc0\x0c"


def message(*records: bytes, bits: int = 0x8180, question: Question = QUESTION, answers: int | None = None) -> bytes:
    count = len(records) if answers is None else answers
    header = struct.pack("!6H", IDENT, bits, 1, count, 0, 0)
    return header + encode_query(question, IDENT)[12:] + b"".join(records)


def record(data: bytes, number: int = 1, name: bytes = POINTER, ttl: int = 60) -> bytes:
    return name + struct.pack("!2HIH", number, 1, ttl, len(data)) + data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.example", Question("a.example", "A", "IN")),
        ("a.example aaaa", Question("a.example", "AAAA", "IN")),
        ("servers.bind TXT ch", Question("servers.bind", "TXT", "CH")),
        (". NS", Question(".", "NS", "IN")),
    ],
)
def test_parse_question(text: str, expected: Question) -> None:
    assert parse_question(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not of the form"),
        ("a b c d", "not of the form"),
        ("a.example AXFR", "type AXFR"),
        ("a.example A HS", "class HS"),
        ("a..example", "empty"),
        (f"{'x' * 64}.example", "over 63"),
        (".".join(["x" * 60] * 5), "over 255"),
        ("münchen.example", "xn--"),
    ],
)
def test_parse_question_refuses(text: str, words: str) -> None:
    with pytest.raises(DnsError, match=words):
        parse_question(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [(".", b"\0"), ("", b"\0"), ("a.bc", b"\1a\2bc\0"), ("a.bc.", b"\1a\2bc\0")],
)
def test_encode_name(name: str, expected: bytes) -> None:
    assert encode_name(name) == expected


def test_query_asks_for_recursion_and_for_what_dnssec_says() -> None:
    assert encode_query(Question("a.b", "TXT", "CH"), 7) == (
        b"\x00\x07\x01\x20\x00\x01\x00\x00\x00\x00\x00\x00" + b"\1a\1b\0" + b"\x00\x10\x00\x03"
    )


def test_addresses_keep_their_order() -> None:
    answer = decode_answer(message(record(b"\x7f\0\0\2"), record(b"\x7f\0\0\1")), QUESTION, IDENT)
    assert answer.addresses == ("127.0.0.2", "127.0.0.1")
    assert answer.rcode == "NOERROR"
    assert answer.flags == ("RD", "RA")


@pytest.mark.parametrize(
    ("number", "data", "kind", "text"),
    [
        (28, b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\1", "AAAA", "2001:db8::1"),
        (5, b"\1b" + b"\xc0\x0e", "CNAME", "b.example"),
        (15, b"\0\x0a" + POINTER, "MX", "10 a.example"),
        (16, b"\x0d8.8.8.8#53 7 0\x00"[:14], "TXT", "8.8.8.8#53 7 "),
        (16, b"\1a\2bc", "TXT", "a bc"),
        (99, b"\xde\xad", "TYPE99", "dead"),
    ],
)
def test_records(number: int, data: bytes, kind: str, text: str) -> None:
    answer = decode_answer(message(record(data, number)), QUESTION, IDENT)
    assert answer.records == (Record("a.example", kind, 60, text),)


@pytest.mark.parametrize(("bits", "rcode"), [(0x8182, "SERVFAIL"), (0x8183, "NXDOMAIN"), (0x818F, "RCODE15")])
def test_status(bits: int, rcode: str) -> None:
    assert decode_answer(message(bits=bits), QUESTION, IDENT).rcode == rcode


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "too early"),
        (message(record(b"\x7f\0\0\1"))[:-1], "too early"),
        (message(answers=1), "too early"),
        (message(record(b"\x7f\0\0")), "3 bytes"),
        (message(record(b"\x05ab", 16)), "too early"),
        # The first record's name stands at byte 27: it points to itself, forward, and to and fro.
        (message(record(b"", name=b"\xc0\x1b")), "backwards"),
        (message(record(b"", name=b"\xc0\x40")), "backwards"),
        (message(record(b"", name=b"\1x\xc0\x1b")), "backwards"),
        (message(record(b"", name=b"\x80\0")), "kind"),
        (message(record(b"", name=b"\x3f" + b"x" * 10)), "too early"),
        (message(bits=0x0100), "not the answer"),
        (message(question=Question("b.example")), "about b.example"),
        (message(question=Question("a.example", "AAAA")), "about a.example"),
        (b"\0\1" + message()[2:], "not the answer"),
    ],
)
def test_hostile_messages(raw: bytes, words: str) -> None:
    with pytest.raises(DnsError, match=words):
        decode_answer(raw, QUESTION, IDENT)


def test_a_chain_of_pointers_cannot_make_a_name_too_long() -> None:
    labels = b"".join(b"\x3f" + b"x" * 63 for _label in range(5)) + b"\0"
    with pytest.raises(DnsError, match="over 255"):
        decode_answer(message(record(b"", name=labels)), QUESTION, IDENT)


def test_a_label_cannot_forge_a_dot_or_a_terminal_sequence() -> None:
    answer = decode_answer(message(record(b"\x7f\0\0\1", name=b"\4a.\x1bb\0")), QUESTION, IDENT)
    assert answer.records[0].name == r"a\.\027b"


def test_the_question_is_compared_without_case() -> None:
    assert decode_answer(message(question=Question("A.Example")), QUESTION, IDENT) == Answer(
        "NOERROR", ("RD", "RA"), ()
    )


@given(st.binary(max_size=600))
def test_any_bytes_give_an_answer_or_the_typed_error(tail: bytes) -> None:
    for raw in (tail, message(answers=3) + tail):
        with contextlib.suppress(DnsError):
            decode_answer(raw, QUESTION, IDENT)


@given(st.integers(0, 200), st.integers(0, 255))
def test_one_changed_byte_gives_an_answer_or_the_typed_error(place: int, value: int) -> None:
    raw = bytearray(message(record(b"\1b" + POINTER, 5), record(b"\0\x0a\1m" + POINTER, 15), record(b"\1a\2bc", 16)))
    raw[place % len(raw)] = value
    with contextlib.suppress(DnsError):
        decode_answer(bytes(raw), QUESTION, IDENT)
