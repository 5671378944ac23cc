# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters and tests cost next to nothing until they are used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

COLLECTION = "ansible_collections.highload.lvs.plugins"
PLUGINS = Path(__file__).parents[4] / "plugins"
FILES = [f"{kind}.{path.stem}" for kind in ("filter", "test") for path in sorted((PLUGINS / kind).glob("*.py"))]


@pytest.mark.parametrize("file", FILES)
def test_there_is_something_behind_every_name(file):
    module = import_module(f"{COLLECTION}.{file}")
    plugins = module.FilterModule().filters() if file.startswith("filter") else module.TestModule().tests()
    assert plugins
    for function in plugins.values():
        with pytest.raises(TypeError, match=r"missing .* required positional argument"):
            function()


def test_looking_for_a_filter_imports_nothing_else():
    code = f"import sys, {', '.join(f'{COLLECTION}.{file}' for file in FILES)}\nprint(*sys.modules)"
    paths = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
        check=True,
        capture_output=True,
        text=True,
    )
    ours = {name.removeprefix(f"{COLLECTION}.") for name in done.stdout.split() if name.startswith(f"{COLLECTION}.")}
    assert ours - {"filter", "test", "plugin_utils", *FILES} == {"plugin_utils._late"}
