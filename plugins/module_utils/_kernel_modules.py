# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel modules were loaded for whom, and what uses them.

The claims are a dictionary: the modules that were loaded, dependencies first, each with those who want it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

Claims = dict[str, list[str]]

# Links do not hold the module that makes them: it would take them along. Of each module, the kinds of links that it
# makes, and the one that it makes itself when it is loaded.
_LINKS = {
    "dummy": ({"dummy"}, {"dummy0"}),
    "ipip": ({"ipip"}, {"tunl0"}),
    "ip6_tunnel": ({"ip6tnl"}, {"ip6tnl0"}),
    "ip_gre": ({"gre", "gretap", "erspan"}, {"gre0", "gretap0", "erspan0"}),
    "ip6_gre": ({"ip6gre", "ip6gretap", "ip6erspan"}, {"ip6gre0", "ip6gretap0", "ip6erspan0"}),
    "sit": ({"sit"}, {"sit0"}),
}


def loaded_by(output: str) -> list[str]:
    """Return what `modprobe --verbose` loads: lines like `insmod /lib/modules/.../NAME.ko.xz OPTION ...`, in order."""
    return [name.replace("-", "_") for name in re.findall(r"^insmod \S*/([^/\s.]+)\.ko", output, re.MULTILINE)]


def claimed(claims: Claims, owner: str, names: list[str], loaded: list[str]) -> Claims:
    """Return the claims with those of an owner for whom ``loaded`` is loaded and who wants ``names``."""
    after = {name: list(owners) for name, owners in claims.items()}
    after.update({name: [] for name in loaded if name not in after})
    for name in {*loaded, *names}.intersection(after):
        after[name] = sorted({*after[name], owner})
    return after


def freed(claims: Claims, owner: str) -> list[str]:
    """Return the modules that only this owner wants, in the order to unload them."""
    return [name for name, owners in claims.items() if owners == [owner]][::-1]


def without(claims: Claims, owner: str) -> Claims:
    """Return the claims of all others."""
    left = {name: [one for one in owners if one != owner] for name, owners in claims.items()}
    return {name: owners for name, owners in left.items() if owners}


def links_of(module: str, links: list[dict[str, Any]]) -> list[str]:
    """Return the links in use that would vanish with the module, of those that `_system.parse_links` read."""
    kinds, own = _LINKS.get(module, (set(), set()))
    return [link["name"] for link in links if link["kind"] in kinds and (link["up"] or link["name"] not in own)]


def holders(module: str, root: Path = Path("/")) -> set[str]:
    """Return the loaded modules that need this one."""
    folder = root / "sys/module" / module / "holders"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
