# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _system

UNITS = """\
Id=dnsmasq.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled

Id=nope.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
"""

LINKS = """[
{"ifname":"lo","flags":["LOOPBACK","UP"],"addr_info":[{"local":"127.0.0.1","prefixlen":8}]},{},
{"ifname":"dummy1","flags":["BROADCAST"],"linkinfo":{"info_kind":"dummy"},"addr_info":[{"local":"192.168.100.1","prefixlen":32}]}
]"""

# Printed by ss of iproute2 6.15 on Debian 13.
SOCKETS = """\
udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=1,fd=2))
udp UNCONN 0 0 [fe80::1]%vec0:546 [::]:* users:(("systemd-network",pid=1,fd=2))
tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=1,fd=2),("systemd",pid=1,fd=2))
tcp LISTEN 0 128 *:80 *:*

"""


def test_units():
    found = _system.parse_units(UNITS)
    assert found[0] == {
        "name": "dnsmasq.service",
        "load": "loaded",
        "active": "active",
        "sub": "running",
        "enabled": "enabled",
    }
    assert (found[1]["load"], found[1]["enabled"]) == ("not-found", "")
    assert _system.parse_units("\n") == []


def test_links():
    assert _system.parse_links(LINKS) == [
        {"name": "lo", "kind": "", "up": True, "mac": "", "addresses": ["127.0.0.1/8"]},
        {"name": "dummy1", "kind": "dummy", "up": False, "mac": "", "addresses": ["192.168.100.1/32"]},
    ]


def test_sockets():
    assert [tuple(one.values()) for one in _system.parse_sockets(SOCKETS)] == [
        ("udp", "127.0.0.53", 53, "systemd-resolve"),
        ("udp", "fe80::1", 546, "systemd-network"),
        ("tcp", "::", 22, "sshd"),
        ("tcp", "*", 80, ""),
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter"),
        ("net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"),
    ],
)
def test_sysctl_path(name, path):
    assert _system.sysctl_path(name) == Path("/proc/sys") / path


def test_sysctl_values():
    assert _system.read_sysctl("kernel.ostype") == "Linux"
    assert _system.read_sysctl("kernel.no_such_thing") is None


def write(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_modules(tmp_path):
    write(tmp_path, "proc/modules", "ip_vs_rr 16384 2 - Live 0x0\nip_vs 200704 4 ip_vs_rr, Live 0x0\n")
    write(tmp_path, f"lib/modules/{os.uname().release}/modules.builtin", "kernel/drivers/net/usb-net.ko\n")
    assert _system.loaded_modules(tmp_path) == {"ip_vs", "ip_vs_rr", "usb_net"}
    assert _system.loaded_modules(tmp_path / "nowhere") == set()


def test_modules_at_boot_where_one_file_hides_another(tmp_path):
    write(tmp_path, "etc/modules-load.d/a.conf", "# why\nip_vs\n\n; also\nip-vs-rr\n")
    write(tmp_path, "usr/lib/modules-load.d/a.conf", "hidden\n")
    write(tmp_path, "usr/lib/modules-load.d/b.conf", "loop\n")
    write(tmp_path, "etc/modules-load.d/c.txt", "other\n")
    assert _system.boot_modules(tmp_path) == ["ip_vs", "ip_vs_rr", "loop"]


def test_links_at_boot(tmp_path):
    write(tmp_path, "etc/systemd/network/10-a.netdev", "[NetDev]\nName = dummy1\nKind=dummy\n")
    write(tmp_path, "etc/systemd/network/10-b.network", "[Match]\nName=eth0\n")
    write(tmp_path, "etc/systemd/network/10-c.netdev", "[Other]\nName=not\n[NetDev]\nKind=dummy\nName=dummy2\n")
    units = "etc/systemd/system/multi-user.target.wants"
    write(tmp_path, f"{units}/highload-dummy_interface-lvs-3.service", "")
    write(tmp_path, f"{units}/highload-backend@of-no.service", "")
    write(tmp_path, f"{units}/highload-ipvs.service", "")
    assert _system.boot_links(tmp_path) == ["dummy1", "dummy2", "lvs-3"]


def test_os_name(tmp_path):
    write(tmp_path, "etc/os-release", 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
    assert _system.os_name(tmp_path) == "Debian GNU/Linux 13 (trixie)"
    assert _system.os_name(tmp_path / "nowhere") == ""


def test_absent_modules(tmp_path):
    folder = tmp_path / "lib/modules" / os.uname().release
    folder.mkdir(parents=True)
    assert _system.absent_modules(["ip_vs"], tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text("ip_vs 1 0 - Live 0x0\n")
    assert _system.absent_modules(["ip_vs"], tmp_path) == []
    (folder / "modules.dep").write_text(
        "kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: kernel/net/netfilter/ipvs/ip_vs.ko\n"
    )
    (folder / "modules.builtin").write_text("kernel/drivers/net/dummy.ko\n")
    assert _system.absent_modules(["ip_vs", "ip_vs_rr", "dummy", "ip_vs_sed"], tmp_path) == ["ip_vs_sed"]


def test_boot_sysctls(tmp_path):
    for name, text in {
        "usr/lib/sysctl.d/50-a.conf": "net.ipv4.ip_forward = 1\n",
        "etc/sysctl.d/99-z.conf": "# net.ipv4.ip_forward=2\n\n-net/ipv4/ip_forward=0\nnonsense\n",
        "etc/sysctl.d/50-b.conf": "net.ipv4.tcp_rmem = 1  2 3\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _system.boot_sysctls(["net.ipv4.ip_forward", "net.ipv4.tcp_rmem", "net.core.somaxconn"], tmp_path) == {
        "net.ipv4.ip_forward": [
            {"file": "/usr/lib/sysctl.d/50-a.conf", "value": "1"},
            {"file": "/etc/sysctl.d/99-z.conf", "value": "0"},
        ],
        "net.ipv4.tcp_rmem": [{"file": "/etc/sysctl.d/50-b.conf", "value": "1 2 3"}],
        "net.core.somaxconn": [],
    }
