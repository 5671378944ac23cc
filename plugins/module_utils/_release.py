# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content as a release: files with their digests, the id that follows from them, and folders that hold releases.

The folder of a site looks like this. What `current` names is served; no more than rename(2) changes it::

    releases/0d5f2c8e11aa/   a release, named by its id: the same files have the same id on every host
    releases/0d5f2c8e11aa.1/ the same, where the first one was found damaged
    releases/.new-x7k2/      one that was not finished
    current -> releases/0d5f2c8e11aa
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

ID_LENGTH = 12
FILE_MODE, FOLDER_MODE = 0o644, 0o755
UNFINISHED = ".new-"


class ReleaseError(Exception):
    """Content that cannot be a release, or a release that cannot be served. The text says which and why."""


def digest(stream: BinaryIO) -> str:
    """Return the SHA-256 of what is left of a stream, in hex."""
    found = hashlib.sha256()
    while block := stream.read(1 << 20):
        found.update(block)
    return found.hexdigest()


def identify(digests: Mapping[str, str]) -> str:
    """Return the id of the release that has these files: their paths, relative to its root, with their digests."""
    lines = (f"{digests[path]} {path}\n" for path in sorted(digests))
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()[:ID_LENGTH]


def identity(name: str) -> str:
    """Return the id of the release in a folder of this name."""
    return name.split(".")[0]


def check_path(path: str) -> str:
    """Return the path of a file inside a release in its plain form; raise ReleaseError if it would leave the root."""
    if path.startswith("/"):
        raise ReleaseError(f"{path} is an absolute path")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ReleaseError(f"{path} would leave the root of the site")
    if not parts or "\0" in path or "\n" in path:
        raise ReleaseError(f"{path!r} cannot name a file")
    return "/".join(parts)


def read_folder(folder: Path) -> dict[str, str]:
    """Return the digests of the files of a release; what has no place or mode of a release has its fault instead."""
    digests = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) and stat.S_IMODE(mode) == FOLDER_MODE:
                continue
            found = f"mode {stat.filemode(mode)}"
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) == FILE_MODE:
                with path.open("rb") as stream:
                    found = digest(stream)
            digests[str(path.relative_to(folder))] = found
    return digests


def unpack(archive: str, folder: Path) -> None:
    """Write the files of a tar archive into an empty folder; raise ReleaseError for one that is not only files."""
    with tarfile.open(archive) as members:
        for member in members:
            content = members.extractfile(member) if member.isreg() else None
            if content is None:
                raise ReleaseError(f"{member.name} is not a file")
            path = folder / check_path(member.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:
                shutil.copyfileobj(content, stream, 1 << 20)
    for parent, folders, names in os.walk(folder):
        for name in folders:
            Path(parent, name).chmod(FOLDER_MODE)
        for name in names:
            Path(parent, name).chmod(FILE_MODE)
    folder.chmod(FOLDER_MODE)


@dataclass
class Plan:
    """What is to be done for one site, with names of folders in its `releases`."""

    serve: str = ""  # empty: to be unpacked first
    prune: list[str] = field(default_factory=list)
    changed: bool = False


class Site:
    """The releases of one server on its host."""

    def __init__(self, root: str, name: str) -> None:
        self.name = name
        self.folder = Path(root, name)
        self.releases = self.folder / "releases"
        self.link = self.folder / "current"

    @property
    def served(self) -> str:
        """The name of the release that is served; empty for none."""
        return os.path.basename(os.readlink(self.link)) if self.link.is_symlink() else ""

    def names(self) -> list[str]:
        """Return the names of the releases, that served last first."""
        found = list(self.releases.iterdir()) if self.releases.is_dir() else []
        found = [path for path in found if not path.name.startswith(UNFINISHED)]
        return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]

    def files(self, name: str) -> dict[str, str]:
        """Return the digests of the files of a release; nothing for no name."""
        return read_folder(self.releases / name) if name else {}

    def plan(self, wanted: str, keep: int) -> Plan:
        """Return how to serve the release of this id and how to be left with so many old ones."""
        names = self.names()
        same = sorted((name for name in names if identity(name) == wanted), key=lambda name: name != self.served)
        whole = [name for name in same if identify(read_folder(self.releases / name)) == wanted]
        serve = whole[0] if whole else ""
        old = [name for name in names if name not in same]
        unfinished = [path.name for path in self.releases.glob(f"{UNFINISHED}*")]
        prune = unfinished + [name for name in same if name != serve] + old[keep:]
        return Plan(serve, prune, bool(prune) or not serve or serve != self.served)

    def apply(self, plan: Plan, wanted: str, archive: str) -> None:
        """Do it. Raises ReleaseError, and then what was served is served on."""
        try:
            for folder in (self.folder, self.releases):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(FOLDER_MODE)
            serve = plan.serve or self._unpack(wanted, archive)
            if serve != self.served:
                self._switch(serve)
            for name in plan.prune:
                shutil.rmtree(self.releases / name)
        except (OSError, tarfile.TarError, ReleaseError) as error:
            left = f"release {self.served} is still served" if self.served else "nothing is served"
            raise ReleaseError(f"{self.name}: release {wanted} cannot be put there: {error}; {left}") from error

    def _unpack(self, wanted: str, archive: str) -> str:
        """Unpack a release beside the others and return its name."""
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.releases))
        try:
            unpack(archive, unfinished)
            found = identify(read_folder(unfinished))
            if found != wanted:
                raise ReleaseError(f"the archive that arrived has the release {found}")
            names = [wanted, *(f"{wanted}.{number}" for number in range(1, 100))]
            name = next(name for name in names if not (self.releases / name).exists())
            unfinished.rename(self.releases / name)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return name

    def _switch(self, name: str) -> None:
        """Serve another release from the next request on."""
        # Younger than what was served before, or a browser that asks whether its copy is up to date hears that it is.
        before = self.releases / self.served if self.served else None
        last = int(before.stat().st_mtime) if before and before.exists() else 0
        stamp = max(int(time.time()), last + 1)
        for parent, _folders, names in os.walk(self.releases / name):
            for one in (parent, *(os.path.join(parent, each) for each in names)):
                os.utime(one, (stamp, stamp))
        # A power cut after the switch must not leave a release of empty files.
        os.sync()
        new = self.folder / f"{UNFINISHED}link"
        new.unlink(missing_ok=True)
        new.symlink_to(os.path.join("releases", name))
        new.replace(self.link)
