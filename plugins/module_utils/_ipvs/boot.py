# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore the IPVS table at boot: ``python3 PROGRAM restore FILE``, with the program that ``program`` builds.

Needs neither Ansible nor anything outside the standard library.
"""

# pylint: disable=ansible-bad-function  # runs at boot, without AnsibleModule

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .errors import IPVSError
from .ipvsadm import Ipvsadm
from .manage import restore
from .managed import ManagedFile


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status is 1 when not everything could be restored."""
    parser = argparse.ArgumentParser(prog="_ipvs", description="The part of highload.lvs that works without Ansible.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("restore", help="put the managed services into the kernel; nothing is removed")
    command.add_argument("file", help="what ipvs_services remembers, such as /var/lib/highload-lvs/ipvs.json")
    chosen = parser.parse_args(arguments)
    if not Path(chosen.file).exists():
        print(f"{chosen.file} does not exist: nothing is managed, and nothing to bring back")
        return 0
    try:
        changes = restore(Ipvsadm(), ManagedFile(chosen.file))
    except IPVSError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(changes)} changes brought the IPVS table back" if changes else "the IPVS table was complete already")
    return 0
