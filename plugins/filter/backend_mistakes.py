# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a list of static web servers, before any host is touched."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backend_mistakes
short_description: Tell what is wrong with a list of static web servers
version_added: 0.1.0
author:
  - The highload.lvs authors (@highload)
description:
  - Checks the variables of the role C(highload.lvs.backend) and returns every mistake with its place.
  - Whether a port is free and the content is there are for the host and for M(highload.lvs.backend_content) to see.
positional: _input
options:
  _input:
    description: The servers, as C(backend_servers) has them.
    type: list
    elements: dict
    required: true
  bind:
    description: Address of the servers that do not give one.
    type: str
    default: 0.0.0.0
  root:
    description: Folder of the content.
    type: str
    default: /srv/highload-backend
  keep_releases:
    description: Number of old releases to keep.
    type: int
    default: 3
seealso:
  - module: highload.lvs.backend_content
"""

EXAMPLES = r"""
- name: Refuse a list that is not right
  ansible.builtin.assert:
    that: mistakes == []
    fail_msg: "{{ mistakes }}"
  vars:
    mistakes: "{{ backend_servers | highload.lvs.backend_mistakes }}"
    # => ["backend_servers[1] green: port 80 is not within 1024 to 65535: ..."]
"""

RETURN = r"""
_value:
  description: One sentence for each mistake, which begins with its place. Empty if there is none.
  type: list
  elements: str
"""

from collections.abc import Callable

from ansible_collections.highload.lvs.plugins.plugin_utils._late import late


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return the filter by name."""
        return {"backend_mistakes": late("_backend_mistakes", "backend_mistakes")}
