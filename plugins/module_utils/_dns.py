# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages as RFC 1035 (section 4) lays them out: write a question, read an answer."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
CLASSES = {"IN": 1, "CH": 3}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
FLAGS = {"AA": 0x0400, "TC": 0x0200, "RD": 0x0100, "RA": 0x0080, "AD": 0x0020, "CD": 0x0010}

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!2H")
_RECORD = struct.Struct("!2HIH")
_RESPONSE = 0x8000
_LABEL_MAX = 63
_NAME_MAX = 255


class DnsError(Exception):
    """A name that cannot be asked for or a message that cannot be read; the text says what is wrong with it."""


@dataclass(frozen=True)
class Question:
    """What is asked: a name without its closing dot (the root is "."), a type and a class."""

    name: str
    type: str = "A"
    klass: str = "IN"


@dataclass(frozen=True)
class Record:
    """One resource record, ttl in seconds; data as in a zone file, the bytes of unknown types in hexadecimal."""

    name: str
    type: str
    ttl: int
    data: str


@dataclass(frozen=True)
class Answer:
    """What a server said: the name of the status, the names of the flags that are set, the answer section in order."""

    rcode: str
    flags: tuple[str, ...]
    records: tuple[Record, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses in the order in which the server gave them."""
        return tuple(record.data for record in self.records if record.type in ("A", "AAAA"))


def parse_question(text: str) -> Question:
    """Read a question in the form NAME [TYPE [CLASS]]; raise DnsError for one that cannot be asked."""
    words = text.split()
    if not 1 <= len(words) <= 3:
        raise DnsError(f"question {text!r} is not of the form NAME [TYPE [CLASS]]")
    question = Question(words[0], *(word.upper() for word in words[1:]))
    if question.type not in TYPES:
        raise DnsError(f"question {text!r} asks for type {question.type}: use one of {', '.join(TYPES)}")
    if question.klass not in CLASSES:
        raise DnsError(f"question {text!r} asks for class {question.klass}: use one of {', '.join(CLASSES)}")
    encode_name(question.name)
    return question


def encode_name(name: str) -> bytes:
    """Return a name as labels; raise DnsError where DNS cannot hold it."""
    stripped = name[:-1] if name.endswith(".") else name
    if not stripped:
        return b"\0"
    try:
        labels = [label.encode("ascii") for label in stripped.split(".")]
    except UnicodeEncodeError as error:
        raise DnsError(f"name {name!r} is not ASCII: write it in its xn-- form") from error
    if any(not 1 <= len(label) <= _LABEL_MAX for label in labels):
        raise DnsError(f"name {name!r} has a part that is empty or over {_LABEL_MAX} letters")
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(encoded) > _NAME_MAX:
        raise DnsError(f"name {name!r} is over {_NAME_MAX} bytes")
    return encoded


def encode_query(question: Question, ident: int) -> bytes:
    """Return the message that asks this question, wants recursion and to be told of DNSSEC; ident is 0 to 65535.

    AD in a question asks for AD in the answer where the server found its signatures right (RFC 6840 section 5.7).
    """
    header = _HEADER.pack(ident, FLAGS["RD"] | FLAGS["AD"], 1, 0, 0, 0)
    return header + encode_name(question.name) + _QUESTION.pack(TYPES[question.type], CLASSES[question.klass])


def decode_answer(message: bytes, question: Question, ident: int) -> Answer:
    """Read the message that answers this question; raise DnsError where it is another one's or broken."""
    try:
        return _decode(message, question, ident)
    except (struct.error, IndexError) as error:
        raise DnsError(f"the answer of {len(message)} bytes ends too early") from error


def _decode(message: bytes, question: Question, ident: int) -> Answer:
    seen, bits, questions, answers, _authority, _additional = _HEADER.unpack_from(message)
    if seen != ident or not bits & _RESPONSE:
        raise DnsError("the message is not the answer to this question")
    offset = _HEADER.size
    for _question in range(questions):
        name, offset = _read_name(message, offset)
        kind, klass = _QUESTION.unpack_from(message, offset)
        offset += _QUESTION.size
        asked = (question.name.rstrip(".").lower() or ".", TYPES[question.type], CLASSES[question.klass])
        if (name.lower(), kind, klass) != asked:
            raise DnsError(f"the answer is to a question about {name}, not {question.name}")
    records = []
    for _answer in range(answers):
        record, offset = _read_record(message, offset)
        records.append(record)
    code = bits & 0x000F
    return Answer(
        rcode=RCODES[code] if code < len(RCODES) else f"RCODE{code}",
        flags=tuple(name for name, bit in FLAGS.items() if bits & bit),
        records=tuple(records),
    )


def _read_name(message: bytes, offset: int) -> tuple[str, int]:
    """Return the name at this offset and the offset after it.

    A pointer (RFC 1035 section 4.1.4) may only lead to before the place that the last one led to: no loop does.
    """
    labels: list[str] = []
    after = None
    limit = offset
    size = 1
    while True:
        length = message[offset]
        if length & 0xC0 == 0xC0:
            target = struct.unpack_from("!H", message, offset)[0] & 0x3FFF
            if after is None:
                after = offset + 2
            if target >= limit:
                raise DnsError(f"a name's pointer at byte {offset} does not lead backwards")
            offset = limit = target
            continue
        if length & 0xC0:
            raise DnsError(f"a name's part at byte {offset} is of a kind that DNS does not have")
        offset += 1
        if length == 0:
            break
        label = message[offset : offset + length]
        if len(label) < length:
            raise IndexError
        size += length + 1
        if size > _NAME_MAX:
            raise DnsError(f"a name is over {_NAME_MAX} bytes")
        labels.append(_printable(label).replace(".", "\\."))
        offset += length
    return ".".join(labels) or ".", after if after is not None else offset


def _printable(raw: bytes) -> str:
    return "".join(chr(byte) if 0x20 < byte < 0x7F else f"\\{byte:03d}" for byte in raw)


def _read_record(message: bytes, offset: int) -> tuple[Record, int]:
    name, offset = _read_name(message, offset)
    number, _klass, ttl, length = _RECORD.unpack_from(message, offset)
    offset += _RECORD.size
    end = offset + length
    if end > len(message):
        raise IndexError
    kind = next((word for word, value in TYPES.items() if value == number), f"TYPE{number}")
    return Record(name, kind, ttl, _read_data(kind, message, offset, end)), end


def _read_data(kind: str, message: bytes, offset: int, end: int) -> str:
    raw = message[offset:end]
    if kind in ("A", "AAAA"):
        if len(raw) != (4 if kind == "A" else 16):
            raise DnsError(f"a record of type {kind} has {len(raw)} bytes")
        return str(ipaddress.ip_address(raw))
    if kind in ("NS", "CNAME", "PTR"):
        return _read_name(message, offset)[0]
    if kind == "MX":
        return f"{struct.unpack_from('!H', message, offset)[0]} {_read_name(message, offset + 2)[0]}"
    if kind == "TXT":
        return _read_text(raw)
    return raw.hex()


def _read_text(raw: bytes) -> str:
    """Join the strings of a TXT record, each of which starts with its length."""
    parts = []
    while raw:
        length, raw = raw[0], raw[1:]
        if length > len(raw):
            raise IndexError
        parts.append(raw[:length].decode(errors="backslashreplace"))
        raw = raw[length:]
    return " ".join(parts)
