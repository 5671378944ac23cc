#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the kernel's IPVS table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_facts
short_description: Read the IPVS table of the kernel as data
version_added: 0.1.0
description:
  - Returns the virtual services that this director balances and their real servers, with the connections that each
    real server has, as the fact C(ansible_facts.ipvs).
  - The services have the form that M(highload.lvs.ipvs_services) takes. Facts fed back into it change nothing.
  - Changes nothing itself, and loads no kernel module.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
  - highload.lvs._attributes.facts
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
options:
  gather:
    description:
      - What to gather besides the table itself. Each costs one more run of ipvsadm.
    type: list
    elements: str
    default: []
    choices:
      all: Everything below.
      statistics: >-
        Connections, packets and bytes since the service was added, of every service and real server. The kernel brings
        them up to date only every two seconds, unlike RV(ignore:active_connections) and
        RV(ignore:inactive_connections).
      rates: The same per second, as the kernel's estimator sees it.
      persistent_connections: Persistent connections of every real server.
      timeouts: The timeouts of connections.
      sync_daemons: The daemons that synchronize connections with other directors.
      connections: The tracked connections, counted by virtual service, real server and state.
      connection_entries: Every tracked connection by itself. A busy director has millions.
  select:
    description:
      - Return only services that fit one of these in every value that it gives. All of them if empty.
      - Connections are chosen by the same values.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: The protocol, or V(fwmark) for services of a firewall mark.
        type: str
        choices: [tcp, udp, sctp, fwmark]
      address:
        description: The virtual address, or a network that holds it.
        type: str
      port:
        description: The virtual port.
        type: int
      fwmark:
        description: The firewall mark.
        type: int
  text:
    description:
      - Saved output of ipvsadm, read instead of running the command, so that a table can be examined far from its host.
      - All texts are of the same table and of the same moment. Each is recognized by its form, whichever of C(-L -n)
        (also with C(--stats), C(--rate), C(--thresholds), C(--persistent-conn) or C(--tun-info)), C(-L -n -c),
        C(-L --timeout), C(-L --daemon) and C(-S -n) printed it.
      - Only what the texts say is returned. Numbers shortened with K, M, G or T have lost their last digits.
    type: list
    elements: str
requirements:
  - ipvsadm 1.31 or newer on the host
  - the kernel module ip_vs, loaded
seealso:
  - module: highload.lvs.ipvs_services
"""

EXAMPLES = r"""
- name: Read the IPVS table
  highload.lvs.ipvs_facts:

- name: Show how many connections each real server has, the finished ones included
  ansible.builtin.debug:
    msg: "{{ ansible_facts.ipvs | community.general.json_query('services[].servers[].inactive_connections') }}"

- name: Count what went through one virtual service
  highload.lvs.ipvs_facts:
    gather: [statistics]
    select:
      - {protocol: tcp, address: 192.168.100.1, port: 80}

- name: Count the connections of every service in a network, by real server and state
  highload.lvs.ipvs_facts:
    gather: [connections]
    select:
      - address: 192.168.100.0/24

- name: Examine a table that was saved elsewhere
  highload.lvs.ipvs_facts:
    text:
      - "{{ lookup('ansible.builtin.file', 'list.txt') }}"
      - "{{ lookup('ansible.builtin.file', 'stats.txt') }}"
  delegate_to: localhost
"""

RETURN = r"""
ansible_facts:
  description: The facts, to be found as C(ansible_facts.ipvs).
  returned: success
  type: dict
  contains:
    ipvs:
      description: The IPVS table.
      type: dict
      returned: success
      contains:
        version:
          description: Version of IPVS in the kernel.
          type: str
          returned: success
          sample: 1.2.1
        size:
          description: Number of buckets of the connection table.
          type: int
          returned: success
          sample: 4096
        services:
          description:
            - The virtual services, sorted as ipvsadm sorts them.
            - The values that identify and configure a service are described with M(highload.lvs.ipvs_services).
          type: list
          elements: dict
          returned: success
          contains:
            stats:
              description: What came and went since the service was added or its counters were zeroed.
              type: dict
              returned: O(gather) has V(statistics)
              sample: {connections: 102, in_packets: 624, out_packets: 600, in_bytes: 45198, out_bytes: 51192}
            rates:
              description: What comes and goes per second.
              type: dict
              returned: O(gather) has V(rates)
              sample:
                connections_per_second: 10
                in_packets_per_second: 58
                out_packets_per_second: 56
                in_bytes_per_second: 4237
                out_bytes_per_second: 4799
            servers:
              description: The real servers of the service, with RV(ignore:stats) and RV(ignore:rates) of their own.
              type: list
              elements: dict
              returned: success
              contains:
                active_connections:
                  description: Connections in the state ESTABLISHED.
                  type: int
                  returned: success
                inactive_connections:
                  description: Connections in any other state, such as those just closed.
                  type: int
                  returned: success
                persistent_connections:
                  description: Clients that persistence binds to this server.
                  type: int
                  returned: O(gather) has V(persistent_connections)
          sample:
            - protocol: tcp
              address: 192.168.100.1
              port: 80
              scheduler: rr
              scheduler_flags: []
              one_packet: false
              servers:
                - address: 127.0.0.1
                  port: 8081
                  forward: masq
                  weight: 1
                  active_connections: 0
                  inactive_connections: 51
                  upper_threshold: 0
                  lower_threshold: 0
        timeouts:
          description: Seconds after which an idle connection is forgotten.
          type: dict
          returned: O(gather) has V(timeouts)
          sample: {tcp: 900, tcp_fin: 120, udp: 300}
        sync_daemons:
          description: The synchronization daemons that run.
          type: list
          elements: dict
          returned: O(gather) has V(sync_daemons)
          sample:
            - {state: master, interface: eth0, sync_id: 7, maxlen: 1472, group: 224.0.0.81, port: 8848, ttl: 1}
        connections:
          description: The tracked connections.
          type: dict
          returned: O(gather) has V(connections) or V(connection_entries)
          contains:
            total:
              description: How many there are.
              type: int
              returned: success
            summary:
              description: Their number by virtual service, real server and state.
              type: list
              elements: dict
              returned: success
              sample:
                - protocol: tcp
                  virtual_address: 192.168.100.1
                  virtual_port: 80
                  server_address: 127.0.0.1
                  server_port: 8081
                  connections: 51
                  states: {TIME_WAIT: 51}
            entries:
              description:
                - Each of them; RV(ignore:expires) is in seconds.
                - A client bound by persistence shows as an entry of its own from port 0 in state NONE.
              type: list
              elements: dict
              returned: O(gather) has V(connection_entries)
              sample:
                - protocol: tcp
                  expires: 115
                  state: TIME_WAIT
                  client_address: 192.168.100.1
                  client_port: 54314
                  virtual_address: 192.168.100.1
                  virtual_port: 80
                  server_address: 127.0.0.1
                  server_port: 8082
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.facts import GATHER, gather, gather_from_texts
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.ipvsadm import Ipvsadm
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.selection import Selector

SELECTOR = {
    "protocol": {"type": "str", "choices": ["tcp", "udp", "sctp", "fwmark"]},
    "address": {"type": "str"},
    "port": {"type": "int"},
    "fwmark": {"type": "int"},
}


def main() -> None:
    """Gather what is asked for and return it as facts."""
    module = AnsibleModule(
        argument_spec={
            "gather": {"type": "list", "elements": "str", "default": [], "choices": ["all", *GATHER]},
            "select": {"type": "list", "elements": "dict", "default": [], "options": SELECTOR},
            "text": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    texts = module.params["text"]
    wanted = set(GATHER if "all" in module.params["gather"] else module.params["gather"])
    try:
        selectors = [Selector.from_dict(selector) for selector in module.params["select"]]
        ipvs = gather(Ipvsadm(), wanted, selectors) if texts is None else gather_from_texts(texts, wanted, selectors)
    except IPVSError as error:
        module.fail_json(msg=str(error))
    module.exit_json(ansible_facts={"ipvs": ipvs})


if __name__ == "__main__":
    main()
