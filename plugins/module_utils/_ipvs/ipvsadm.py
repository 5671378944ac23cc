# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that runs ipvsadm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .errors import CommandError, UnavailableError

_SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
_KERNEL_TABLE = Path("/proc/net/ip_vs")


class Ipvsadm:
    """ipvsadm on this host. Creating one raises UnavailableError where IPVS cannot be used."""

    def __init__(self) -> None:
        """Find the program and make sure that the kernel has IPVS, so that nothing loads a module by accident."""
        path = shutil.which("ipvsadm", path=_SEARCH)
        if path is None:
            raise UnavailableError("ipvsadm was not found: install the package ipvsadm on this host")
        if not _KERNEL_TABLE.exists():
            raise UnavailableError(
                f"the kernel has no IPVS loaded ({_KERNEL_TABLE} does not exist): run 'modprobe ip_vs' as root; "
                "in a container, on the machine that runs it; if there is no such module, this kernel lacks IPVS"
            )
        self._path = path

    def show(self, *options: str) -> str:
        """Return what ``ipvsadm -L -n`` prints with further ``options``."""
        return self._run(["-L", "-n", *options])

    def restore(self, rules: str) -> None:
        """Feed ``rules``, one command a line, to one ``ipvsadm -R``.

        It is no transaction: when CommandError is raised, any of the rules may have been applied.
        """
        self._run(["-R"], rules)

    def _run(self, arguments: list[str], stdin: str = "") -> str:
        # Not run_command(): this runs at boot, too, without AnsibleModule.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [self._path, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
        if "Permission denied" in done.stderr:
            raise UnavailableError("only root may read or change the IPVS table: use become")
        # The status of -R is that of its last line: errors of the lines before show on stderr alone.
        if done.returncode != 0 or done.stderr.strip():
            raise CommandError(["ipvsadm", *arguments], done.returncode, done.stderr)
        return done.stdout
