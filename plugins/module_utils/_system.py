# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what systemd, the kernel and its tools say of a host into plain data."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

UNIT_PROPERTIES = {
    "Id": "name",
    "LoadState": "load",
    "ActiveState": "active",
    "SubState": "sub",
    "UnitFileState": "enabled",
}

# modules-load.d(5) and systemd.netdev(5): a file hides those of the same name in the folders after its own.
_FOLDERS = ("/etc", "/run", "/usr/lib")


def parse_units(text: str) -> list[dict[str, str]]:
    """Read `systemctl show` of several units with ``UNIT_PROPERTIES``: one block a unit, in the order asked."""
    units = []
    for block in text.strip().split("\n\n") if text.strip() else []:
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        units.append({name: values.get(key, "") for key, name in UNIT_PROPERTIES.items()})
    return units


def parse_links(text: str) -> list[dict[str, Any]]:
    """Read `ip -json -details address show`: name, kind (empty for a device), up, addresses with prefix lengths.

    The MAC address is empty where the link is not Ethernet.
    """
    return [
        {
            "name": link["ifname"],
            "kind": link.get("linkinfo", {}).get("info_kind", ""),
            "up": "UP" in link.get("flags", ()),
            "mac": link.get("address", "") if link.get("link_type") == "ether" else "",
            "addresses": [f"{one['local']}/{one['prefixlen']}" for one in link.get("addr_info", ()) if "local" in one],
        }
        for link in json.loads(text)
        if "ifname" in link  # ip leaves an empty object for each link that a filter dropped
    ]


def parse_sockets(text: str) -> list[dict[str, Any]]:
    """Read `ss -H -lntup`: protocol, address (``*`` for every one), port, process (empty where not told)."""
    sockets = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 6:
            continue
        address, _colon, port = words[4].rpartition(":")
        process = re.search(r'users:\(\("([^"]+)"', line)
        sockets.append(
            {
                "protocol": words[0],
                "address": re.sub(r"%[^\]]*", "", address).strip("[]"),
                "port": int(port) if port.isdigit() else 0,
                "process": process.group(1) if process else "",
            }
        )
    return sockets


def sysctl_path(name: str) -> Path:
    """Return the file of a sysctl; slash and dot change places, as in sysctl.d(5), unless slashes come first."""
    separator = re.search(r"[./]", name)
    if separator and separator.group() == ".":
        name = name.translate({ord("."): "/", ord("/"): "."})
    return Path("/proc/sys") / name


def read_sysctl(name: str) -> str | None:
    """Return a sysctl's value with single blanks, None where the kernel has none of that name."""
    try:
        return " ".join(sysctl_path(name).read_text().split())
    except (OSError, ValueError):
        return None


def loaded_modules(root: Path = Path("/")) -> set[str]:
    """Return the kernel modules that are loaded, or built into the kernel that runs."""
    names = {line.split()[0] for line in _lines(root / "proc/modules") if line.split()}
    builtin = root / "lib/modules" / os.uname().release / "modules.builtin"
    return names | {Path(line).name.split(".")[0].replace("-", "_") for line in _lines(builtin)}


def absent_modules(names: Iterable[str], root: Path = Path("/")) -> list[str] | None:
    """Return those kernel modules that are neither there nor could be loaded, None where that cannot be seen.

    In a container the folder of the kernel's modules is missing as a rule.
    """
    index = root / "lib/modules" / os.uname().release / "modules.dep"
    known = {Path(line.partition(":")[0]).name.split(".")[0].replace("-", "_") for line in _lines(index)}
    there = loaded_modules(root)
    absent = [name for name in names if name.replace("-", "_") not in known | there]
    return absent if known or not absent else None


def boot_sysctls(names: Iterable[str], root: Path = Path("/")) -> dict[str, list[dict[str, str]]]:
    """Return what systemd-sysctl sets these sysctls to at boot, in the order in which it does: the last one counts.

    See sysctl.d(5). A pattern of several sysctls is passed over.
    """
    found: dict[str, list[dict[str, str]]] = {name: [] for name in names}
    places = {sysctl_path(name): name for name in found}
    for path in _effective(root, "sysctl.d", "*.conf"):
        for line in map(str.strip, _lines(path)):
            key, equals, value = line.partition("=")
            name = places.get(sysctl_path(key.strip().lstrip("-"))) if equals and line[0] not in "#;" else None
            if name is not None:
                found[name].append({"file": f"/{path.relative_to(root)}", "value": " ".join(value.split())})
    return found


def boot_modules(root: Path = Path("/")) -> list[str]:
    """Return the kernel modules that systemd loads at boot."""
    lines = (line.strip() for path in _effective(root, "modules-load.d", "*.conf") for line in _lines(path))
    return sorted({line.replace("-", "_") for line in lines if line and line[0] not in "#;"})


def boot_links(root: Path = Path("/")) -> list[str]:
    """Return the interfaces that systemd-networkd makes at boot, and those that units of the module vip_links make."""
    wanted = (root / "etc/systemd/system/multi-user.target.wants").glob("highload-*.service")
    units = (re.fullmatch(r"highload-[a-z_]+-(.+)[.]service", path.name) for path in wanted)
    names = {unit.group(1) for unit in units if unit}
    for path in _effective(root, "systemd/network", "*.netdev"):
        section = ""
        for line in map(str.strip, _lines(path)):
            section = line if line.startswith("[") else section
            if section == "[NetDev]" and re.match(r"Name\s*=", line):
                names.add(line.split("=", 1)[1].strip())
    return sorted(names)


def _effective(root: Path, folder: str, pattern: str) -> Iterable[Path]:
    """Return the files of a folder of systemd's that are not hidden by others."""
    chosen: dict[str, Path] = {}
    for base in _FOLDERS:
        for path in sorted((root / base.strip("/") / folder).glob(pattern)):
            chosen.setdefault(path.name, path)
    return [chosen[name] for name in sorted(chosen)]


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace").splitlines()
    return []


def os_name(root: Path = Path("/")) -> str:
    """Return the name of the distribution, from os-release(5)."""
    for line in _lines(root / "etc/os-release"):
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip("\"'")
    return ""
