#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the kernel's IPVS table equal to a list."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_services
short_description: Make the kernel's IPVS table equal to a list, without dropping a connection
version_added: 0.1.0
description:
  - Compares the kernel's table with a list of virtual services and their real servers, and changes what differs with
    one run of C(ipvsadm -R). New comes first, then edits, then removals. What is the same is not touched, so
    connections to real servers that stay go on, whatever happens to others.
  - Afterwards the table is read back and compared. If anything went wrong, all of it is undone, and the failure names
    the rule and the reason.
  - The whole list is checked before anything is touched. Every mistake is reported at once, with its place.
  - What the module puts into the kernel it remembers on the host, in O(state_file). So what is dropped from the list is
    removed, and what somebody else put there never is, unless O(purge=all).
  - A real server that M(highload.lvs.ipvs_drain) took out of service stays at weight 0 until it is put back, then with
    the weight that the list gives it now.
  - The list is the whole truth. Call the module once with all services, not once for each.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
    details:
      - Where ipvsadm is not installed or the kernel module not loaded, which a role would do first, check mode takes
        the table for empty and says so in a warning.
  diff_mode:
    support: full
    details: Before and after look like C(ipvsadm -ln), without the counters.
options:
  services:
    description:
      - The virtual services. What M(highload.lvs.ipvs_facts) returns will do too, its counters are passed over.
      - Addresses are IP addresses and ports are numbers. Names are refused, because a table must not depend on DNS that
        it may balance itself.
      - With O(state=absent), the services to remove, of which only O(services[].protocol) and address and port, or
        firewall mark and family, are read. If empty, everything that the module manages is removed.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: The protocol, or V(fwmark) for packets that a firewall marked.
        type: str
        required: true
        choices: [tcp, udp, sctp, fwmark]
      address:
        description: The virtual IP address, IPv4 or IPv6. Required unless O(services[].protocol=fwmark).
        type: str
      port:
        description:
          - The virtual port. Required unless O(services[].protocol=fwmark).
          - V(0) stands for every port and needs O(services[].persistence).
        type: int
      fwmark:
        description: The firewall mark, from 1 to 4294967295. Required with O(services[].protocol=fwmark).
        type: int
      family:
        description: The address family of a service with O(services[].protocol=fwmark).
        type: str
        choices: [ipv4, ipv6]
        default: ipv4
      scheduler:
        description: How a real server is chosen for a new connection. Its kernel module C(ip_vs_NAME) must exist.
        type: str
        default: wlc
        choices:
          rr: In turn.
          wrr: In turn, by weight.
          lc: The fewest connections.
          wlc: The fewest connections by weight.
          lblc: By destination address, elsewhere under overload.
          lblcr: By destination address to a set of servers.
          dh: By a hash of the destination address.
          sh: By a hash of the source address.
          sed: The shortest expected delay.
          nq: An idle server, else the shortest expected delay.
          fo: The highest weight that is available.
          ovf: The highest weight, the next when its connections exceed its weight.
          mh: By Maglev hashing.
          twos: The better of two chosen at random by weight.
      scheduler_flags:
        description:
          - Flags of the scheduler, C(sh-fallback) and C(sh-port) for V(sh), C(mh-fallback) and C(mh-port) for V(mh),
            C(flag-1) to C(flag-3) for others.
        type: list
        elements: str
        default: []
      persistence:
        description: Send a client to the same real server again. No persistence if left out.
        type: dict
        suboptions:
          timeout:
            description: For how many seconds, from 1 to 2678400.
            type: int
            default: 300
          netmask:
            description:
              - Which clients count as one, as an IPv4 netmask such as V(255.255.255.0) or an IPv6 prefix length such as
                V(64).
              - Every address is a client of its own by default.
            type: str
      persistence_engine:
        description: A persistence engine, only together with O(services[].persistence).
        type: str
        choices: [sip]
      one_packet:
        description: Schedule each datagram by itself. Only for V(udp) and V(fwmark).
        type: bool
        default: false
      servers:
        description: The real servers. A service without any refuses connections.
        type: list
        elements: dict
        default: []
        suboptions:
          address:
            description:
              - The real server's IP address.
              - It is of the family of the service unless O(services[].servers[].forward=tunnel).
            type: str
            required: true
          port:
            description:
              - The real server's port. By default the port of the service, and V(0) for a firewall mark, which leaves
                the port as it is.
              - Only V(masq) can change the port.
            type: int
          forward:
            description:
              - How packets reach the real server.
              - With V(masq), a server at a loopback address serves clients on the director itself alone. The module
                warns.
            type: str
            default: masq
            choices:
              masq: The address is translated (NAT), and answers come back through the director.
              route: The packet is passed on as it is (direct routing, DR), and answers go to the client directly.
              tunnel: The packet is wrapped (TUN), and answers go to the client directly.
          weight:
            description:
              - The share of new connections, relative to other servers, from 0 to 65535.
              - V(0) sends no new connections and lets the present ones go on.
            type: int
            default: 1
          upper_threshold:
            description: No new connections while there are this many. V(0) for no limit.
            type: int
            default: 0
          lower_threshold:
            description:
              - New connections again when there are fewer than this. With V(0) that is three quarters of the upper
                threshold.
            type: int
            default: 0
          tunnel:
            description: The kind of tunnel, for O(services[].servers[].forward=tunnel). IPIP if left out.
            type: dict
            suboptions:
              type:
                description: The encapsulation.
                type: str
                choices: [ipip, gue, gre]
                default: ipip
              port:
                description: The UDP port, required for V(gue) and only there.
                type: int
              checksum:
                description:
                  - The checksum of V(gue) and V(gre) packets. V(remote) is remote checksum offload, of V(gue) alone.
                type: str
                choices: [disabled, enabled, remote]
                default: disabled
  state:
    description: Whether the table should hold the services, or be rid of them.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description:
      - What to do with services and real servers that are in the kernel but not in the list.
      - A service stays as long as one of its real servers does.
    type: str
    default: managed
    choices:
      none: Keep them all.
      managed: Remove those that this module put there, keep others and report them in RV(kept).
      all: Remove them all, the table is exactly the list.
  keep_addresses:
    description:
      - Networks or addresses that are never removed, whatever O(purge) and O(state) say. A virtual service in them is
        kept with all its real servers, a real server in them is kept and its service with it.
    type: list
    elements: str
    default: []
  drain:
    description:
      - How many seconds to wait for the active and persistent connections of real servers that are removed. In the
        meantime they have weight 0 and get no new ones. The wait ends with the last connection. Servers still busy
        at its end are removed all the same and reported in RV(cut).
      - Servers of UDP services go at once.
    type: int
    default: 0
  timeouts:
    description:
      - Timeouts of idle connections in seconds, from 1 to 2678400. Those left out stay as they are, but one that this
        module has set before and that is dropped here goes back to the kernel's default.
      - Timeouts are not looked at if this is left out.
    type: dict
    suboptions:
      tcp:
        description: Established TCP connections. The kernel's default is 900.
        type: int
      tcp_fin:
        description: TCP connections after a FIN. The kernel's default is 120.
        type: int
      udp:
        description: UDP. The kernel's default is 300.
        type: int
  sync_daemons:
    description:
      - The daemons that synchronize connections with other directors, at most one for each state. A daemon that this
        module started and that is dropped here is stopped, one that somebody else started is kept.
      - A daemon that runs with other values is restarted.
      - Daemons are not looked at if this is left out.
    type: list
    elements: dict
    suboptions:
      state:
        description: Whether to send or to receive connections.
        type: str
        required: true
        choices: [master, backup]
      interface:
        description: The interface to use.
        type: str
        required: true
      sync_id:
        description: From 0 to 255. Only daemons with the same one understand each other.
        type: int
        default: 0
      group:
        description: The multicast group, IPv4 or IPv6.
        type: str
        default: 224.0.0.81
      port:
        description: The UDP port.
        type: int
        default: 8848
      ttl:
        description: The multicast time to live.
        type: int
        default: 1
      maxlen:
        description: The largest message in bytes. The kernel chooses if it is V(0).
        type: int
        default: 0
  state_file:
    description:
      - Where on the host to remember what is managed. It is also what the table is restored from at boot.
      - Its folder is made if need be. It is removed when nothing is managed.
    type: path
    default: /var/lib/highload-lvs/ipvs.json
  restore_program:
    description:
      - Where on the host to keep a program that restores the table at boot. Run it as
        C(python3 PROGRAM restore STATE_FILE). It needs neither Ansible nor anything else but Python and ipvsadm,
        adds what is missing and removes nothing.
      - With O(state=absent) and no services, the program is removed.
    type: path
requirements:
  - ipvsadm 1.31 or newer on the host
  - the kernel module ip_vs, loaded
notes:
  - RV(ignore:changed) tells about the kernel's table and O(restore_program). Taking over a table that is equal already,
    only to remember it, is no change.
  - Runs on the same host wait for each other. Against other programs that change IPVS there is no lock in the kernel.
    Such a change between reading and changing shows when the table is read back.
seealso:
  - module: highload.lvs.ipvs_facts
  - module: highload.lvs.ipvs_drain
"""

EXAMPLES = r"""
- name: Balance a virtual IP over two real servers
  highload.lvs.ipvs_services:
    services:
      - protocol: tcp
        address: 192.168.100.1
        port: 80
        scheduler: rr
        servers:
          - {address: 192.168.1.11, port: 8081}
          - {address: 192.168.1.12, port: 8082}

- name: Route HTTPS to servers that answer clients directly, and keep clients on their server
  highload.lvs.ipvs_services:
    services:
      - protocol: tcp
        address: 192.168.100.1
        port: 443
        scheduler: sh
        scheduler_flags: [sh-fallback]
        persistence: {timeout: 360, netmask: 255.255.255.0}
        servers:
          - {address: 192.168.1.11, forward: route, weight: 3, upper_threshold: 1000}
          - {address: 192.168.1.12, forward: route, weight: 1}

- name: Drop a server from the list, and give its clients a minute
  highload.lvs.ipvs_services:
    drain: 60
    services:
      - protocol: tcp
        address: 192.168.100.1
        port: 80
        scheduler: rr
        servers:
          - {address: 192.168.1.11, port: 8081}

- name: Make the table exactly this list, but leave the addresses of another team alone
  highload.lvs.ipvs_services:
    services: "{{ director_services }}"
    purge: all
    keep_addresses: [10.20.0.0/16]

- name: Synchronize connections with the other director, and forget idle ones sooner
  highload.lvs.ipvs_services:
    services: "{{ director_services }}"
    timeouts: {tcp: 600}
    sync_daemons:
      - {state: master, interface: eth1, sync_id: 7}
      - {state: backup, interface: eth1, sync_id: 7}

- name: Take out everything that this module has put there
  highload.lvs.ipvs_services:
    state: absent
"""

RETURN = r"""
plan:
  description: The changes in their order, empty if the table was as wanted.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description: What is done.
      type: str
      returned: success
      sample: add
    service:
      description: The service that changes or whose server does.
      type: str
      returned: the change is about a service
      sample: tcp 192.168.100.1:80
    server:
      description: The real server that changes.
      type: str
      returned: the change is about a real server
      sample: 192.168.1.11:8081
    setting:
      description: The setting that changes.
      type: str
      returned: the change is about timeouts or a daemon
      sample: timeouts
    rule:
      description: The command for ipvsadm.
      type: str
      returned: success
      sample: -a -t 192.168.100.1:80 -r 192.168.1.11:8081 -m -w 1
services:
  description:
    - The kernel's table afterwards, or as it would be in check mode, in the form of O(services).
    - When the module fails, the table as the failure left it.
  type: list
  elements: dict
  returned: the table was read
rules:
  description: What the module manages, as rules for C(ipvsadm -R), with the thresholds that C(ipvsadm -S) forgets.
  type: str
  returned: success
  sample: |
    -A -t 192.168.100.1:80 -s rr
    -a -t 192.168.100.1:80 -r 192.168.1.11:8081 -m -w 1
kept:
  description: Services and real servers that are not in the list and stay.
  type: list
  elements: str
  returned: success
  sample: [udp 10.20.0.1:53]
cut:
  description: Real servers that were removed after O(drain) seconds with connections left.
  type: list
  elements: dict
  returned: success
  sample:
    - {service: tcp 192.168.100.1:80, server: 192.168.1.12:8082, active_connections: 3, persistent_connections: 0}
out:
  description:
    - The hosts that M(highload.lvs.ipvs_drain) took out of service and has not put back. Their real servers stay at
      weight 0, and the weights in O(services) are those that they come back with.
  type: list
  elements: str
  returned: success
  sample: [web2]
timeouts:
  description: The timeouts afterwards.
  type: dict
  returned: O(timeouts) was given
  sample: {tcp: 900, tcp_fin: 120, udp: 300}
sync_daemons:
  description: The daemons afterwards.
  type: list
  elements: dict
  returned: O(sync_daemons) was given
undone:
  description: Whether the table is as it was before.
  type: bool
  returned: a rule failed
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import program
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError, UnavailableError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.ipvsadm import Ipvsadm
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.kernel import ApplyError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.look import show_state
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.manage import Order, Outcome, carry_out, look_ahead
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.managed import ManagedFile
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.modules import missing_modules
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.plan import State
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.rules import render_table
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order, warn_of_loopback

# What stands in a service is not declared here: Ansible would stop at the first mistake and not say where it is.
ARGUMENTS: dict[str, Any] = {
    "services": {"type": "list", "elements": "dict", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "purge": {"type": "str", "choices": ["none", "managed", "all"], "default": "managed"},
    "keep_addresses": {"type": "list", "elements": "str", "default": []},
    "drain": {"type": "int", "default": 0},
    "timeouts": {"type": "dict"},
    "sync_daemons": {"type": "list", "elements": "dict"},
    "state_file": {"type": "path", "default": "/var/lib/highload-lvs/ipvs.json"},
    "restore_program": {"type": "path"},
}


def describe(state: State) -> dict[str, Any]:
    """Return the table as results show it."""
    shown: dict[str, Any] = {"services": [service.to_dict() for service in state.services.values()]}
    if state.timeouts is not None:
        shown["timeouts"] = state.timeouts.to_dict()
    if state.daemons is not None:
        shown["sync_daemons"] = [daemon.to_dict() for daemon in state.daemons]
    return shown


def find_tool(module: AnsibleModule) -> Ipvsadm | None:
    """Return ipvsadm, or None in check mode on a host that has no IPVS yet."""
    try:
        return Ipvsadm()
    except UnavailableError as error:
        if not module.check_mode:
            raise
        module.warn(f"The IPVS table is taken for empty: {error}")
        return None


def run(module: AnsibleModule, order: Order) -> Outcome:
    """Do what is ordered, or find out what that would do."""
    tool = find_tool(module)
    file = ManagedFile(module.params["state_file"])
    lacking = missing_modules(order.wanted.values()) if tool else []
    if lacking:
        raise IPVSError("\n".join(["nothing was changed:", *lacking]))
    return look_ahead(order, tool, file) if module.check_mode or tool is None else carry_out(order, tool, file)


def keep_program(module: AnsibleModule) -> bool:
    """Make the restore program what it should be, or find out whether that would be a change."""
    path = module.params["restore_program"]
    if path is None:
        return False
    if module.params["state"] == "absent":
        unwanted = not module.params["services"] and os.path.exists(path)
        if unwanted and not module.check_mode:
            program.remove(path)
        return unwanted
    wanted = program.build()
    outdated = program.differs(path, wanted)
    if outdated and not module.check_mode:
        program.install(path, wanted)
    return outdated


def main() -> None:
    """Check the parameters, bring the table about, and report."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        order = read_order(module.params)
        warning = warn_of_loopback(order.wanted.values())
        if warning:
            module.warn(warning)
        outcome = run(module, order)
        for sentence in outcome.drained.sentences():
            module.warn(sentence)
        program_changed = keep_program(module)
    except ApplyError as error:
        module.fail_json(msg=str(error), undone=error.undone, **describe(error.state))
    except IPVSError as error:
        module.fail_json(msg=str(error))
    result = {
        "changed": bool(outcome.plan) or program_changed,
        "plan": [change.to_dict() for change in outcome.plan],
        "rules": render_table(outcome.managed.services.values()),
        "kept": outcome.kept,
        "cut": outcome.cut,
        "out": sorted(outcome.drained.hosts),
        **describe(outcome.after),
    }
    if module._diff:
        result["diff"] = {"before": show_state(outcome.before), "after": show_state(outcome.after)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
