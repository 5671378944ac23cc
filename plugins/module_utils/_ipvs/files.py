# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write a file so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .errors import IPVSError


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Put ``content`` in the file's place, its folder included if need be. Raises OSError."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def keep_text(path: Path, text: str) -> bool:
    """Make the file hold ``text``, or be gone for an empty one; tell whether that changed it. Raises IPVSError."""
    try:
        if text == (path.read_text("utf-8") if path.exists() else ""):
            return False
        if text:
            replace_file(path, text.encode(), 0o644)
        else:
            path.unlink()
    except OSError as error:
        raise IPVSError(f"cannot write {path}: {error}") from error
    return True
