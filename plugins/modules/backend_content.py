#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of this name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backend_content
short_description: Deploy the content of web servers in releases, and switch to them at once
version_added: 0.1.0
description:
  - Makes a release of each server's content, sends those that the host does not have, and serves them. What the host
    has is neither sent nor written again.
  - All content is read and checked before anything is changed. Archives are read, never extracted, on the controller.
    A path or link that would leave the root of the site is refused.
  - C(ROOT/NAME/current) is a link to the release that is served, and replaced by rename. On the host works
    M(highload.lvs.backend_releases).
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the files of each server with the beginning of their SHA-256.
options:
  root:
    description: Folder of all the sites on the host. Only root may look into it.
    type: path
    required: true
  keep:
    description: Number of old releases of each server that are kept.
    type: int
    default: 3
  servers:
    description:
      - The servers, each with one of O(servers[].content), O(servers[].template), O(servers[].folder) and
        O(servers[].archive).
      - Other keys, such as those of the role's C(backend_servers), mean nothing here.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the server and of its folder.
        type: str
        required: true
      content:
        description: The page as text. It becomes C(index.html).
        type: str
      template:
        description:
          - Path of a template on the controller, searched for as those of M(ansible.builtin.template) are. Its result
            becomes C(index.html).
          - It knows the server of this list as C(server).
        type: str
      folder:
        description: Path of a folder on the controller, searched for as those of M(ansible.builtin.copy) are.
        type: str
      archive:
        description:
          - Path of a tar or zip archive on the controller, searched for as those of M(ansible.builtin.copy) are.
        type: str
      release:
        description: Id of a kept release to serve instead of the content, which is not even read then.
        type: str
"""

EXAMPLES = r"""
- name: Deploy two sites
  highload.lvs.backend_content:
    root: /srv/highload-backend
    servers:
      - {name: blue, folder: sites/blue}
      - {name: green, archive: green-1.4.tar.gz}
"""

RETURN = r"""
sites:
  description:
    - For each server its C(name), the C(release) that is served now, that which was served C(before), those that are
      C(kept), and the SHA-256 of the C(files_before) and of the C(files) now, which are empty for a release that was
      not on the host.
  type: list
  elements: dict
  returned: success
  sample:
    - name: blue
      release: 0d5f2c8e11aa
      before: 77ab01f2c3d4
      kept: [77ab01f2c3d4]
      files_before: {"index.html": "c1de..."}
      files: {"index.html": "77f0..."}
missing:
  description: Names of the servers whose release is sent, in check mode.
  type: list
  elements: str
  returned: success
  sample: []
"""
