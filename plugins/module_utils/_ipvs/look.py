# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show a table the way people know it from ``ipvsadm -L -n``, without what changes by itself: for diffs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from .model import FULL_NETMASK, RealServer, ServerKey, ServiceKey, Tunnel, VirtualService
from .plan import State

_HEADINGS = ["Prot LocalAddress:Port Scheduler Flags", "  -> RemoteAddress:Port           Forward Weight"]
_FORWARDS = {"masq": "Masq", "route": "Route", "tunnel": "Tunnel", "local": "Local"}
_CHECKSUMS = {"disabled": "-c", "enabled": "+c", "remote": "r+c"}


def show_state(state: State) -> str:
    """Return services and real servers, sorted, and the settings below them as ipvsadm prints those."""
    lines = list(_HEADINGS)
    for service in sorted(state.services.values(), key=_service_order):
        lines.append(_show_service(service))
        lines += [_show_server(server) for server in sorted(service.servers, key=_server_order)]
    lines += _show_settings(state)
    return "".join(f"{line}\n" for line in lines)


def _service_order(service: VirtualService) -> tuple[Any, ...]:
    key = service.key
    address = int(ipaddress.ip_address(key.address)) if key.address else 0
    return (key.family, key.fwmark, key.protocol, address, key.port)


def _server_order(server: RealServer) -> tuple[Any, ...]:
    return (":" in server.key.address, int(ipaddress.ip_address(server.key.address)), server.key.port)


def _name(key: ServiceKey) -> str:
    if key.protocol == "fwmark":
        return f"FWM  {key.fwmark}{' IPv6' if key.family == 'ipv6' else ''}"
    return f"{key.protocol.upper():4} {ServerKey(key.address, key.port)}"


def _show_service(service: VirtualService) -> str:
    words = [_name(service.key), service.scheduler]
    if service.scheduler_flags:
        words.append(f"({','.join(service.scheduler_flags)})")
    if service.persistence is not None:
        words.append(f"persistent {service.persistence.timeout}")
        if service.persistence.netmask != FULL_NETMASK[service.key.family]:
            words.append(f"mask {service.persistence.netmask}")
    if service.persistence_engine is not None:
        words.append(f"pe {service.persistence_engine}")
    if service.one_packet:
        words.append("ops")
    return " ".join(words)


def _show_server(server: RealServer) -> str:
    line = f"  -> {server.key!s:28} {_FORWARDS[server.forward]:7} {server.weight:<6}"
    if server.tunnel is not None:
        line += f" tunnel {_show_tunnel(server.tunnel)}"
    if server.upper_threshold or server.lower_threshold:
        line += f" thresholds {server.upper_threshold} {server.lower_threshold}"
    return line.rstrip()


def _show_tunnel(tunnel: Tunnel) -> str:
    port = [str(tunnel.port)] if tunnel.type == "gue" else []
    return ":".join([tunnel.type, *port, *([] if tunnel.type == "ipip" else [_CHECKSUMS[tunnel.checksum]])])


def _show_settings(state: State) -> Iterator[str]:
    if state.timeouts is not None:
        yield f"Timeout (tcp tcpfin udp): {state.timeouts.tcp} {state.timeouts.tcp_fin} {state.timeouts.udp}"
    for daemon in state.daemons or ():
        yield (
            f"{daemon.state} sync daemon (mcast={daemon.interface}, syncid={daemon.sync_id}, maxlen={daemon.maxlen}, "
            f"group={daemon.group}, port={daemon.port}, ttl={daemon.ttl})"
        )
