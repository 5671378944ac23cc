#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the backends of a host, and at the ports that they are to have."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backend_info
short_description: Tell which backends a host has, and who holds the ports that they want
version_added: 0.1.0
description:
  - Looks at what the role C(highload.lvs.backend) has put on a host, and whether the servers of a list could have their
    addresses and ports.
  - To learn that, it takes each address and port for a moment without listening on it. It changes nothing.
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
  - root
options:
  root:
    description: Folder of the content.
    type: path
    required: true
  settings:
    description: Folder of the settings, a file C(NAME.env) for each server.
    type: path
    default: /etc/highload-backend
  servers:
    description:
      - The servers that are wanted, each with C(name), C(port) and, where it has an address of its own, C(bind).
      - Other keys, such as those of the role's C(backend_servers), mean nothing here.
    type: list
    elements: dict
    default: []
  bind:
    description: IP address of the servers that have none of their own.
    type: str
    default: 0.0.0.0
"""

EXAMPLES = r"""
- name: Look at the backends
  highload.lvs.backend_info:
    root: /srv/highload-backend
    servers:
      - {name: blue, port: 8081}
  register: backends
"""

RETURN = r"""
names:
  description: Names of the servers that have settings or content on the host.
  type: list
  elements: str
  returned: success
  sample: [blue, green]
current:
  description: Those of them that run with the settings that are on the host.
  type: list
  elements: str
  returned: success
  sample: [blue]
roots:
  description: Folders of content, other than O(root), of which those settings tell.
  type: list
  elements: str
  returned: success
  sample: []
conflicts:
  description:
    - A sentence for each of O(servers) that cannot have its address and port. What another backend holds it can have.
  type: list
  elements: str
  returned: success
  sample: ["green: port 8082 on 0.0.0.0 is held by nginx (process 812)"]
"""

import errno
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _backend
from ansible_collections.highload.lvs.plugins.module_utils._root import require_root


def output(module: AnsibleModule, *command: str) -> str:
    """Return what a command prints; fail where it cannot be run."""
    status, out, err = module.run_command([*command], environ_update={"LC_ALL": "C"})
    if status != 0:
        module.fail_json(msg=f"{' '.join(command)}: {err.strip() or f'exit status {status}'}")
    return str(out)


def read_settings(folder: str) -> dict[str, dict[str, str]]:
    """Return the settings of each server that has some."""
    return {path.stem: _backend.parse_settings(path.read_text()) for path in sorted(Path(folder).glob("*.env"))}


def current(module: AnsibleModule, settings: dict[str, dict[str, str]]) -> list[str]:
    """Return the servers that run with their settings."""
    if not settings:
        return []
    units = {name: _backend.UNIT.format(name) for name in settings}
    pids = _backend.parse_pids(output(module, "systemctl", "show", "--property=Id,MainPID", "--", *units.values()))
    return [name for name, unit in units.items() if _backend.runs_with(pids.get(unit, 0), settings[name])]


def conflict(module: AnsibleModule, server: dict[str, Any]) -> str:
    """Return why a server cannot have its address and port; empty if it can."""
    name, bind, port = server["name"], server.get("bind") or module.params["bind"], int(server["port"])
    error = _backend.bind_error(bind, port)
    if error == errno.EADDRINUSE:
        found = _backend.parse_holders(output(module, "ss", "-H", "-ltnp", f"sport = :{port}"))
        others = [f"{process} (process {pid})" for pid, process in found if not _backend.is_backend(pid)]
        if found and not others:
            return ""
        return f"{name}: port {port} on {bind} is held by {', '.join(others) or 'a process that cannot be seen'}"
    if error == errno.EADDRNOTAVAIL:
        return f"{name}: {bind} is not an address of this host"
    return f"{name}: port {port} on {bind} cannot be had: {os.strerror(error)}" if error else ""


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "settings": {"type": "path", "default": "/etc/highload-backend"},
            "servers": {"type": "list", "elements": "dict", "default": []},
            "bind": {"type": "str", "default": "0.0.0.0"},
        },
        supports_check_mode=True,
    )
    require_root(module)
    settings = read_settings(module.params["settings"])
    root = Path(module.params["root"])
    roots = {Path(one["BACKEND_ROOT"]) for one in settings.values() if "BACKEND_ROOT" in one}
    sites = [path.parent.name for path in root.glob("*/releases")]
    module.exit_json(
        changed=False,
        names=sorted({*settings, *sites}),
        roots=sorted(str(one) for one in roots - {root}),
        current=current(module, settings),
        conflicts=[text for text in (conflict(module, one) for one in module.params["servers"]) if text],
    )


if __name__ == "__main__":
    main()
