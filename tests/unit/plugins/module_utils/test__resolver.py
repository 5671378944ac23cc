# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _resolver
from ansible_collections.highload.lvs.plugins.module_utils._resolver import MARK, Memory, ResolvConf, ResolverError

STUB = "# comment\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_resolver, "RESOLV_CONF", tmp_path / "resolv.conf")
    monkeypatch.setattr(_resolver, "MEMORY", tmp_path / "state" / "resolv_conf.json")
    return tmp_path


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((STUB,), []),
        (("nameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver ::1\n",), ["192.0.2.1"]),
        (("", "nameserver 192.0.2.2\n"), ["192.0.2.2"]),
        (("nameserver 192.0.2.1\n", "nameserver 192.0.2.2\n"), ["192.0.2.1"]),
        (("#nameserver 192.0.2.1\nnameserver\n nameserver fe80::1%eth0\n",), ["fe80::1%eth0"]),
    ],
)
def test_upstreams(texts: tuple[str, ...], expected: list[str]) -> None:
    assert _resolver.upstreams(*texts) == expected


def test_render_keeps_the_domains_to_search() -> None:
    assert _resolver.render(["127.0.0.1"], STUB) == f"{MARK}\nnameserver 127.0.0.1\nsearch example.org\n"


def test_render_drops_a_search_that_means_nothing() -> None:
    assert _resolver.render(["127.0.0.1"], "search .\n") == f"{MARK}\nnameserver 127.0.0.1\n"


def test_render_is_stable() -> None:
    once = _resolver.render(["127.0.0.1"], STUB)
    assert _resolver.render(["127.0.0.1"], once) == once


def test_parse_ss() -> None:
    text = (
        'udp UNCONN 0      0      127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=806,fd=17))\n'
        'tcp LISTEN 0      32              [::]:53    [::]:* users:(("named",pid=1,fd=5),("named",pid=1,fd=6))\n'
        "tcp LISTEN 0      32         127.0.0.1:53 0.0.0.0:*\n\n"
    )
    assert _resolver.parse_ss(text) == [
        {"protocol": "udp", "address": "127.0.0.53%lo", "process": "systemd-resolve"},
        {"protocol": "tcp", "address": "::", "process": "named"},
        {"protocol": "tcp", "address": "127.0.0.1", "process": ""},
    ]


@pytest.mark.parametrize(
    "before",
    [ResolvConf("../run/stub-resolv.conf", None), ResolvConf(None, STUB), ResolvConf(None, None)],
    ids=["link", "file", "nothing"],
)
def test_there_and_back(elsewhere: Path, before: ResolvConf) -> None:
    if before != ResolvConf(None, None):
        _resolver.put(before)
    assert _resolver.look() == before
    ours = ResolvConf(None, _resolver.render(["127.0.0.1"], ""))
    _resolver.put(ours)
    assert _resolver.look() == ours
    assert ours.ours
    _resolver.put(before)
    assert _resolver.look() == before
    assert [path.name for path in elsewhere.iterdir()] in ([], ["resolv.conf"])


def test_a_mount_point_is_written_in_place(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = elsewhere / "resolv.conf"
    target.write_text("old\n")

    def busy(*_names: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    _resolver.replace(target, "new\n")
    assert target.read_text() == "new\n"
    assert list(elsewhere.iterdir()) == [target]


def test_memory_there_and_back(elsewhere: Path) -> None:
    memory = Memory("../stub", None, ["192.0.2.1"], resolved_enabled=True, resolved_active=False)
    assert _resolver.recall() is None
    _resolver.remember(memory)
    assert _resolver.recall() == memory
    _resolver.forget()
    assert _resolver.recall() is None
    assert not (elsewhere / "state").exists()


def test_forget_leaves_what_others_keep(elsewhere: Path) -> None:
    _resolver.remember(Memory(None, None, [], resolved_enabled=False, resolved_active=False))
    other = elsewhere / "state" / "ipvs.json"
    other.write_text("{}")
    _resolver.forget()
    assert other.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"link": null}'])
def test_a_broken_memory_is_an_error(text: str) -> None:
    _resolver.MEMORY.parent.mkdir()
    _resolver.MEMORY.write_text(text)
    with pytest.raises(ResolverError, match="cannot be read"):
        _resolver.recall()


def test_a_mount_point_is_never_empty(elsewhere: Path) -> None:
    target = elsewhere / "resolv.conf"
    target.write_text("a longer text than the new one\n")
    _resolver.write_in_place(target, b"new\n")
    assert target.read_text() == "new\n"
    _resolver.write_in_place(target, b"a longer one again\n")
    assert target.read_text() == "a longer one again\n"


def test_routes() -> None:
    assert _resolver.routes_text(["a.example", "b.example"]).splitlines()[-2:] == [
        "DNS=127.0.0.1",
        "Domains=~a.example ~b.example",
    ]


@pytest.fixture
def levers(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two programs that write resolv.conf: one with a folder for files of others, one with a file of its own."""
    folder = elsewhere / "conf.d"
    own = elsewhere / "own.conf"
    both = (
        _resolver.Lever(folder, folder / "zz-ours", "dns=none\n"),
        _resolver.Lever(own, own, "nohook # ours\n"),
    )
    monkeypatch.setattr(_resolver, "LEVERS", both)
    return elsewhere


def test_levers_of_programs_that_are_not_there_are_left_alone(levers: Path) -> None:
    assert _resolver.levers_to_move(pulled=True) == []


@pytest.mark.parametrize("text", ["", "option a\n", "option a"])
def test_levers_there_and_back(levers: Path, text: str) -> None:
    folder, own = levers / "conf.d", levers / "own.conf"
    folder.mkdir()
    own.write_text(text)
    assert _resolver.levers_to_move(pulled=False) == []
    for lever in _resolver.levers_to_move(pulled=True):
        _resolver.move(lever, pulled=True)
    assert (folder / "zz-ours").read_text().endswith("dns=none\n")
    assert own.read_text().splitlines() == [*text.splitlines(), "nohook # ours"]
    assert _resolver.levers_to_move(pulled=True) == []
    for lever in _resolver.levers_to_move(pulled=False):
        _resolver.move(lever, pulled=False)
    assert list(folder.iterdir()) == []
    assert own.read_text().splitlines() == text.splitlines()
