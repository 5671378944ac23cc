# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who resolves names on this host: /etc/resolv.conf, systemd-resolved and the holders of port 53."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.files import replace_file

RESOLV_CONF = Path("/etc/resolv.conf")
# The file in which systemd-resolved lists the servers that it asks itself (systemd-resolved.service(8)).
RESOLVED_UPSTREAMS = Path("/run/systemd/resolve/resolv.conf")
RESOLVED_LINK = "../run/systemd/resolve/stub-resolv.conf"
MEMORY = Path("/var/lib/highload-lvs/resolv_conf.json")
# Read after all others of its folder, so that its servers are the ones (resolved.conf(5)).
ROUTES = Path("/etc/systemd/resolved.conf.d/zz-highload-lvs.conf")
OWN_ADDRESS = "127.0.0.1"
# While this is there, a starting systemd-resolved takes no servers from /etc/resolv.conf: it has one, and drops it at
# once, as that is itself. It would keep 127.0.0.1 when its link is back.
BLINKERS = Path("/run/systemd/resolved.conf.d/highload-lvs.conf")
BLINKERS_TEXT = "[Resolve]\nDNS=127.0.0.53\n"
ROUTES_MARK = "# Written by highload.lvs."
MARK = "# Written by highload.lvs: the servers before it are kept in the state folder of the collection."


class ResolverError(Exception):
    """A resolver that cannot be read or changed; the text says what to do."""


@dataclass(frozen=True)
class Lever:
    """How to keep a program from writing /etc/resolv.conf: a file of ours, or a line added to one of the program's own.

    ``sign`` is there where the program is. ``unit`` reads the file again on reload.
    """

    sign: Path
    path: Path
    text: str
    unit: str = ""


# NetworkManager.conf(5), dhclient-script(8), dhcpcd-run-hooks(8), resolvconf.conf(5) of openresolv. Debian's own
# resolvconf needs none: it writes to /run, and leaves a /etc/resolv.conf that is not its link alone.
LEVERS = (
    Lever(
        Path("/etc/NetworkManager"),
        Path("/etc/NetworkManager/conf.d/zz-highload-lvs.conf"),
        "[main]\ndns=none\nrc-manager=unmanaged\n",
        "NetworkManager.service",
    ),
    Lever(
        Path("/etc/dhcp/dhclient-enter-hooks.d"),
        Path("/etc/dhcp/dhclient-enter-hooks.d/zz-highload-lvs"),
        "make_resolv_conf() { :; }\n",
    ),
    Lever(Path("/etc/dhcpcd.conf"), Path("/etc/dhcpcd.conf"), "nohook resolv.conf # highload.lvs\n"),
    Lever(Path("/etc/resolvconf.conf"), Path("/etc/resolvconf.conf"), "resolvconf=NO # highload.lvs\n"),
)


@dataclass(frozen=True)
class ResolvConf:
    """What stands at /etc/resolv.conf: a link's target, a file's content, or None for both where there is nothing."""

    link: str | None
    content: str | None

    @property
    def ours(self) -> bool:
        """Whether this collection wrote it."""
        return self.link is None and (self.content or "").startswith(MARK)


@dataclass(frozen=True)
class Memory:
    """What the host had before the collection changed it."""

    link: str | None
    content: str | None
    upstreams: list[str]
    resolved_enabled: bool
    resolved_active: bool


def nameservers(text: str) -> list[str]:
    """Return the servers of a resolv.conf(5), in order."""
    return [words[1] for words in map(str.split, text.splitlines()) if len(words) > 1 and words[0] == "nameserver"]


def kept_lines(text: str) -> list[str]:
    """Return the lines of a resolv.conf(5) that hold for any server: the domains to search, if not only the root."""
    return [
        line.strip()
        for line in text.splitlines()
        if line.split()[:1] in (["search"], ["domain"]) and line.split()[1:] not in ([], ["."])
    ]


def is_loopback(server: str) -> bool:
    """Tell whether a server is this host itself; what is not an address is not."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(server.split("%")[0]).is_loopback
    return False


def upstreams(*texts: str) -> list[str]:
    """Return the servers outside this host that the first text with any names, without repetition."""
    for text in texts:
        found = [server for server in dict.fromkeys(nameservers(text)) if not is_loopback(server)]
        if found:
            return found
    return []


def render(servers: list[str], before: str) -> str:
    """Return the resolv.conf that asks these servers and searches the domains of the one before."""
    return "\n".join([MARK, *(f"nameserver {server}" for server in servers), *kept_lines(before)]) + "\n"


def parse_ss(text: str) -> list[dict[str, str]]:
    """Read `ss -H -lntup` into the protocol, address and process (empty when unknown) of each socket."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 6:
            continue
        process = re.search(r'users:\(\("([^"]+)"', line)
        address = words[4].rpartition(":")[0].strip("[]")
        found.append({"protocol": words[0], "address": address, "process": process.group(1) if process else ""})
    return found


def routes_text(domains: list[str]) -> str:
    """Return the resolved.conf(5) that sends questions about these domains, and what is below them, to dnsmasq."""
    routed = " ".join(f"~{domain}" for domain in domains)
    return f"{ROUTES_MARK}\n[Resolve]\n# None of those that other files name: they do not know the domains.\nDNS=\n" + (
        f"DNS={OWN_ADDRESS}\nDomains={routed}\n"
    )


def lever_text(lever: Lever, pulled: bool) -> str:
    """Return what the lever's file should hold, empty for no file."""
    if lever.sign != lever.path:
        return f"# Written by highload.lvs.\n{lever.text}" if pulled else ""
    rest = read_text(lever.path).replace(lever.text, "")
    if not pulled:
        return rest
    return rest + ("\n" if rest and not rest.endswith("\n") else "") + lever.text


def levers_to_move(pulled: bool) -> list[Lever]:
    """Return the levers of the programs on this host that are not yet as they should be."""
    return [one for one in LEVERS if one.sign.exists() and read_text(one.path) != lever_text(one, pulled)]


def move(lever: Lever, pulled: bool) -> None:
    """Pull a lever or let it go."""
    text = lever_text(lever, pulled)
    if text or lever.sign == lever.path:
        replace_file(lever.path, text.encode(), 0o644)
    else:
        lever.path.unlink()


def look() -> ResolvConf:
    """Return what stands at /etc/resolv.conf."""
    if RESOLV_CONF.is_symlink():
        return ResolvConf(os.readlink(RESOLV_CONF), None)
    if RESOLV_CONF.exists():
        return ResolvConf(None, RESOLV_CONF.read_text(errors="replace"))
    return ResolvConf(None, None)


def read_text(path: Path) -> str:
    """Return the file's text, empty where there is none."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def recall() -> Memory | None:
    """Return what was remembered, None where there is nothing; raise ResolverError where it cannot be understood."""
    text = read_text(MEMORY)
    if not text:
        return None
    try:
        return Memory(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise ResolverError(f"{MEMORY} cannot be read ({error}): put /etc/resolv.conf right and delete it") from error


def remember(memory: Memory) -> None:
    """Keep what the host has, before it is changed."""
    replace(MEMORY, json.dumps(asdict(memory), indent=2) + "\n")


def forget() -> None:
    """Delete what was remembered."""
    remove(MEMORY)


def remove(path: Path) -> None:
    """Delete a file, and its folder if nothing else is in it."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def put(resolv_conf: ResolvConf) -> None:
    """Make /etc/resolv.conf this link or file by rename, or remove it where both are None."""
    if resolv_conf.link is not None:
        temporary = RESOLV_CONF.with_name(".resolv.conf.highload-lvs")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        temporary.symlink_to(resolv_conf.link)
        temporary.replace(RESOLV_CONF)
    elif resolv_conf.content is not None:
        replace(RESOLV_CONF, resolv_conf.content)
    else:
        RESOLV_CONF.unlink()


def replace(path: Path, content: str) -> None:
    """Write a file by rename; in place where it is a mount point, as in containers, which rename refuses."""
    try:
        replace_file(path, content.encode(), 0o644)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        write_in_place(path, content.encode())


def write_in_place(path: Path, content: bytes) -> None:
    """Overwrite a file so that no reader finds it empty: one write over all of its length, then the cut."""
    with path.open("r+b", buffering=0) as file:
        file.write(content.ljust(path.stat().st_size, b"\n"))
        file.truncate(len(content))
