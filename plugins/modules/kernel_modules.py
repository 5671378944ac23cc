#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load kernel modules, and unload them again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_modules
short_description: Load kernel modules now and at boot, and unload them again
version_added: 0.1.0
description:
  - Loads kernel modules and writes their names to C(/etc/modules-load.d/highload-OWNER.conf).
  - What was loaded for owners, dependencies included, is recorded on the host. When an owner wants no modules any more,
    those of its modules are unloaded that no other owner wants and nothing uses.
  - A module that was there before the first owner came is never unloaded.
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
  - systemd, kmod and iproute2 on the host
  - root
options:
  owner:
    description: Who wants them, such as the name of a role.
    type: str
    required: true
  names:
    description:
      - Names of the modules. When this kernel lacks one, it is named and nothing is changed.
      - An empty list gives all back. A module that leaves a longer list stays loaded until then.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Be able to balance in turn
  highload.lvs.kernel_modules:
    owner: my_play
    names: [ip_vs, ip_vs_rr]

- name: Unload what was loaded for that
  highload.lvs.kernel_modules:
    owner: my_play
    names: []
"""

RETURN = r"""
loaded:
  description: The modules that were loaded, dependencies first.
  type: list
  elements: str
  returned: success
  sample: [nf_conntrack, ip_vs, ip_vs_rr]
unloaded:
  description: The modules that were unloaded.
  type: list
  elements: str
  returned: success
  sample: []
in_use:
  description: The modules that would have been unloaded, and stay since something uses them.
  type: list
  elements: str
  returned: success
  sample: []
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _kernel_modules
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.files import replace_file
from ansible_collections.highload.lvs.plugins.module_utils._record import (
    FOLDER,
    UnreadableRecordError,
    recall,
    record,
)
from ansible_collections.highload.lvs.plugins.module_utils._root import require_root
from ansible_collections.highload.lvs.plugins.module_utils._system import parse_links

RECORD = Path(FOLDER, "kernel_modules.json")


class MissingModuleError(Exception):
    """A module that this kernel lacks; the text says what to do."""


def modprobe(module: AnsibleModule, names: list[str], *options: str) -> list[str]:
    """Load the modules and return those that were not there, dependencies first."""
    # A container can use what its host has loaded, without having the files of the modules.
    names = [name for name in names if not Path("/sys/module", name.replace("-", "_")).is_dir()]
    if not names:
        return []
    status, out, err = module.run_command(
        [module.get_bin_path("modprobe", required=True), "--all", "--verbose", *options, *names]
    )
    if status != 0:
        raise MissingModuleError(
            f"{err.strip()}. Install the package that has this kernel's modules, "
            f"or in a container run `modprobe --all {' '.join(names)}` on the host that lends it the kernel."
        )
    return _kernel_modules.loaded_by(out)


def unload(module: AnsibleModule, names: list[str]) -> tuple[list[str], list[str]]:
    """Unload what nothing uses, in this order; return what was unloaded, or would be, and what is in use."""
    links = parse_links(module.run_command(["ip", "-json", "-details", "address", "show"], check_rc=True)[1])
    unloaded: list[str] = []
    in_use: list[str] = []
    for name in names:
        used = _kernel_modules.holders(name).difference(unloaded) or _kernel_modules.links_of(name, links)
        if not used and not module.check_mode:
            used = module.run_command([module.get_bin_path("rmmod", required=True), name])[0] != 0
        (in_use if used else unloaded).append(name)
    return unloaded, in_use


def want(module: AnsibleModule, owner: str, names: list[str]) -> dict[str, Any]:
    """Load the modules; recorded first, so that they are unloaded again also when this is killed."""
    loaded = modprobe(module, names, "--dry-run")
    known = recall(RECORD)
    claims = _kernel_modules.claimed(known, owner, names, loaded)
    if not module.check_mode:
        if claims != known:
            record(RECORD, claims)
        modprobe(module, names)
    return {"loaded": loaded, "unloaded": [], "in_use": []}


def let_go(module: AnsibleModule, owner: str) -> dict[str, Any]:
    """Unload what was loaded for the owner alone, then forget it."""
    claims = recall(RECORD)
    free = _kernel_modules.freed(claims, owner)
    unloaded, in_use = unload(module, free) if free else ([], [])
    if claims and not module.check_mode:
        record(RECORD, _kernel_modules.without(claims, owner))
    return {"loaded": [], "unloaded": unloaded, "in_use": in_use}


def write(module: AnsibleModule, file: Path, names: list[str]) -> dict[str, Any]:
    """Let the next boot load the modules; return the file before and after."""
    before = file.read_text() if file.exists() else ""
    after = "\n".join(["# Written by highload.lvs.", *names, ""]) if names else ""
    if before != after and not module.check_mode:
        if after:
            replace_file(file, after.encode(), 0o644)
        else:
            file.unlink()
    return {"before": before, "after": after, "before_header": str(file), "after_header": str(file)}


def run(module: AnsibleModule) -> dict[str, Any]:
    """Load or unload, now and at boot, unless in check mode."""
    owner, names = module.params["owner"], module.params["names"]
    result = want(module, owner, names) if names else let_go(module, owner)
    diff = write(module, Path(f"/etc/modules-load.d/highload-{owner}.conf"), names)
    return {
        **result,
        "changed": bool(result["loaded"] or result["unloaded"] or diff["before"] != diff["after"]),
        "diff": diff,
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    require_root(module)
    try:
        result = run(module)
    except (MissingModuleError, UnreadableRecordError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
