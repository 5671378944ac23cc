# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kernel modules a table needs, and whether this kernel has them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .model import VirtualService

_LOADED = Path("/sys/module")
_MODULES = Path("/lib/modules")


def needed_modules(services: Iterable[VirtualService]) -> dict[str, str]:
    """Return the modules that these services need, each with the service that needs it first."""
    needed: dict[str, str] = {}
    for service in services:
        needed.setdefault(f"ip_vs_{service.scheduler}", f"scheduler {service.scheduler} of {service.key}")
        if service.persistence_engine is not None:
            name = f"ip_vs_pe_{service.persistence_engine}"
            needed.setdefault(name, f"persistence engine {service.persistence_engine} of {service.key}")
    return needed


def missing_modules(services: Iterable[VirtualService]) -> list[str]:
    """Say which of the modules that these services need this kernel does not have.

    In a container the machine's modules may be out of sight. Then nothing is missing, and the kernel has the last word.
    """
    folder = _MODULES / os.uname().release
    indexes = [folder / name for name in ("modules.dep", "modules.builtin")]
    if not indexes[0].exists():
        return []
    known = "".join(index.read_text(errors="replace") for index in indexes if index.exists())
    return [
        f"{use}: this kernel ({os.uname().release}) has no module {name}"
        for name, use in needed_modules(services).items()
        if f"/{name}.ko" not in known and not (_LOADED / name).exists()
    ]
