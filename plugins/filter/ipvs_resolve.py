# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual services whose real servers are the hosts of a group."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ipvs_resolve
short_description: Make the hosts of a group the real servers of a virtual service
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - A service with C(servers_from) takes its real servers from a group of the inventory. This filter puts every host
    of the group into its C(servers), after those that stand there, in the order of the inventory. The result is what
    M(highload.lvs.ipvs_services) takes. Services without C(servers_from) stay as they are.
  - The role P(highload.lvs.ipvs#role) and the playbook C(highload.lvs.verify) use it, so that a list with
    C(servers_from) can be given to them as it is.
  - Only the inventory counts. A host that is down or left out by C(--limit) stays a real server, because a table that
    follows whoever answered Ansible would take working servers out. Take a host out with its variables.
  - C(servers_from) has C(group), and for all of its hosts C(forward), C(port), C(tunnel), C(upper_threshold) and
    C(lower_threshold), which mean what they mean for a real server.
  - Each host of the group has variables of its own. C(ipvs_server_address) is its IPv4 address, by default
    C(ansible_host). C(ipvs_server_address_ipv6) is its address for IPv6 services. C(ipvs_server_port) is its port, by
    default the port of the service, and is not read where C(servers_from) has a C(port). C(ipvs_server_weight) is its
    weight, by default 1; with 0 it gets no new connections. C(ipvs_server_state) is C(present), or C(absent) to leave
    the host out.
positional: _input, groups, hostvars
options:
  _input:
    description: The services.
    type: list
    elements: dict
    required: true
  groups:
    description: The groups of the inventory, Ansible's C(groups).
    type: dict
    required: true
  hostvars:
    description: The variables of all hosts, Ansible's C(hostvars).
    type: dict
    required: true
seealso:
  - module: highload.lvs.ipvs_services
  - plugin: highload.lvs.ipvs_mistakes
    plugin_type: filter
"""

EXAMPLES = r"""
# web1: {ipvs_server_address: 192.0.2.11}, web2: {ipvs_server_address: 192.0.2.12, ipvs_server_weight: 3}
- name: Balance over all web servers of the inventory
  highload.lvs.ipvs_services:
    services: "{{ wanted | highload.lvs.ipvs_resolve(groups, hostvars) }}"
  vars:
    wanted:
      - protocol: tcp
        address: 192.168.100.1
        port: 80
        scheduler: wrr
        servers_from: {group: web, forward: masq, port: 8080}
    # => servers: [{address: 192.0.2.11, port: 8080, forward: masq},
    #              {address: 192.0.2.12, port: 8080, forward: masq, weight: 3}]
"""

RETURN = r"""
_value:
  description: The services with plain C(servers).
  type: list
  elements: dict
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"ipvs_resolve": late("_ipvs_resolve", "ipvs_resolve")}
