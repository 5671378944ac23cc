# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse a user who cannot change the host, before anything is tried."""

from __future__ import annotations

import os
import pwd

from ansible.module_utils.basic import AnsibleModule


def require_root(module: AnsibleModule) -> None:
    """Fail in words where the module does not run as root."""
    user = os.geteuid()
    if user == 0:
        return
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    module.fail_json(
        msg=f"this needs root and runs as {name}, nothing was changed: "
        "set become: true on the play or the role, or connect as root"
    )
