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
            - The values which identify and configure a service are described with M(highload.lvs.ipvs_services).
          type: list
          elements: dict
          returned: success
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
                - address: 127.0.0.1
                  port: 8082
                  forward: masq
                  weight: 1
                  active_connections: 0
                  inactive_connections: 51
                  upper_threshold: 0
                  lower_threshold: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.ipvsadm import Ipvsadm
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.table import read_table


def main() -> None:
    """Read the table and return it as facts."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        table = read_table(Ipvsadm())
    except IPVSError as error:
        module.fail_json(msg=str(error))
    ipvs = {"version": table.version, "size": table.size, "services": table.to_dicts()}
    module.exit_json(ansible_facts={"ipvs": ipvs})


if __name__ == "__main__":
    main()
