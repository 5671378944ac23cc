# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table as rules: the commands that ``ipvsadm -R`` reads and ``ipvsadm -S -n`` prints, one a line.

Written here with the thresholds, which ``ipvsadm -S`` forgets. A rule is always complete, because ipvsadm resets
whatever it is not told: what is left out of a rule here is what ipvsadm takes as default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .addresses import canonical, split_endpoint
from .lines import Lines
from .listing import Entry, Listing, number, read_fwmark
from .model import FULL_NETMASK, RealServer, ServerKey, ServiceKey, VirtualService
from .settings import SyncDaemon, Timeouts

_PROTOCOLS = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}
_FORWARDS = {"masq": "-m", "route": "-g", "tunnel": "-i"}
_CHECKSUMS = {"disabled": "--tun-nocsum", "enabled": "--tun-csum", "remote": "--tun-remcsum"}


def render_table(services: Iterable[VirtualService]) -> str:
    """Return the rules that make an empty table hold these services, fit for ``ipvsadm -R``."""
    return "".join(f"{rule}\n" for service in services for rule in _render_with_servers(service))


def _render_with_servers(service: VirtualService) -> Iterator[str]:
    yield render_service("-A", service)
    for server in service.servers:
        yield render_server("-a", service.key, server)


def render_service(command: str, service: VirtualService) -> str:
    """Return the rule that adds (-A) or edits (-E) a virtual service."""
    words = [command, *_reference(service.key), "-s", service.scheduler]
    if service.persistence is not None:
        words += ["-p", str(service.persistence.timeout)]
        if service.persistence.netmask != FULL_NETMASK[service.key.family]:
            words += ["-M", service.persistence.netmask]
    if service.persistence_engine is not None:
        words += ["--pe", service.persistence_engine]
    if service.one_packet:
        words.append("-o")
    if service.scheduler_flags:
        words += ["-b", ",".join(service.scheduler_flags)]
    return " ".join(words)


def render_server(command: str, service: ServiceKey, server: RealServer) -> str:
    """Return the rule that adds (-a) or edits (-e) a real server."""
    # Very old kernels show the method of a local server as local; ipvsadm -S writes -g for it, too.
    forward = _FORWARDS.get(server.forward, "-g")
    words = [command, *_reference(service), "-r", str(server.key), forward, "-w", str(server.weight)]
    if server.upper_threshold:
        words += ["-x", str(server.upper_threshold)]
    if server.lower_threshold:
        words += ["-y", str(server.lower_threshold)]
    if server.tunnel is not None:
        words += ["--tun-type", server.tunnel.type]
        if server.tunnel.type == "gue":
            words += ["--tun-port", str(server.tunnel.port)]
        if server.tunnel.type != "ipip":
            words.append(_CHECKSUMS[server.tunnel.checksum])
    return " ".join(words)


def render_deletion(service: ServiceKey, server: ServerKey | None = None) -> str:
    """Return the rule that deletes a virtual service with all its servers, or one real server."""
    if server is None:
        return " ".join(["-D", *_reference(service)])
    return " ".join(["-d", *_reference(service), "-r", str(server)])


def render_timeouts(timeouts: Timeouts) -> str:
    """Return the rule that sets the connection timeouts."""
    return f"--set {timeouts.tcp} {timeouts.tcp_fin} {timeouts.udp}"


def render_daemon(daemon: SyncDaemon) -> str:
    """Return the rule that starts a synchronization daemon."""
    words = ["--start-daemon", daemon.state, "--mcast-interface", daemon.interface, "--syncid", str(daemon.sync_id)]
    words += ["--mcast-group", daemon.group, "--mcast-port", str(daemon.port), "--mcast-ttl", str(daemon.ttl)]
    if daemon.maxlen:
        words += ["--sync-maxlen", str(daemon.maxlen)]
    return " ".join(words)


def render_stop(state: str) -> str:
    """Return the rule that stops the synchronization daemon of this state, ``master`` or ``backup``."""
    return f"--stop-daemon {state}"


def _reference(key: ServiceKey) -> list[str]:
    if key.protocol == "fwmark":
        # -6 counts only after -f.
        return ["-f", str(key.fwmark), *(["-6"] if key.family == "ipv6" else [])]
    return [_PROTOCOLS[key.protocol], str(ServerKey(key.address, key.port))]


def parse_rules(text: str) -> Listing:
    """Parse what ``ipvsadm -S -n`` printed, thresholds (-x, -y) included where they were added.

    Raises ParseError, which quotes the line, for any rule that does not add a service or a server.
    """
    lines, listing = Lines(text), Listing()
    try:
        for line in lines:
            words = [word for word in line.split() if word != "ipvsadm"]
            if words:
                _read_rule(listing, words)
    except ValueError as error:
        raise lines.error(error) from error
    return listing


def _read_rule(listing: Listing, words: list[str]) -> None:
    command, options = words[0], _read_options(words[1:])
    key = _read_reference(options)
    if command == "-A":
        if key in listing.services:
            raise ValueError("this virtual service was added already")
        listing.services[key] = Entry(_read_service(key, options))
    elif command == "-a":
        server = ServerKey(*split_endpoint(options.pop("-r", "")))
        if key not in listing.services:
            raise ValueError(f"{key} was not added before")
        if server in listing.services[key].servers:
            raise ValueError(f"{key} has this real server already")
        listing.services[key].servers[server] = _read_server(options)
    else:
        raise ValueError(f"{command!r} is not a rule that adds something")
    if options:
        raise ValueError(f"{next(iter(options))!r} is not known here")


_SWITCHES = {"-6", "-o", *_FORWARDS.values(), *_CHECKSUMS.values()}


def _read_options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in options:
            raise ValueError(f"{word!r} stands there twice")
        options[word] = word if word in _SWITCHES else next(rest, "")
    return options


def _take(options: dict[str, str], choices: dict[str, str]) -> str | None:
    """Take the one option out that is among the choices' values, and return its name."""
    taken = [name for name, option in choices.items() if options.pop(option, None) is not None]
    if len(taken) > 1:
        raise ValueError(f"only one of {', '.join(choices.values())} can be given")
    return taken[0] if taken else None


def _read_reference(options: dict[str, str]) -> ServiceKey:
    if "-f" in options:
        family = "ipv6" if options.pop("-6", None) else "ipv4"
        return ServiceKey.of_fwmark(read_fwmark(options.pop("-f")), family)
    for protocol, option in _PROTOCOLS.items():
        if option in options:
            return ServiceKey.of_address(protocol, *split_endpoint(options.pop(option)))
    raise ValueError("the virtual service is missing")


def _read_service(key: ServiceKey, options: dict[str, str]) -> dict[str, Any]:
    flags = options.pop("-b", None)
    values: dict[str, Any] = {
        "scheduler": options.pop("-s", "wlc"),
        # Nothing after -b is how ipvsadm shows the one flag of sh and mh that it has no name for.
        "scheduler_flags": [] if flags is None else flags.split(",") if flags else ["flag-3"],
        "one_packet": options.pop("-o", None) is not None,
    }
    if "-p" in options:
        netmask = options.pop("-M", FULL_NETMASK[key.family])
        values["persistence"] = {
            "timeout": number(options.pop("-p")),
            "netmask": canonical(netmask) if key.family == "ipv4" else str(number(netmask)),
        }
    if "--pe" in options:
        values["persistence_engine"] = options.pop("--pe")
    return values


def _read_server(options: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "forward": _take(options, _FORWARDS) or "route",
        "weight": number(options.pop("-w", "1")),
    }
    for option, name in (("-x", "upper_threshold"), ("-y", "lower_threshold")):
        if option in options:
            values[name] = number(options.pop(option))
    kind, port, checksum = options.pop("--tun-type", None), options.pop("--tun-port", None), _take(options, _CHECKSUMS)
    if values["forward"] == "tunnel":
        values["tunnel"] = {"type": kind or "ipip"}
        if port is not None:
            values["tunnel"]["port"] = number(port)
        if checksum is not None:
            values["tunnel"]["checksum"] = checksum
    return values
