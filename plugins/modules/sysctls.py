#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set sysctls, and give back what the kernel had."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctls
short_description: Set sysctls now and at boot, and give back the old values
version_added: 0.1.0
description:
  - Sets sysctls of the running kernel and writes them to C(/etc/sysctl.d/60-highload-OWNER.conf).
  - The list is the truth. A sysctl of the owner that is no longer in it gets back the value that the kernel had
    before, unless another owner still sets it. C(/var/lib/highload-lvs/sysctls.json) holds the old values.
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
  - root
options:
  owner:
    description: Who sets them, such as the name of a role. Lower-case letters and underscores.
    type: str
    required: true
  values:
    description:
      - The sysctls by name, written as for sysctl(8). An empty one gives everything of the owner back.
      - Two owners may set the same sysctl to the same value. Different values are refused.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Let an address be on a host without the network learning of it
  highload.lvs.sysctls:
    owner: my_play
    values:
      net.ipv4.conf.all.arp_ignore: 1
      net.ipv4.conf.all.arp_announce: 2

- name: Give the old values back
  highload.lvs.sysctls:
    owner: my_play
    values: {}
"""

RETURN = r"""
written:
  description: The values that were written to the running kernel, old ones given back included.
  type: dict
  returned: success
  sample: {"net.ipv4.conf.all.arp_ignore": "1"}
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._record import UnreadableRecordError
from ansible_collections.highload.lvs.plugins.module_utils._root import require_root
from ansible_collections.highload.lvs.plugins.module_utils._sysctls import SysctlError, Sysctls


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "values": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    require_root(module)
    owner = module.params["owner"]
    if not re.fullmatch(r"[a-z_]+", owner):
        module.fail_json(msg=f"owner: {owner!r} must be of lower-case letters and underscores")
    wanted = {str(name): " ".join(str(value).split()) for name, value in module.params["values"].items()}
    try:
        sysctls = Sysctls(owner)
        plan = sysctls.plan(wanted)
        if plan.changed and not module.check_mode:
            sysctls.apply(plan, wanted)
    except (SysctlError, UnreadableRecordError, OSError) as error:
        module.fail_json(msg=f"sysctls: {error}")
    module.exit_json(
        changed=plan.changed,
        written=plan.write,
        diff={"before": plan.before, "after": plan.after},
    )


if __name__ == "__main__":
    main()
