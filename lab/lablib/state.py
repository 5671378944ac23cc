"""Where a lab keeps its things, and who may change them.

A lab is one folder, `.lab/NAME` in the checkout, readable by its owner alone. Whether a guest runs is told by a lock
that its supervisor holds, never by a process id alone: the kernel releases it when the holder dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def checked_name(name: str, what: str) -> str:
    """Return `name` if it can be a host name label of at most 32 characters; a lab's may have underscores, too."""
    if not NAME.fullmatch(name.replace("_", "-") if what == "lab" else name):
        raise LabError(
            f"{what} {name!r}: use 1 to 32 lower-case letters, digits and hyphens, with no hyphen at either end"
        )
    return name


@dataclass(frozen=True)
class Lab:
    """One lab: its name and its folder."""

    name: str

    @property
    def folder(self) -> Path:
        return CHECKOUT / ".lab" / self.name

    @property
    def domain(self) -> str:
        """A suffix for ssh that no two labs share, so that no two share a multiplexed connection either."""
        return "lab-" + hashlib.sha256(bytes(self.folder)).hexdigest()[:8]

    @property
    def key(self) -> Path:
        return self.folder / "ssh_key"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yml"

    @property
    def uplink(self) -> Path:
        """A FIFO that every supervisor holds open: when the last one is gone, slirp4netns sees it and ends."""
        return self.folder / "uplink"

    def guests(self) -> list[str]:
        """The names of the guests that have a folder here, running or not."""
        return sorted(path.parent.name for path in self.folder.glob("guests/*/lock"))

    def guest_folder(self, guest: str) -> Path:
        return self.folder / "guests" / guest

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other `up` and `down` of this lab out. The folder exists inside the block."""
        lock = self.folder / "lock"
        while True:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError), lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # `down` removes the folder while it holds the lock: what we then hold is the lock of nothing.
                if lock.exists() and os.path.samestat(lock.stat(), os.fstat(file.fileno())):
                    yield
                    return

    def remove(self) -> None:
        """Remove the folder, and the folder of all labs with the last lab."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()


def held(lock: Path) -> bool:
    """Is this lock held by a living process?"""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
