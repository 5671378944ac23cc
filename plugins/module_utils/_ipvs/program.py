# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This package as one file that Python runs by itself (PEP 441), for restoring the table at boot without Ansible."""

from __future__ import annotations

import io
import os
import pkgutil
import zipfile
from pathlib import Path

# Not used here, but what nothing imports Ansible does not send to the host.
from . import boot  # noqa: F401 pylint: disable=unused-import
from .errors import IPVSError
from .files import replace_file

NAME = "_ipvs"
ENTRY = f"import sys\nfrom {NAME}.boot import main\nsys.exit(main())\n"
# The first date that a zip file can hold: the same sources give the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


def build() -> bytes:
    """Return the program."""
    package = __name__.rpartition(".")[0]
    names = sorted(module.name for module in pkgutil.iter_modules([os.path.dirname(__file__)]))
    sources = {f"{NAME}/{name}.py": pkgutil.get_data(package, f"{name}.py") for name in ["__init__", *names]}
    program = io.BytesIO()
    with zipfile.ZipFile(program, "w") as archive:
        for path, source in {"__main__.py": ENTRY.encode(), **sources}.items():
            if source is None:
                raise IPVSError(f"{path} of the restore program cannot be read")
            archive.writestr(zipfile.ZipInfo(path, DATE), source)
    return program.getvalue()


def differs(path: str, program: bytes) -> bool:
    """Tell whether the file is not this program."""
    try:
        return Path(path).read_bytes() != program
    except FileNotFoundError:
        return True


def install(path: str, program: bytes) -> None:
    """Write the program by rename, its folder too; raise IPVSError where that cannot be done."""
    try:
        replace_file(Path(path), program, 0o755)
    except OSError as error:
        raise IPVSError(f"the restore program cannot be written to {path}: {error.strerror}") from error


def remove(path: str) -> None:
    """Delete the program, and its folder if nothing else is in it; raise IPVSError where that cannot be done."""
    place = Path(path)
    try:
        place.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise IPVSError(f"the restore program {path} cannot be deleted: {error.strerror}") from error
    if not any(place.parent.iterdir()):
        place.parent.rmdir()
