# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight looks for, one function a kind of finding."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import family_of, is_loopback
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import RealServer, VirtualService

from .finding import ERROR, UNSEEN, WARNING, Finding
from .site import Host, Site, wanted_modules

FORWARDING = {"ipv4": "net.ipv4.ip_forward", "ipv6": "net.ipv6.conf.all.forwarding"}
CONNTRACK, REUSE = "net.ipv4.vs.conntrack", "net.ipv4.vs.conn_reuse_mode"
OWN_SYSCTLS = "60-highload-ipvs.conf"
DNS_PORT = 53
KNOWN_RESOLVERS = ("dnsmasq", "systemd-resolve")
"""Who may hold port 53: the role's own server, and the one that the role knows how to take out of the way."""


def findings(site: Site) -> list[Finding]:
    """Return everything that is wrong on all hosts."""
    found: list[Finding] = []
    for host in site.hosts.values():
        found += mistakes(host)
        if not host.seen:
            found.append(unseen(host))
            continue
        for check in (modules, sysctls_at_boot, sysctls_unknown, conntrack, forwarding, vips, loopback, port_53):
            found += check(site, host)
        found += return_paths(site, host)
    return found


def mistakes(host: Host) -> Iterator[Finding]:
    """Tell what is wrong with the list of virtual services."""
    for mistake in host.mistakes:
        where, _colon, text = mistake.partition(": ")
        found, use, remedy = text.partition(": use ")
        what = "mistake"
        if "which cannot change the port" in found:
            what = "port_mismatch"
        elif "of another family" in found:
            what = "family_mixed"
        yield Finding(host.name, ERROR, what, where, found, f"use {remedy}" if use else "correct it in the inventory")


def unseen(host: Host) -> Finding:
    """Tell that a host could not be looked at."""
    reason = str(host.system.get("msg") or "nothing was told of it")
    return Finding(
        host.name, ERROR, "unseen", "host", reason.strip(), f"see that `ansible -m ping {host.name}` works, as root"
    )


def modules(site: Site, host: Host) -> Iterator[Finding]:
    """Tell which modules this kernel lacks."""
    kernel, absent = host.system.get("kernel", ""), host.system.get("absent_modules")
    loaded = host.system.get("modules", {})
    for name, use in wanted_modules(site, host).items():
        if absent is None and not loaded.get(name):
            yield Finding(
                host.name,
                UNSEEN,
                "module_missing",
                name,
                f"{use} needs it, it is not loaded, and the modules of kernel {kernel} are out of sight, as in a "
                "container",
                f"run `modprobe {name}` on the host that lends its kernel",
            )
        elif absent is not None and name in absent:
            yield Finding(
                host.name,
                ERROR,
                "module_missing",
                name,
                f"{use} needs it, and kernel {kernel} has no such module",
                f"install the package that has the modules of this kernel, or run another kernel{_other(name)}",
            )


def _other(module: str) -> str:
    return ", or choose another scheduler" if module.startswith("ip_vs_") and "_pe_" not in module else ""


def sysctls_at_boot(_site: Site, host: Host) -> Iterator[Finding]:
    """Tell which sysctls another file sets otherwise at boot, after the role's own."""
    for name, value in host.sysctls.items():
        lines = host.system.get("boot_sysctls", {}).get(name, [])
        last = lines[-1] if lines else None
        if last and last["file"].rpartition("/")[2] > OWN_SYSCTLS and last["value"] != value:
            yield Finding(
                host.name,
                ERROR,
                "sysctl_overridden",
                name,
                f"{last['file']} sets it to {last['value']} at boot, after the {value} of ipvs_sysctls",
                f"remove it from {last['file']}, or write {name}: {last['value']} in ipvs_sysctls",
            )


def sysctls_unknown(_site: Site, host: Host) -> Iterator[Finding]:
    """Tell which sysctls this kernel does not have; those of IPVS exist only while its module is loaded."""
    if not host.system.get("modules", {}).get("ip_vs"):
        return
    for name in host.sysctls:
        if name.startswith(("net.ipv4.vs.", "net.netfilter.")) and host.system["sysctls"].get(name) is None:
            yield Finding(
                host.name,
                ERROR,
                "sysctl_unknown",
                name,
                f"kernel {host.system.get('kernel', '')} has no such sysctl",
                "remove it from ipvs_sysctls"
                + (", or run a kernel that was built with CONFIG_IP_VS_NFCT" if name == CONNTRACK else ""),
            )


def conntrack(_site: Site, host: Host) -> Iterator[Finding]:
    """Tell of conntrack together with rescheduling before Linux 5.9, which drops the first packet.

    Source: the commit "ipvs: allow connection reuse for unconfirmed conntrack", and github.com/kubernetes/kubernetes
    issue 93297.
    """
    release = re.match(r"(\d+)\.(\d+)", str(host.system.get("kernel", "")))
    old = release is not None and (int(release[1]), int(release[2])) < (5, 9)
    values = {CONNTRACK: "0", REUSE: "1"}
    for seen in (host.system.get("sysctls", {}), host.sysctls):
        values.update({name: seen[name] for name in values if seen.get(name)})
    if old and "0" not in values.values():
        yield Finding(
            host.name,
            ERROR,
            "conntrack",
            CONNTRACK,
            f"with {REUSE}=1, kernel {host.system['kernel']} drops the first packet of a connection from a client port "
            "that was used before, which costs the client a second",
            f"run Linux 5.9 or later, or set {CONNTRACK}: 0",
        )


def forwarding(_site: Site, host: Host) -> Iterator[Finding]:
    """Tell where answers of masqueraded real servers would not be forwarded to the clients."""
    remote = [server for _service, server in host.servers("masq") if _is_remote(host, server)]
    for family in sorted({family_of(server.key.address) for server in remote}):
        name = FORWARDING[family]
        wanted, current = host.sysctls.get(name), host.system.get("sysctls", {}).get(name)
        if (current if wanted is None else wanted) != "0":
            continue
        set_by = "ipvs_sysctls sets it to 0" if wanted else "it is 0, and ipvs_sysctls does not set it"
        yield Finding(
            host.name,
            ERROR,
            "forwarding",
            name,
            f"{set_by}, so that answers of masq real servers are not passed on to clients",
            f"write {name}: 1 in ipvs_sysctls",
        )


def _is_remote(host: Host, server: RealServer) -> bool:
    return not is_loopback(server.key.address) and server.key.address not in host.addresses


def vips(site: Site, host: Host) -> Iterator[Finding]:
    """Tell who else answers for a virtual IP."""
    if "msg" in host.vips:
        yield Finding(
            host.name,
            UNSEEN,
            "vip_elsewhere",
            "virtual IPs",
            str(host.vips["msg"]),
            "see why, and ask again",
        )
    owners = {link["mac"]: other.name for other in site.hosts.values() for link in other.links if link["mac"]}
    for one in host.vips.get("answers", []):
        who = owners.get(one["mac"])
        by = f"{one['mac']} ({who or 'no host of this inventory'})"
        yield Finding(
            host.name,
            ERROR,
            "vip_elsewhere",
            one["address"],
            f"{by} answers for it too, on {one['interface']}, and gets packets that are meant for the director",
            f"on {who}, remove the address, or set net.ipv4.conf.all.arp_ignore=1 and net.ipv4.conf.all.arp_announce=2 "
            "where a real server of route or tunnel needs it"
            if who
            else "find the host with this MAC address and remove the address there, or choose another virtual IP",
        )
    asked = {family_of(address) for address in {str(service.key.address) for service in host.services} if address}
    for one in host.vips.get("unasked", []):
        if one["family"] in asked:
            yield Finding(
                host.name,
                UNSEEN,
                "vip_elsewhere",
                one["interface"],
                f"cannot ask for {one['family']} addresses there: {one['reason']}",
                f"give {one['interface']} an {one['family']} address, if clients come in there",
            )


def loopback(site: Site, host: Host) -> Iterator[Finding]:
    """Tell of real servers that only clients on the director itself can reach."""
    if site.clients == () or all(map(is_loopback, site.clients or ["192.0.2.1"])):
        return
    for service, server in host.servers("masq"):
        if is_loopback(server.key.address):
            sure = site.clients is not None
            yield Finding(
                host.name,
                ERROR if sure else WARNING,
                "masq_loopback",
                str(service.key),
                f"real server {server.key} serves clients on the director itself alone, the kernel drops packets from "
                "outside",
                "give it an address of the host that is not a loopback one"
                + ("" if sure else ", or write preflight_clients: [] if there are no other clients"),
            )


def port_53(_site: Site, host: Host) -> Iterator[Finding]:
    """Tell who else holds the port of DNS where dnsmasq is to listen."""
    if "dnsmasq" not in host.roles:
        return
    wanted = {str(one) for one in host.roles["dnsmasq"]["dnsmasq_listen_addresses"]}
    holders: dict[tuple[str, str], None] = {}
    for socket in host.system.get("sockets", []):
        everywhere = socket["address"] in ("*", "0.0.0.0", "::") or wanted & {"0.0.0.0", "::"}
        if socket["port"] == DNS_PORT and (everywhere or socket["address"] in wanted):
            holders[socket["address"], socket["process"]] = None
    for address, process in holders:
        if process not in KNOWN_RESOLVERS:
            yield Finding(
                host.name,
                ERROR,
                "port_53",
                f"{address}:{DNS_PORT}",
                f"{process or 'a process that does not tell its name'} listens there, where dnsmasq is to answer",
                f"stop and disable {process or 'it'}, or let it listen on other addresses than "
                f"{', '.join(sorted(wanted))} (dnsmasq_listen_addresses)",
            )


def return_paths(site: Site, director: Host) -> Iterator[Finding]:
    """Tell which real servers send their answers past the director that has to translate them back."""
    if site.clients == ():
        return
    done = set()
    for service, server in director.servers("masq"):
        address = server.key.address
        if address in done or not _is_remote(director, server):
            continue
        done.add(address)
        yield from _return_path(site, director, service, address)


def _return_path(site: Site, director: Host, service: VirtualService, address: str) -> Iterator[Finding]:
    owner = site.owner(address)
    if owner is None or not owner.seen:
        who = f"it is on {owner.name}, which was not looked at" if owner else "no host that was looked at has it"
        yield Finding(
            director.name,
            UNSEEN,
            "return_path",
            address,
            f"real server of {service.key}: {who}, so the way of its answers is not known",
            f"see that its route to clients goes through {director.name}",
        )
        return
    through = sorted(_addresses_near(director, address))
    own = {one.split("/")[0] for link in director.links for one in link["addresses"]}
    for route in owner.system.get("routes", []):
        if route["from"] != address or route["gateway"] in own:
            continue
        way = route["error"] or (f"go to {route['gateway']}" if route["gateway"] else "go there directly")
        # Where the director rewrites the source as well, answers come back to it whatever the routes say.
        rewrites = director.sysctls.get(CONNTRACK, "0") != "0"
        yield Finding(
            owner.name,
            WARNING if rewrites else ERROR,
            "return_path",
            f"{address} to {route['to']}",
            f"answers to clients of {service.key} {way} on {route['interface'] or 'no interface'} and not through "
            f"{director.name}, so clients drop them",
            f"let the route of {owner.name} to its clients, the default route as a rule, go through "
            f"{' or '.join(through) or director.name}; or rewrite the source on {director.name} as well (SNAT)",
        )


def _addresses_near(host: Host, address: str) -> Iterable[str]:
    target = ipaddress.ip_address(address)
    for link in host.links:
        for one in link["addresses"]:
            if target in ipaddress.ip_interface(one).network:
                yield one.split("/")[0]
