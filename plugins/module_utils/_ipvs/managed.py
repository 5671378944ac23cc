# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection manages on a host, remembered in a file.

It tells our services from those of others, and is what the table is restored from at boot. JSON, because the standard
library of the host's Python reads it, in the form in which services stand in YAML.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import IPVSError
from .files import keep_text
from .model import Table, VirtualService, table_of
from .settings import SyncDaemon

VERSION = 1
"""Of the file's format. A file of a later version is refused, one of an earlier version would be converted here."""


@dataclass(frozen=True)
class Managed:
    """What the collection put into the kernel: services, those timeouts that were given, synchronization daemons."""

    services: Table = field(default_factory=dict)
    timeouts: dict[str, int] = field(default_factory=dict)
    daemons: tuple[SyncDaemon, ...] = ()

    def to_text(self) -> str:
        """Return the file's content; nothing managed is an empty text."""
        if self == Managed():
            return ""
        # A service a line reads well, and Python's indentation of JSON is ten times slower.
        services = ",\n".join(json.dumps(service.to_dict()) for service in self.services.values())
        daemons = json.dumps([daemon.to_dict() for daemon in self.daemons])
        return (
            f'{{"version": {VERSION},\n"services": [\n{services}\n],\n'
            f'"timeouts": {json.dumps(self.timeouts)},\n"sync_daemons": {daemons}}}\n'
        )

    @classmethod
    def from_text(cls, text: str) -> Managed:
        """Read a file's content. Raises IPVSError for anything that to_text() does not write."""
        if not text:
            return cls()
        try:
            data = json.loads(text)
            if data["version"] != VERSION:
                raise IPVSError(f"it has version {data['version']}, but this version of the collection knows {VERSION}")
            return cls(
                table_of(VirtualService.from_dict(service) for service in data["services"]),
                dict(data["timeouts"]),
                tuple(SyncDaemon(**daemon) for daemon in data["sync_daemons"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IPVSError(f"it is damaged ({type(error).__name__}: {error})") from error


class ManagedFile:
    """The file that remembers what is managed. No file means nothing is."""

    def __init__(self, path: str) -> None:
        """Name the file; nothing is read yet."""
        self.path = Path(path)

    def load(self) -> Managed:
        """Return what the file says. Raises IPVSError if it cannot be read or understood."""
        try:
            return Managed.from_text(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return Managed()
        except (OSError, IPVSError, UnicodeError) as error:
            raise IPVSError(
                f"{self.path}, which remembers what the collection manages, cannot be read: {error}. "
                "Repair it, or delete it: then everything in the IPVS table counts as somebody else's"
            ) from error

    def save(self, managed: Managed) -> bool:
        """Write the file as a whole, or remove it when nothing is managed; tell whether that changed anything."""
        return keep_text(self.path, managed.to_text())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off other runs that change the same table; waits for one that is under way."""
        try:
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            advice = ": use become" if isinstance(error, PermissionError) else ""
            raise IPVSError(f"cannot use the folder of {self.path}: {error}{advice}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
