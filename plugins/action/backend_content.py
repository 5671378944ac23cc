# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of backend_content: read the content, and send what the host does not have."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.highload.lvs.plugins.module_utils._release import ReleaseError, identify
from ansible_collections.highload.lvs.plugins.plugin_utils import _content

KINDS = ("content", "template", "folder", "archive")
MODULE = "highload.lvs.backend_releases"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Deploys content."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read all the content first, so that nothing is changed for the others if that of one server is refused."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        servers = self._task.args["servers"]
        with ExitStack() as stack:
            files, mistakes = {}, []
            for server in servers:
                try:
                    if not server.get("release"):
                        files[str(server["name"])] = self._files(server, variables, stack)
                except (ReleaseError, AnsibleError, OSError) as error:
                    mistakes.append(f"{server['name']}: {error}")
            if mistakes:
                return {**result, "failed": True, "msg": "nothing was changed: " + "; ".join(mistakes)}
            digests = {name: _content.digests(found) for name, found in files.items()}
            wanted = {str(one["name"]): str(one.get("release") or "") for one in servers}
            wanted.update({name: identify(found) for name, found in digests.items()})

            answer = self._ask(wanted, {}, variables)
            missing = answer.get("missing", [])
            if lost := [name for name in missing if name not in files]:
                return {**result, "failed": True, "msg": "nothing was changed: " + self._lost(lost, wanted, answer)}
            if missing and not self._task.check_mode:
                answer = self._ask(wanted, self._send({name: files[name] for name in missing}), variables)
        return {**result, **answer, "diff": [_difference(one, digests) for one in answer.get("sites", [])]}

    def _files(self, server: Mapping[str, Any], variables: dict[str, Any], stack: ExitStack) -> _content.Files:
        """Return the files of one server's content."""
        given = [kind for kind in KINDS if server.get(kind) is not None]
        if len(given) != 1:
            raise ReleaseError(f"give one of {', '.join(KINDS)}, not {' and '.join(given) or 'none'}")
        kind, value = given[0], str(server[given[0]])
        if kind == "content":
            return _content.page(value)
        if kind == "template":
            lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
            return _content.page(str(lookup.run([value], variables={**variables, "server": server})[0]))
        path = self._find_needle("files", value)
        try:
            return _content.folder(path) if kind == "folder" else _content.archive(path, stack)
        except ReleaseError as error:
            raise ReleaseError(f"{kind} {path}: {error}") from error

    def _ask(self, wanted: dict[str, str], archives: dict[str, str], variables: dict[str, Any]) -> dict[str, Any]:
        """Have the host serve these releases; the result of the module."""
        sites = [{"name": name, "release": release, "archive": archives.get(name)} for name, release in wanted.items()]
        arguments = {"root": self._task.args["root"], "keep": self._task.args.get("keep", 3), "sites": sites}
        answer: dict[str, Any] = self._execute_module(MODULE, module_args=arguments, task_vars=variables)
        return answer

    def _send(self, files: dict[str, _content.Files]) -> dict[str, str]:
        """Send content to the host, and return the path of each archive there."""
        shell = self._connection._shell
        if shell.tmpdir is None:
            self._make_tmp_path()
        archives = {}
        with tempfile.TemporaryDirectory() as folder:
            for name, found in files.items():
                packed = os.path.join(folder, f"{name}.tar.gz")
                _content.pack(found, packed)
                archives[name] = self._transfer_file(packed, shell.join_path(shell.tmpdir, f"{name}.tar.gz"))
        self._fixup_perms2((shell.tmpdir, *archives.values()))
        return archives

    def _lost(self, names: list[str], wanted: dict[str, str], answer: dict[str, Any]) -> str:
        """Say which releases to roll back to are not there, and which are."""
        there = {one["name"]: one["kept"] for one in answer["sites"]}
        return "; ".join(
            f"{name}: release {wanted[name]} is not on the host: give one of {', '.join(there[name])}"
            if there[name]
            else f"{name}: release {wanted[name]} is not on the host, nor any other: leave release out"
            for name in names
        )


def _difference(site: Mapping[str, Any], digests: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the files of a site before and after, a line each, as --diff shows them."""
    # Of a release to roll back to, only the host knows the files.
    before, after = site["files_before"], digests.get(site["name"], site["files"])
    return {
        "before_header": f"{site['name']}, release {site['before'] or 'none'}",
        "after_header": f"{site['name']}, release {site['release']}",
        "before": _listing(before),
        "after": _listing(after),
    }


def _listing(digests: Mapping[str, str]) -> str:
    return "".join(f"{digests[path][:12]}  {path}\n" for path in sorted(digests))
