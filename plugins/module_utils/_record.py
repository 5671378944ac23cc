# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection remembers on a host of the time before it came, so that it can give it back."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from ansible_collections.highload.lvs.plugins.module_utils._ipvs.files import replace_file

FOLDER = Path("/var/lib/highload-lvs")


class UnreadableRecordError(Exception):
    """A record that cannot be understood; the text says what to do."""


def recall(path: Path) -> dict[str, Any]:
    """Return what was recorded, empty where nothing was."""
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UnreadableRecordError(
            f"{path} is not JSON ({error}): what this host had before cannot be given back. "
            "Delete the file to keep the host as it is now"
        ) from error
    return dict(record)


def record(path: Path, what: dict[str, Any]) -> None:
    """Keep it, or delete the record, and its folder if nothing else is in it, where there is nothing to keep."""
    if what:
        replace_file(path, (json.dumps(what, indent=2) + "\n").encode(), 0o644)
        return
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with contextlib.suppress(OSError):
        path.parent.rmdir()
