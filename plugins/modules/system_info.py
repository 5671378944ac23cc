#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what a load balancer's host runs on."""

from __future__ import annotations

DOCUMENTATION = r"""
module: system_info
short_description: Read units, interfaces, kernel modules, sysctls, sockets and resolver of a host
version_added: 0.1.0
description:
  - Returns in one call what the playbook C(highload.lvs.verify) holds against an inventory.
  - Changes nothing, loads nothing and starts nothing.
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
  - systemd and iproute2 on the host
  - root, for the names of the processes behind sockets
options:
  units:
    description: Names of the systemd units to look at, with their suffix.
    type: list
    elements: str
    default: []
  modules:
    description: Names of the kernel modules to look for.
    type: list
    elements: str
    default: []
  sysctls:
    description: Names of the sysctls to read, written as for sysctl(8).
    type: list
    elements: str
    default: []
  routes:
    description:
      - Ways of packets to ask the kernel for, each with C(to) and C(from), which are addresses. Those from an address
        that is not the host's own are passed over.
    type: list
    elements: dict
    default: []
    suboptions:
      to:
        description: Where the packet goes.
        type: str
        required: true
      from:
        description: Where it comes from.
        type: str
        required: true
  resolve:
    description: Names to resolve as any program on the host does, through C(/etc/nsswitch.conf).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look at a director
  highload.lvs.system_info:
    units: [highload-ipvs.service]
    sysctls: [net.ipv4.ip_forward]
  register: system

- name: See that the table comes back at boot
  ansible.builtin.assert:
    that:
      - system.units[0].enabled == 'enabled'
      - "'ip_vs' in system.boot_modules"
"""

RETURN = r"""
kernel:
  description: Release of the kernel that runs.
  type: str
  returned: success
  sample: 6.12.48
os:
  description: Name of the distribution.
  type: str
  returned: success
  sample: Debian GNU/Linux 13 (trixie)
python:
  description: Version of Python that the module runs on.
  type: str
  returned: success
  sample: 3.13.5
packages:
  description: Versions of the Debian packages C(dnsmasq), C(ipvsadm) and C(systemd) that are installed.
  type: dict
  returned: success
  sample: {"ipvsadm": "1:1.31-4"}
units:
  description: State of each of O(units), in their order.
  type: list
  elements: dict
  returned: success
  sample:
    - {"name": "dnsmasq.service", "load": "loaded", "active": "active", "sub": "running", "enabled": "enabled"}
links:
  description: The network interfaces.
  type: list
  elements: dict
  returned: success
  sample: [{"name": "dummy1", "kind": "dummy", "up": true, "mac": "", "addresses": ["192.168.100.1/32"]}]
boot_links:
  description: Names of the interfaces that systemd-networkd, or a unit of M(highload.lvs.vip_links), makes at boot.
  type: list
  elements: str
  returned: success
  sample: [dummy1]
modules:
  description: Whether each of O(modules) is loaded or built in.
  type: dict
  returned: success
  sample: {"ip_vs": true, "ip_vs_rr": true}
absent_modules:
  description:
    - Those of O(modules) that are neither loaded nor built in nor among the modules of the kernel that runs. Null where
      the host does not see these, as in a container.
  type: list
  elements: str
  returned: success
  sample: []
boot_modules:
  description: The kernel modules that systemd loads at boot.
  type: list
  elements: str
  returned: success
  sample: [ip_vs, ip_vs_rr]
sysctls:
  description: Value of each of O(sysctls), null where the kernel has none of that name.
  type: dict
  returned: success
  sample: {"net.ipv4.ip_forward": "1"}
boot_sysctls:
  description: For each of O(sysctls), the files that set it at boot, in their order, and the values. The last counts.
  type: dict
  returned: success
  sample: {"net.ipv4.ip_forward": [{"file": "/etc/sysctl.d/60-highload-ipvs.conf", "value": "1"}]}
routes:
  description: The answers to O(routes), C(gateway) being empty on the link of the host itself.
  type: list
  elements: dict
  returned: success
  sample: [{"to": "192.0.2.1", "from": "10.0.0.2", "gateway": "10.0.0.1", "interface": "eth0", "error": ""}]
sockets:
  description: The sockets that listen. The address V(*) is every one of both families.
  type: list
  elements: dict
  returned: success
  sample: [{"protocol": "udp", "address": "127.0.0.1", "port": 53, "process": "dnsmasq"}]
nameservers:
  description: The servers in C(/etc/resolv.conf).
  type: list
  elements: str
  returned: success
  sample: [127.0.0.1]
resolved_names:
  description: For each of O(resolve), its C(addresses), and the C(error) where there are none.
  type: dict
  returned: success
  sample: {"my-awesome-highload-app.local": {"addresses": ["127.0.0.1", "127.0.0.2"], "error": ""}}
"""

import json
import platform
import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _resolver, _system

PACKAGES = ("dnsmasq", "ipvsadm", "systemd")


def output(module: AnsibleModule, *command: str) -> str:
    """Return what a command prints; fail where it cannot be run."""
    status, out, err = module.run_command([*command], environ_update={"LC_ALL": "C"})
    if status != 0:
        module.fail_json(msg=f"{' '.join(command)}: {err.strip() or f'exit status {status}'}")
    return str(out)


def units(module: AnsibleModule) -> list[dict[str, str]]:
    """Return the state of the units asked for."""
    names = module.params["units"]
    if not names:
        return []
    properties = ",".join(_system.UNIT_PROPERTIES)
    found = _system.parse_units(output(module, "systemctl", "show", f"--property={properties}", "--", *names))
    # An alias shows its target's name: the one that was asked for is what the caller knows.
    return [{**state, "name": name} for name, state in zip(names, found)]


def packages(module: AnsibleModule) -> dict[str, str]:
    """Return the versions of what is installed; nothing on a host without dpkg."""
    if module.get_bin_path("dpkg-query") is None:
        return {}
    # Its status is 1 as soon as one package is unknown.
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package} ${Version}\n", *PACKAGES]
    lines = (line.split() for line in module.run_command(command)[1].splitlines())
    return {words[1]: words[2] for words in lines if len(words) == 3 and words[0] == "installed"}


def routes(module: AnsibleModule, links: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the way of packets from the host's own addresses."""
    own = {address.split("/")[0] for link in links for address in link["addresses"]}
    found = []
    for one in module.params["routes"]:
        if one["from"] not in own:
            continue
        command = ["ip", "-json", "route", "get", one["to"], "from", one["from"]]
        status, out, err = module.run_command(command, environ_update={"LC_ALL": "C"})
        route = json.loads(out)[0] if status == 0 else {}
        way = {"gateway": route.get("gateway", ""), "interface": route.get("dev", "")}
        found.append({"to": one["to"], "from": one["from"], **way, "error": "" if status == 0 else err.strip()})
    return found


def resolve(name: str) -> dict[str, Any]:
    """Return the addresses of a name, or why there are none."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return {"addresses": [], "error": str(getattr(error, "strerror", None) or error)}
    return {"addresses": list(dict.fromkeys(str(one[4][0]) for one in found)), "error": ""}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "modules": {"type": "list", "elements": "str", "default": []},
            "sysctls": {"type": "list", "elements": "str", "default": []},
            "routes": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"to": {"type": "str", "required": True}, "from": {"type": "str", "required": True}},
            },
            "resolve": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    loaded = _system.loaded_modules()
    links = _system.parse_links(output(module, "ip", "-json", "-details", "address", "show"))
    module.exit_json(
        changed=False,
        kernel=platform.release(),
        os=_system.os_name(),
        python=platform.python_version(),
        packages=packages(module),
        units=units(module),
        links=links,
        boot_links=_system.boot_links(),
        modules={name: name.replace("-", "_") in loaded for name in module.params["modules"]},
        absent_modules=_system.absent_modules(module.params["modules"]),
        boot_modules=_system.boot_modules(),
        sysctls={name: _system.read_sysctl(name) for name in module.params["sysctls"]},
        boot_sysctls=_system.boot_sysctls(module.params["sysctls"]),
        routes=routes(module, links),
        sockets=_system.parse_sockets(output(module, "ss", "-H", "-lntup")),
        nameservers=_resolver.nameservers(_resolver.read_text(_resolver.RESOLV_CONF)),
        resolved_names={name: resolve(name) for name in module.params["resolve"]},
    )


if __name__ == "__main__":
    main()
