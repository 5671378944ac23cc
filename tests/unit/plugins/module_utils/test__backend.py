# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _backend


def test_parse_settings() -> None:
    assert _backend.parse_settings("#\n# a=b\nA=1\nB=c=d\n\n") == {"A": "1", "B": "c=d"}


def test_parse_pids() -> None:
    text = "MainPID=12\nId=highload-backend@a.service\n\nMainPID=0\nId=highload-backend@b.service\n"
    assert _backend.parse_pids(text) == {"highload-backend@a.service": 12, "highload-backend@b.service": 0}
    assert _backend.parse_pids("") == {}


def test_parse_holders() -> None:
    text = (
        'LISTEN 0 5 0.0.0.0:8081 0.0.0.0:* users:(("nginx",pid=1,fd=3),("nginx: worker",pid=2,fd=3))\n'
        "LISTEN 0 5 127.0.0.1:8081 0.0.0.0:*\n"
    )
    assert _backend.parse_holders(text) == [(1, "nginx"), (2, "nginx: worker")]


@pytest.mark.parametrize(
    ("started", "current"),
    [(b"A=1\0B=2\0C=3\0", True), (b"A=1\0B=22\0", False), (b"A=1\0", False), (None, False)],
)
def test_runs_with(started: bytes | None, current: bool, tmp_path: Path) -> None:
    if started is not None:
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "environ").write_bytes(started)
    assert _backend.runs_with(7, {"A": "1", "B": "2"}, tmp_path) is current


@pytest.mark.parametrize(
    ("cgroup", "ours"),
    [
        ("0::/system.slice/system-highload\\x2dbackend.slice/highload-backend@blue.service\n", True),
        ("0::/system.slice/nginx.service\n", False),
        (None, False),
    ],
)
def test_is_backend(cgroup: str | None, ours: bool, tmp_path: Path) -> None:
    if cgroup is not None:
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "cgroup").write_text(cgroup)
    assert _backend.is_backend(7, tmp_path) is ours


def test_bind_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        assert [_backend.bind_error(one, port) for one in ("127.0.0.1", "0.0.0.0", "::")] == [errno.EADDRINUSE] * 3
        assert _backend.bind_error("127.0.0.2", port) == 0
    assert _backend.bind_error("127.0.0.1", port) == 0
    assert _backend.bind_error("192.0.2.1", port) == errno.EADDRNOTAVAIL
