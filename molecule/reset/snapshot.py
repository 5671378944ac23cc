#!/usr/bin/env python3
"""Print what can be told apart about a host, as sorted JSON: two hosts that print the same are the same.

Usage: snapshot.py > FILE, and snapshot.py BEFORE AFTER prints the differences, one a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDERS = ("/etc", "/usr/local", "/srv", "/opt", "/root", "/run", "/var/lib", "/var/spool")
# What changes by itself, or whenever anybody logs in, uses apt or restarts; each of them is somebody else's memory.
PASSED_OVER = (
    "/etc/.pwd.lock",
    "/etc/ld.so.cache",  # rebuilt by apt
    "/etc/machine-id",
    "/root/.ansible",
    "/run/blkid",
    "/run/credentials",
    "/run/cryptsetup",
    "/run/dbus",
    "/run/initctl",
    "/run/lock",
    "/run/log",
    "/run/sshd",
    "/run/systemd",  # but for the resolver's files, below
    "/run/udev",
    "/run/user",
    "/run/utmp",
    "/var/lib/apt",  # lists and the log of what was installed
    "/var/lib/dpkg",  # packages are compared by name, below
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/timers",
    "/var/lib/systemd/timesync",
)
STILL = ("/run/systemd/resolve", "/run/systemd/system", "/run/systemd/network")
# Counters and clocks among the sysctls.
MOVING_SYSCTLS = (
    "dev.",
    "fs.",
    "kernel.ns_last_pid",
    "kernel.pty.nr",
    "kernel.random.",
    "net.netfilter.nf_conntrack_count",
)


def run(*command: str) -> str:
    """Return what a command prints, whatever its status."""
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def files() -> dict[str, str]:
    """Return type, mode, owner and a hash of the content of every file."""
    found = {}
    for top in (*FOLDERS, *STILL):
        for folder, folders, names in os.walk(top):
            folders[:] = [one for one in folders if not is_passed_over(f"{folder}/{one}", top)]
            for name in (*folders, *names):
                path = f"{folder}/{name}"
                if not is_passed_over(path, top):
                    found[path] = describe(Path(path))
    return found


def is_passed_over(path: str, top: str) -> bool:
    """Tell whether the file says nothing."""
    return top not in STILL and path.startswith(PASSED_OVER)


def describe(path: Path) -> str:
    """Return what makes a file what it is, its times apart."""
    try:
        status = path.lstat()
        content = ""
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except FileNotFoundError:  # gone in between
        return "gone"
    return f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid} {content}".rstrip()


def sysctls() -> dict[str, str]:
    """Return the value of every sysctl that stands still."""
    pairs = (line.partition(" = ") for line in run("/sbin/sysctl", "--all").splitlines())
    return {name: value for name, _equals, value in pairs if not name.startswith(MOVING_SYSCTLS)}


def units() -> dict[str, str]:
    """Return how every unit file is enabled and every unit of a lasting kind is loaded and active."""
    kinds = "--type=service,socket,timer,path,mount,target"
    enabled = run("systemctl", "list-unit-files", kinds, "--no-legend", "--plain")
    running = run("systemctl", "list-units", kinds, "--all", "--no-legend", "--plain")
    found = {f"{words[0]} file": words[1] for words in map(str.split, enabled.splitlines())}
    for words in map(str.split, running.splitlines()):
        # Those that run when something happens: a login, a timer, a device.
        if not words[0].startswith(
            ("user@", "user-runtime-dir@", "run-", "sys-", "dev-", "apt-daily", "dpkg-db", "ssh@", "sshd@")
        ):
            found[f"{words[0]} unit"] = " ".join(words[1:4])
    return found


def links() -> dict[str, Any]:
    """Return every link with its addresses, without counters and times."""
    found: dict[str, Any] = {}
    for link in json.loads(run("ip", "-json", "-details", "address", "show")):
        addresses = [f"{one['local']}/{one['prefixlen']} {one['scope']}" for one in link.get("addr_info", [])]
        kind = link.get("linkinfo", {}).get("info_kind", "")
        found[link["ifname"]] = " ".join([kind, link["operstate"], str(link["mtu"]), *sorted(addresses)])
    for family in ("-4", "-6"):
        routes = run("ip", family, "route", "show", "table", "all")
        found[f"routes {family}"] = sorted(line.split(" expires ")[0].strip() for line in routes.splitlines())
    return found


def sockets() -> list[str]:
    """Return who listens where."""
    lines = (line.split() for line in run("ss", "-H", "-lntup").splitlines())
    names = (f"{words[0]} {words[4]} {words[6].split(',')[0] if len(words) > 6 else ''}" for words in lines)
    return sorted(set(names))


def lines_of(path: str) -> list[str]:
    """Return the lines of a file, none where there is no file."""
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def snapshot() -> dict[str, Any]:
    """Return all of it."""
    listening = sockets()  # first, since ss loads kernel modules
    return {
        "files": files(),
        "ipvs": lines_of("/proc/net/ip_vs"),
        "links": links(),
        "modules": sorted(line.split()[0] for line in lines_of("/proc/modules")),
        "packages": sorted(run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package}\n").splitlines()),
        "sockets": listening,
        "sysctls": sysctls(),
        "units": units(),
        "users": sorted(lines_of("/etc/passwd") + lines_of("/etc/group")),
    }


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield a line for everything that is not the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from differences(before.get(key), after.get(key), f"{place}{key}: ")
    elif isinstance(before, list) and isinstance(after, list):
        yield from (f"{place}gone: {line}" for line in before if line not in after)
        yield from (f"{place}new: {line}" for line in after if line not in before)
    elif before != after:
        yield f"{place}was {before}, is {after}"


def main() -> None:
    """Print a snapshot, or the differences of two."""
    if len(sys.argv) == 3:
        print("\n".join(differences(*(json.loads(Path(name).read_text()) for name in sys.argv[1:]))))
    else:
        print(json.dumps(snapshot(), indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
