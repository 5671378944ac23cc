#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the network who else has an address."""

from __future__ import annotations

DOCUMENTATION = r"""
module: address_probe
short_description: Ask the links of a host who else answers for an address
version_added: 0.1.0
description:
  - Sends ARP probes for IPv4 addresses and neighbour solicitations for IPv6 addresses on every Ethernet interface of
    the host that is up and has an address, dummy interfaces left out, and returns who answers.
  - A virtual IP must be answered for by the director alone. Whoever else does gets its packets, in turns or for good.
  - Changes nothing, on the host or in the caches of others.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
requirements:
  - root, or CAP_NET_RAW
  - iproute2 on the host
options:
  addresses:
    description: The IPv4 and IPv6 addresses to ask for.
    type: list
    elements: str
    required: true
  timeout:
    description: How many seconds to listen on each interface. The question is repeated three times in it.
    type: float
    default: 0.9
"""

EXAMPLES = r"""
- name: Ask who else has the virtual IP
  highload.lvs.address_probe:
    addresses: [192.0.2.80]
  register: probe

- name: See that nobody does
  ansible.builtin.assert:
    that: probe.answers == []
"""

RETURN = r"""
answers:
  description: Who answered, except the host itself.
  type: list
  elements: dict
  returned: success
  sample: [{"address": "192.0.2.80", "interface": "eth0", "mac": "52:54:00:12:34:56"}]
unasked:
  description: Interfaces on which could not be asked for addresses of a family, and why.
  type: list
  elements: dict
  returned: success
  sample: [{"interface": "eth0", "family": "ipv6", "reason": "Cannot assign requested address"}]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _system
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import canonical, family_of
from ansible_collections.highload.lvs.plugins.module_utils._neighbours import Link, ask_ipv4, ask_ipv6

ASK = {"ipv4": ask_ipv4, "ipv6": ask_ipv6}


def find_links(module: AnsibleModule) -> list[Link]:
    """Return the interfaces to ask on."""
    command = ["ip", "-json", "-details", "address", "show", "up"]
    status, out, err = module.run_command(command, environ_update={"LC_ALL": "C"})
    if status != 0:
        module.fail_json(msg=f"{' '.join(command)}: {err.strip() or f'exit status {status}'}")
    found = (one for one in _system.parse_links(out) if one["addresses"] and one["mac"] and one["kind"] != "dummy")
    return [Link(one["name"], one["mac"]) for one in found]


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "addresses": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "float", "default": 0.9},
        },
        supports_check_mode=True,
    )
    try:
        addresses = sorted({canonical(one) for one in module.params["addresses"]})
    except ValueError as error:
        module.fail_json(msg=f"addresses: {error} (names are not resolved)")
    links = find_links(module)
    own = {link.mac for link in links}
    answers: list[dict[str, Any]] = []
    unasked: list[dict[str, Any]] = []
    for family, ask in ASK.items():
        mine = [one for one in addresses if family_of(one) == family]
        for link in links if mine else []:
            try:
                found = sorted(ask(link, mine, module.params["timeout"]))
            except OSError as error:
                unasked.append({"interface": link.name, "family": family, "reason": str(error.strerror or error)})
                continue
            answers += [
                {"address": address, "interface": link.name, "mac": mac} for address, mac in found if mac not in own
            ]
    module.exit_json(changed=False, answers=answers, unasked=unasked)


if __name__ == "__main__":
    main()
