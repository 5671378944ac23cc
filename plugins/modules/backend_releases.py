#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the releases of sites on a host, and switch between them at once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backend_releases
short_description: Serve one of the releases of a site, and keep a few old ones
version_added: 0.1.0
description:
  - Holds the releases of each site in C(ROOT/NAME/releases), each in a folder that is named by its id, and has the link
    C(ROOT/NAME/current) name the one to serve. The link is replaced by rename, so that no request sees half a release.
  - An id follows from the files. A release whose files are not those of its id any more is unpacked anew.
  - M(highload.lvs.backend_content) makes releases of content on the controller and calls this module.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  root:
    description: Folder of all the sites. Only root may look into it.
    type: path
    required: true
  keep:
    description: Number of old releases of each site that are kept beside the one that is served, those served last.
    type: int
    default: 3
  sites:
    description: The sites to serve. Other sites in O(root) are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the site and of its folder.
        type: str
        required: true
      release:
        description: Id of the release to serve.
        type: str
        required: true
      archive:
        description:
          - Tar archive on the host with the files of the release, for a release that is not on the host yet.
          - Without it nothing is changed for any site if one lacks its release, and RV(missing) tells.
        type: path
"""

EXAMPLES = r"""
- name: Roll back
  highload.lvs.backend_releases:
    root: /srv/highload-backend
    sites:
      - {name: blue, release: 0d5f2c8e11aa}
  register: releases
  failed_when: releases.missing | length > 0
"""

RETURN = r"""
missing:
  description: Names of the sites that lack their release. If there is one, nothing was changed.
  type: list
  elements: str
  returned: success
  sample: [blue]
sites:
  description:
    - For each site its C(name), the C(release) that is served now, that which was served C(before), those that are
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
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._release import Plan, ReleaseError, Site, identity

ROOT_MODE = 0o700


def describe(site: Site, wanted: str, plan: Plan) -> dict[str, Any]:
    """Return what is told of a site, as it is before the change and will be after it."""
    kept = [name for name in site.names() if name not in plan.prune]
    return {
        "name": site.name,
        "release": wanted,
        "before": identity(site.served),
        "kept": [identity(name) for name in kept if identity(name) != wanted],
        "files_before": site.files(site.served),
        "files": site.files(plan.serve),
    }


def root_differs(root: str) -> bool:
    """Tell whether the folder of all sites is missing or has another mode."""
    return not os.path.isdir(root) or os.stat(root).st_mode & 0o777 != ROOT_MODE


def run(module: AnsibleModule) -> dict[str, Any]:
    """Look, change unless in check mode or a release is missing, and return the result."""
    root, keep = module.params["root"], module.params["keep"]
    if keep < 1:
        raise ReleaseError(f"keep {keep} is not at least 1: a request may still be answered from the last release")
    wanted = [(Site(root, one["name"]), one["release"], one["archive"]) for one in module.params["sites"]]
    plans = [site.plan(release, keep) for site, release, _archive in wanted]
    missing = [one[0].name for one, plan in zip(wanted, plans) if not plan.serve and not one[2]]
    changed = root_differs(root) or any(plan.changed for plan in plans)
    told = [describe(site, release, plan) for (site, release, _archive), plan in zip(wanted, plans)]
    if not module.check_mode and not missing:
        os.makedirs(root, exist_ok=True)
        os.chmod(root, ROOT_MODE)
        for (site, release, archive), plan in zip(wanted, plans):
            site.apply(plan, release, archive)
    return {"changed": changed and (module.check_mode or not missing), "missing": missing, "sites": told}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "keep": {"type": "int", "default": 3},
            "sites": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "release": {"type": "str", "required": True},
                    "archive": {"type": "path"},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except (ReleaseError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
