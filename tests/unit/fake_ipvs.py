# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for ipvsadm and the kernel behind it, written after ipvsadm.c and ip_vs_ctl.c and not after our code.

Like the real one, -R is no transaction: a bad value ends it at once with the rules before it applied, while after an
error of the kernel it goes on, and the status is that of the last rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import CommandError

WITH_VALUE = {
    *("-t", "-u", "--sctp-service", "-f", "-s", "-p", "-M", "--pe", "-b", "-r", "-w", "-x", "-y"),
    *("--tun-type", "--tun-port", "--mcast-interface", "--syncid", "--mcast-group", "--mcast-port", "--mcast-ttl"),
    "--sync-maxlen",
}
SWITCHES = {"-6", "-o", "-m", "-g", "-i", "--tun-nocsum", "--tun-csum", "--tun-remcsum"}
NAMES = {"-t": "TCP", "-u": "UDP", "--sctp-service": "SCTP"}


class BadValueError(Exception):
    """ipvsadm itself refuses a rule, and ends."""


class KernelError(Exception):
    """The kernel refuses a rule."""


@dataclass
class Server:
    """A destination as the kernel holds it."""

    forward: str
    tunnel: str
    weight: int
    upper: int
    lower: int
    active: int = 0
    persistent: int = 0


@dataclass
class Service:
    """A service as the kernel holds it."""

    scheduler: str
    options: str
    ipv6: bool
    servers: dict[str, Server] = field(default_factory=dict)


class FakeKernel:
    """Holds a table, prints it and takes rules. ``faults`` maps the number of a rule to what the kernel says to it."""

    def __init__(self) -> None:
        """Start with an empty table and the kernel's defaults."""
        self.services: dict[str, Service] = {}
        self.timeouts = [900, 120, 300]
        self.daemons: dict[str, str] = {}
        self.faults: dict[int, Exception] = {}
        self.restores: list[list[str]] = []
        self.after_restore = lambda: None

    def restore(self, text: str) -> None:
        """Do what ipvsadm -R does."""
        rules = text.splitlines()
        self.restores.append(rules)
        errors: list[str] = []
        status = 0
        for count, rule in enumerate(rules, 1):
            try:
                if count in self.faults:
                    raise self.faults[count]
                self._obey(rule.split())
                status = 0
            except KernelError as error:
                errors.append(str(error))
                status = 255
            except BadValueError as error:
                errors.append(str(error))
                status = 2
                break
        self.faults = {}
        self.after_restore()
        if errors:
            raise CommandError(["ipvsadm", "-R"], status, "".join(f"{error}\n" for error in errors))

    def _obey(self, words: list[str]) -> None:
        command, *rest = words
        if command == "--set":
            self.timeouts = [new or old for new, old in zip(map(int, rest), self.timeouts, strict=False)]
        elif command == "--start-daemon":
            self._start(rest[0], _options(rest[1:]))
        elif command == "--stop-daemon":
            if rest[0] not in self.daemons:
                raise KernelError("No daemon is running")
            del self.daemons[rest[0]]
        else:
            getattr(self, {"-A": "_add", "-E": "_edit", "-D": "_delete"}.get(command, "_server"))(
                command, _options(rest)
            )

    def _start(self, state: str, options: dict[str, str]) -> None:
        if state in self.daemons:
            raise KernelError("Daemon has already run")
        if options["--mcast-interface"] == "missing0":
            raise KernelError("No such device")
        maxlen = options.get("--sync-maxlen", "1472")
        self.daemons[state] = (
            f"{state} sync daemon (mcast={options['--mcast-interface']}, syncid={options.get('--syncid', 0)}, "
            f"maxlen={maxlen}, group={options.get('--mcast-group', '224.0.0.81')}, "
            f"port={options.get('--mcast-port', 8848)}, ttl={options.get('--mcast-ttl', 1)})"
        )

    def _name(self, options: dict[str, str]) -> tuple[str, bool]:
        if "-f" in options:
            mark = int(options["-f"])
            signed = mark - 2**32 if mark >= 2**31 else mark
            return f"FWM  {signed}{' IPv6' if '-6' in options else ''}", "-6" in options
        for option, protocol in NAMES.items():
            if option in options:
                return f"{protocol:4} {options[option]}", "[" in options[option]
        raise BadValueError("You need to supply the 'service-address' option")

    def _settings(self, options: dict[str, str]) -> Service:
        name, ipv6 = self._name(options)
        if "-o" in options and not name.startswith(("UDP", "FWM")):
            raise BadValueError("One-Packet Scheduling is only for UDP virtual services")
        if not name.startswith("FWM") and name.endswith(":0") and "-p" not in options:
            raise BadValueError("Zero port specified for non-persistent service")
        scheduler = options.get("-s", "wlc")
        if scheduler == "missing":
            raise KernelError("Scheduler or persistence engine not found")
        text = ""
        if "-b" in options:
            shown = [one for one in options["-b"].split(",") if scheduler not in ("sh", "mh") or one != "flag-3"]
            text += f" ({','.join(shown)})"
        if "-p" in options:
            text += f" persistent {options['-p']}"
            if options.get("-M", "255.255.255.255" if not ipv6 else "128") not in ("255.255.255.255", "128"):
                text += f" mask {options['-M']}"
            if "--pe" in options:
                text += f" pe {options['--pe']}"
        return Service(scheduler, text + (" ops" if "-o" in options else ""), ipv6)

    def _add(self, _command: str, options: dict[str, str]) -> None:
        service = self._settings(options)
        if self._name(options)[0] in self.services:
            raise KernelError("Service already exists")
        self.services[self._name(options)[0]] = service

    def _edit(self, _command: str, options: dict[str, str]) -> None:
        service = self._settings(options)
        if self._name(options)[0] not in self.services:
            raise KernelError("No such service")
        service.servers = self.services[self._name(options)[0]].servers
        self.services[self._name(options)[0]] = service

    def _delete(self, _command: str, options: dict[str, str]) -> None:
        if self.services.pop(self._name(options)[0], None) is None:
            raise KernelError("No such service")

    def _server(self, command: str, options: dict[str, str]) -> None:
        name, ipv6 = self._name(options)
        forward = "Masq" if "-m" in options else "Tunnel" if "-i" in options else "Route"
        address, _colon, port = options["-r"].rpartition(":")
        if forward != "Masq" and "-f" not in options:
            port = name.rpartition(":")[2]
        endpoint = f"{address}:{port}"
        if command != "-d":
            if forward != "Tunnel" and ("[" in address) != ipv6:
                raise BadValueError("Different address family is allowed only for tunneling servers")
            if forward != "Tunnel" and any(option.startswith("--tun") for option in options):
                raise BadValueError("Tunnel options conflict with forward method")
            if not 0 <= int(options.get("-w", 1)) <= 65535:
                raise BadValueError("illegal weight specified")
        if name not in self.services:
            raise KernelError("Service not defined")
        servers = self.services[name].servers
        if command == "-d":
            matching = [one for one in servers if one == options["-r"]]
            if not matching:
                raise KernelError("No such destination")
            del servers[matching[0]]
            return
        if command == "-a" and endpoint in servers:
            raise KernelError("Destination already exists")
        if command == "-e" and endpoint not in servers:
            raise KernelError("No such destination")
        upper, lower = int(options.get("-x", 0)), int(options.get("-y", 0))
        if lower > upper:
            raise KernelError("Numerical result out of range")
        old = servers.get(endpoint)
        counts = (old.active, old.persistent) if old else (0, 0)
        weight = int(options.get("-w", 1))
        servers[endpoint] = Server(forward, _tunnel(forward, options), weight, upper, lower, *counts)

    def show(self, *options: str) -> str:
        """Do what ipvsadm -L -n does."""
        if "--timeout" in options:
            return "Timeout (tcp tcpfin udp): {} {} {}\n".format(*self.timeouts)
        if "--daemon" in options:
            return "".join(f"{self.daemons[state]}\n" for state in ("master", "backup") if state in self.daemons)
        heads = {
            "--tun-info": ("Scheduler Flags", "Forward TunnelInfo    Weight ActiveConn InActConn"),
            "--thresholds": ("Uthreshold Lthreshold ActiveConn InActConn ", ""),
            "--persistent-conn": ("Weight    PersistConn ActiveConn InActConn ", ""),
        }[options[0]]
        lines = [
            "IP Virtual Server version 1.2.1 (size=4096)",
            f"Prot LocalAddress:Port {heads[0]}",
            f"  -> RemoteAddress:Port           {heads[1]}",
        ]
        for name, service in self.services.items():
            lines.append(f"{name} {service.scheduler}{service.options}")
            for endpoint, one in service.servers.items():
                columns = {
                    "--tun-info": (one.forward, one.tunnel, one.weight, one.active, 0),
                    "--thresholds": (one.upper, one.lower, one.active, 0),
                    "--persistent-conn": (one.weight, one.persistent, one.active, 0),
                }[options[0]]
                lines.append(f"  -> {endpoint:28} " + " ".join(f"{column!s:10}" for column in columns))
        return "".join(f"{line}\n" for line in lines)


def _options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word not in WITH_VALUE | SWITCHES:
            raise BadValueError(f"{word}: unknown option")
        if word in options:
            raise BadValueError(f"multiple '{word}' options specified")
        if word == "-6" and "-f" not in options:
            raise BadValueError("-6 used before -f")
        options[word] = "" if word in SWITCHES else next(rest)
    return options


def _tunnel(forward: str, options: dict[str, str]) -> str:
    if forward != "Tunnel":
        return "n/a"
    kind = options.get("--tun-type", "ipip")
    checksum = "+c" if "--tun-csum" in options else "r+c" if "--tun-remcsum" in options else "-c"
    if kind == "gue":
        return f"gue:{options['--tun-port']}:{checksum}"
    return "ipip" if kind == "ipip" else f"gre:{checksum}"
