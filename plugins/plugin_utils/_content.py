# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content on the controller: a page, a folder or an archive as the files of a release.

Nothing is ever extracted here. A link to a file inside stands for that file; what points anywhere else is refused.
"""

from __future__ import annotations

import io
import lzma
import os
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ansible_collections.highload.lvs.plugins.module_utils._release import (
    FILE_MODE,
    ReleaseError,
    check_path,
    digest,
)

# What the readers of archives raise for those that are damaged.
DAMAGED = (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError)
MAX_LINKS = 40


@dataclass(frozen=True)
class File:
    """A file of a release."""

    size: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True)
class Link:
    """A link in an archive, to a path from the root of the archive."""

    target: str


Files = Mapping[str, File]


def page(text: str) -> Files:
    """Return the files of a site that is one page."""
    data = text.encode()
    return {"index.html": File(len(data), lambda: io.BytesIO(data))}


def folder(path: str) -> Files:
    """Return the files of a folder. Raises ReleaseError for what cannot be served, OSError for what cannot be read."""
    root = Path(path).resolve()
    files = {}
    for parent, folders, names in os.walk(root, onerror=_fail):
        for name in (*folders, *names):
            found = Path(parent, name)
            inside = found.relative_to(root).as_posix()
            if found.is_dir() and not found.is_symlink():
                continue
            real = found.resolve()
            if not real.is_file() or not real.is_relative_to(root):
                what = f"a link to {os.readlink(found)}" if found.is_symlink() else "no file"
                raise ReleaseError(f"{inside} is {what}: give files, folders, and links to files inside {path}")
            files[check_path(inside)] = File(real.stat().st_size, _opener(real))
    return _checked(files)


def archive(path: str, stack: ExitStack) -> Files:
    """Return the files of a tar or zip archive, which stays open as long as the stack.

    Raises ReleaseError for an archive that cannot be read or has what cannot be served.
    """
    try:
        if tarfile.is_tarfile(path):
            members = _tar(stack.enter_context(tarfile.TarFile.open(path)))
        elif zipfile.is_zipfile(path):
            members = _zip(stack.enter_context(zipfile.ZipFile(path)))
        else:
            raise ReleaseError("it is neither a tar nor a zip archive")
        return _checked({name: _follow(members, name) for name in members})
    except DAMAGED as error:
        raise ReleaseError(f"the archive cannot be read: {error}") from error


def digests(files: Files) -> dict[str, str]:
    """Return the digest of each file; raise ReleaseError for one that cannot be read."""
    found = {}
    for path, file in files.items():
        try:
            with file.open() as stream:
                found[path] = digest(stream)
        except DAMAGED as error:
            raise ReleaseError(f"{path} cannot be read: {error}") from error
    return found


def pack(files: Files, path: str) -> None:
    """Write the files as a tar archive."""
    with tarfile.open(path, "w:gz", compresslevel=3) as target:
        for name, file in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = file.size, FILE_MODE
            with file.open() as stream:
                target.addfile(member, stream)


def _fail(error: OSError) -> None:
    raise error


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _tar(source: tarfile.TarFile) -> dict[str, File | Link]:
    members: dict[str, File | Link] = {}
    for member in source:
        if member.isdir() and posixpath.normpath(member.name) == ".":
            continue
        name = check_path(member.name)
        if member.isreg():
            members[name] = File(member.size, _tar_opener(source, member))
        elif member.issym():
            members[name] = Link(_target(name, member.linkname))
        elif member.islnk():
            members[name] = Link(_target("", member.linkname))
        elif not member.isdir():
            raise ReleaseError(f"{name} is neither a file nor a folder")
    return members


def _tar_opener(source: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", source.extractfile(member))


def _zip(source: zipfile.ZipFile) -> dict[str, File | Link]:
    members: dict[str, File | Link] = {}
    for member in source.infolist():
        name = check_path(member.filename)
        if member.flag_bits & 1:
            raise ReleaseError(f"{name} is encrypted")
        if stat.S_ISLNK(member.external_attr >> 16):
            members[name] = Link(_target(name, source.read(member).decode(errors="surrogateescape")))
        elif not member.is_dir():
            members[name] = File(member.file_size, _zip_opener(source, member))
    return members


def _zip_opener(source: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", source.open(member))


def _target(name: str, target: str) -> str:
    """Return where a link leads, from the root of the archive."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))


def _follow(members: Mapping[str, File | Link], name: str) -> File:
    """Return the file that a member is or links to."""
    found: File | Link | None = members[name]
    for _step in range(MAX_LINKS):
        if not isinstance(found, Link):
            break
        found = members.get(found.target)
    if isinstance(found, File):
        return found
    raise ReleaseError(f"{name} is a link that does not lead to a file of the archive")


def _checked(files: dict[str, File]) -> dict[str, File]:
    """Return the files; raise ReleaseError if there are none or they cannot be side by side."""
    if not files:
        raise ReleaseError("it has no files")
    for name in files:
        parent = posixpath.dirname(name)
        while parent:
            if parent in files:
                raise ReleaseError(f"{parent} is a file, and a folder that has {name}")
            parent = posixpath.dirname(parent)
    return files
