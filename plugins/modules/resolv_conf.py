#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, replace and give back /etc/resolv.conf."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resolv_conf
short_description: Read, replace and give back /etc/resolv.conf
version_added: 0.1.0
description:
  - Tells who resolves names on a host, makes C(/etc/resolv.conf) name other servers, and later puts back
    what was there.
  - The file is replaced by rename, so that at no moment it is missing or half written. What stood there, a link or a
    file, is remembered on the host first.
  - Does not start or stop any service.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
requirements:
  - iproute2 on the host
options:
  state:
    description:
      - V(read) changes nothing.
      - V(present) makes the file name the servers of O(nameservers), and keeps the domains to search.
      - V(absent) puts back what V(present) replaced. A file that somebody else has put there since stays.
    type: str
    choices: [read, present, absent]
    default: read
  nameservers:
    description: Addresses of the servers to name. Required with O(state=present).
    type: list
    elements: str
    default: []
  check_names:
    description:
      - Names that the system's own resolver must find, through C(/etc/nsswitch.conf) as any program on the host asks.
      - Asked after the change. If one is not found, the change is taken back and the module fails.
    type: list
    elements: str
    default: []
  check_timeout:
    description: Seconds in which all of O(check_names) must be found.
    type: float
    default: 10.0
"""

EXAMPLES = r"""
- name: Learn which servers this host asks
  highload.lvs.resolv_conf:
  register: resolver

- name: Let the host ask its own server
  highload.lvs.resolv_conf:
    state: present
    nameservers: [127.0.0.1]

- name: Give the host its old resolver back
  highload.lvs.resolv_conf:
    state: absent
"""

RETURN = r"""
before:
  description: What stood at C(/etc/resolv.conf), with C(link) or C(content), and C(ours) when this module wrote it.
  type: dict
  returned: success
  sample: {"link": "../run/systemd/resolve/stub-resolv.conf", "content": null, "ours": false}
upstreams:
  description: The servers outside this host that it asks, or asked before this module changed it.
  type: list
  elements: str
  returned: success
  sample: [192.0.2.53]
resolved:
  description:
    - State of systemd-resolved now, C(present), C(enabled) and C(active),
      and before this module changed the host, C(was_enabled) and C(was_active).
  type: dict
  returned: success
  sample: {"present": true, "enabled": true, "active": true, "was_enabled": true, "was_active": true}
port_53:
  description: The sockets that listen on port 53, with C(protocol), C(address) and C(process).
  type: list
  elements: dict
  returned: success
  sample: [{"protocol": "udp", "address": "127.0.0.53%lo", "process": "systemd-resolve"}]
"""

import ipaddress
import socket
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _resolver
from ansible_collections.highload.lvs.plugins.module_utils._resolver import Memory, ResolvConf, ResolverError

PAUSE = 0.5


def resolved_state(module: AnsibleModule) -> dict[str, bool]:
    """Return whether systemd-resolved is installed, starts at boot and runs."""
    command = ["systemctl", "show", "--property", "LoadState,ActiveState,UnitFileState", "systemd-resolved.service"]
    out = module.run_command(command)[1]
    values = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    return {
        "present": values.get("LoadState") in ("loaded", "masked"),
        "enabled": values.get("UnitFileState") in ("enabled", "enabled-runtime"),
        "active": values.get("ActiveState") == "active",
    }


def listeners(module: AnsibleModule) -> list[dict[str, str]]:
    """Return the sockets that listen on port 53; raise ResolverError where ss cannot be run."""
    status, out, err = module.run_command(["ss", "-H", "-lntup", "sport = :53"])
    if status != 0:
        raise ResolverError(f"ss cannot list the listening sockets: {err.strip()}")
    return _resolver.parse_ss(out)


def memory_of(module: AnsibleModule, before: ResolvConf) -> Memory:
    """Return what is to be remembered of the host: what is remembered already if its resolv.conf is ours."""
    kept = _resolver.recall()
    if kept and before.ours:
        return kept
    resolved = resolved_state(module)
    # What resolved asks comes first: the file itself only names resolved.
    resolved_text = _resolver.read_text(_resolver.RESOLVED_UPSTREAMS) if resolved["active"] else ""
    upstreams = _resolver.upstreams(resolved_text, _resolver.read_text(_resolver.RESOLV_CONF))
    return Memory(before.link, before.content, upstreams, resolved["enabled"], resolved["active"])


def wanted(module: AnsibleModule, before: ResolvConf, memory: Memory) -> ResolvConf:
    """Return what should stand at /etc/resolv.conf."""
    state = module.params["state"]
    if state == "present":
        text = _resolver.read_text(_resolver.RESOLV_CONF)
        return ResolvConf(None, _resolver.render(module.params["nameservers"], text))
    if state == "absent" and before.ours:
        if _resolver.recall() is None:
            raise ResolverError(
                f"{_resolver.MEMORY} is gone, so nobody knows what {_resolver.RESOLV_CONF} was: write it anew, "
                f"or link it to {_resolver.RESOLVED_LINK} where systemd-resolved runs"
            )
        return ResolvConf(memory.link, memory.content)
    return before


def check_names(names: list[str], timeout: float) -> None:
    """Ask the system's own resolver; raise ResolverError for the first name that is not found in time (seconds)."""
    deadline = time.monotonic() + timeout
    for name in names:
        while True:
            try:
                socket.getaddrinfo(name, None)
                break
            except socket.gaierror as error:
                if time.monotonic() >= deadline:
                    raise ResolverError(f"the system's resolver does not find {name}: {error.strerror}") from error
                time.sleep(PAUSE)


def as_text(resolv_conf: ResolvConf) -> str:
    """Return what stands at /etc/resolv.conf in the form of Ansible's --diff."""
    if resolv_conf.link is not None:
        return f"link to {resolv_conf.link}\n"
    return resolv_conf.content or ""


def change(module: AnsibleModule, before: ResolvConf, after: ResolvConf, memory: Memory) -> None:
    """Remember, replace and check; put back what was there when the check fails."""
    if module.params["state"] == "present" and memory != _resolver.recall():
        _resolver.remember(memory)
    if before != after:
        _resolver.put(after)
    try:
        check_names(module.params["check_names"], module.params["check_timeout"])
    except ResolverError as error:
        if before == after:
            raise
        _resolver.put(before)
        raise ResolverError(f"{error}; {_resolver.RESOLV_CONF} is again what it was before") from error
    if module.params["state"] == "absent":
        _resolver.forget()


def run(module: AnsibleModule) -> dict[str, Any]:
    """Look, change unless in check mode, and return the result."""
    for server in module.params["nameservers"]:
        try:
            ipaddress.ip_address(server)
        except ValueError as error:
            raise ResolverError(f"nameserver {error}") from error
    before = _resolver.look()
    memory = memory_of(module, before)
    after = wanted(module, before, memory)
    resolved = resolved_state(module)
    result = {
        "changed": before != after,
        "before": {"link": before.link, "content": before.content, "ours": before.ours},
        "upstreams": memory.upstreams,
        "resolved": {**resolved, "was_enabled": memory.resolved_enabled, "was_active": memory.resolved_active},
        "port_53": listeners(module),
        "diff": {"before": as_text(before), "after": as_text(after)},
    }
    if not module.check_mode:
        change(module, before, after, memory)
    return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["read", "present", "absent"], "default": "read"},
            "nameservers": {"type": "list", "elements": "str", "default": []},
            "check_names": {"type": "list", "elements": "str", "default": []},
            "check_timeout": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
        required_if=[("state", "present", ["nameservers"])],
    )
    try:
        result = run(module)
    except (ResolverError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
