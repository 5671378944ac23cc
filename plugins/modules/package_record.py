#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record which packages a host lacks, and purge those again that came since."""

from __future__ import annotations

DOCUMENTATION = r"""
module: package_record
short_description: Record which packages a host lacks, and purge those again that came since
version_added: 0.1.0
description:
  - Tells which Debian packages a host lacks, and records that before somebody installs them.
  - Later purges what was recorded, with the dependencies that came with it and that nothing else needs.
    A package that was there before the first record stays. Nothing is purged when a package of somebody else needs it.
  - Installs nothing. That is the business of M(ansible.builtin.apt).
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
requirements:
  - Debian, Ubuntu or another distribution of dpkg and apt
  - root
options:
  names:
    description: Names of the packages to look for. Required with O(state=present).
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) records which of O(names) the host lacks.
      - V(absent) purges all that was recorded, and forgets it.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Look for ipvsadm
  highload.lvs.package_record:
    names: [ipvsadm]
  register: packages

- name: Install it
  ansible.builtin.apt:
    name: "{{ packages.missing }}"
    update_cache: true
  when: packages.missing | length > 0

- name: Purge what was installed since
  highload.lvs.package_record:
    state: absent
"""

RETURN = r"""
missing:
  description: Those of O(names) that are not installed.
  type: list
  elements: str
  returned: O(state=present)
  sample: [ipvsadm]
purged:
  description: The packages that were purged, or would be in check mode.
  type: list
  elements: str
  returned: O(state=absent)
  sample: [ipvsadm, libnl-3-200]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._record import (
    FOLDER,
    UnreadableRecordError,
    recall,
    record,
)
from ansible_collections.highload.lvs.plugins.module_utils._root import require_root

RECORD = Path(FOLDER, "packages.json")
# Needed means depended on, as in the roles' installation: what others only recommend or suggest came all the same.
STRICT = ["--option", "APT::AutoRemove::RecommendsImportant=0", "--option", "APT::AutoRemove::SuggestsImportant=0"]


def removals(simulation: str) -> set[str]:
    """Return the packages that `apt-get --simulate` would remove: its lines `Remv NAME [VERSION]` and `Purg ...`."""
    lines = (line.split() for line in simulation.splitlines())
    return {words[1].partition(":")[0] for words in lines if len(words) > 1 and words[0] in ("Remv", "Purg")}


def installed(module: AnsibleModule) -> set[str]:
    """Return the names of the packages that are installed."""
    out = module.run_command(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n"], check_rc=True)[
        1
    ]
    return {
        name for status, _blank, name in (line.partition(" ") for line in out.splitlines()) if status == "installed"
    }


def apt_get(module: AnsibleModule, *arguments: str) -> str:
    """Run apt-get, which waits for another that runs; return what it prints, fail where it fails."""
    command = ["apt-get", "--yes", "--option", "DPkg::Lock::Timeout=120", *arguments]
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    return str(module.run_command(command, check_rc=True, environ_update=environment)[1])


def look(module: AnsibleModule) -> dict[str, Any]:
    """Record the packages that are missing, before they are installed."""
    here = installed(module)
    missing = [name for name in module.params["names"] if name not in here]
    before = recall(RECORD)
    after = {
        "asked": sorted({*before.get("asked", []), *missing}),
        "here_before": before.get("here_before") or sorted(here),
    }
    changed = bool(missing) and before != after
    if changed and not module.check_mode:
        record(RECORD, after)
    return {"changed": changed, "missing": missing}


def purge(module: AnsibleModule) -> dict[str, Any]:
    """Purge what was recorded and came since, with what it alone needs."""
    known = recall(RECORD)
    asked = installed(module).intersection(known.get("asked", []))
    purged: set[str] = set()
    if asked:
        needed = removals(apt_get(module, "--simulate", "purge", *asked)) - asked
        if needed:
            others = ", ".join(sorted(needed))
            module.fail_json(
                msg=f"{others} needs what should be purged, {', '.join(sorted(asked))}, so all stay. "
                f"Purge {others} first, or keep the packages."
            )
        unneeded_before = removals(apt_get(module, "--simulate", *STRICT, "autoremove"))
        purged = removals(apt_get(module, "--simulate", *STRICT, "--auto-remove", "purge", *asked))
        purged -= {*known["here_before"], *unneeded_before}
    if not module.check_mode:
        if purged:
            apt_get(module, "purge", *sorted(purged))
        record(RECORD, {})
    return {"changed": bool(purged), "purged": sorted(purged)}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ["names"])],
        supports_check_mode=True,
    )
    require_root(module)
    try:
        result = look(module) if module.params["state"] == "present" else purge(module)
    except (UnreadableRecordError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
