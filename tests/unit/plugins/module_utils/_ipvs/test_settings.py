# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ParseError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.settings import (
    SyncDaemon,
    Timeouts,
    parse_daemons,
    parse_timeouts,
)

MASTER = "master sync daemon (mcast=vec0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
BACKUP = "backup sync daemon (mcast=eth0.1,x, syncid=0, group=ff02::81, port=1, ttl=255)\n"


def test_captured_settings(capture):
    assert parse_timeouts(capture("every-feature/timeout")) == Timeouts(900, 120, 300)
    assert parse_daemons(capture("every-feature/daemon")) == [SyncDaemon("master", "vec0", 7, maxlen=1472)]
    assert parse_daemons(capture("empty/daemon")) == []


def test_both_daemons():
    assert parse_daemons(MASTER + BACKUP) == [
        SyncDaemon("master", "vec0", 7, "224.0.0.81", 8848, 1, 1472),
        SyncDaemon("backup", "eth0.1,x", 0, "ff02::81", 1, 255, 0),
    ]


def test_a_daemon_of_an_old_kernel():
    assert parse_daemons("master sync daemon (mcast=eth0, syncid=1)\n") == [SyncDaemon("master", "eth0", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Timeout (tcp tcpfin udp): 900 120\n",
        "Timeout (tcp tcpfin udp): 900 120 300 5\n",
        "Timeout (tcp tcpfin udp): 900 120 -1\n",
        "Timeout (tcp tcpfin udp): 900 120 300\nTimeout (tcp tcpfin udp): 900 120 300\n",
    ],
)
def test_what_is_no_timeouts(text):
    with pytest.raises(ParseError):
        parse_timeouts(text)


@pytest.mark.parametrize(
    "text",
    [
        "slave sync daemon (mcast=vec0, syncid=7)\n",
        "master sync daemon (mcast=vec0)\n",
        "master sync daemon (mcast=vec0, syncid=7, colour=red)\n",
        "master sync daemon (mcast=vec0, syncid=7, group=1.2.3)\n",
    ],
)
def test_what_is_no_daemon(text):
    with pytest.raises(ParseError) as caught:
        parse_daemons(MASTER + text)
    assert (caught.value.line, caught.value.number) == (text.strip(), 2)
