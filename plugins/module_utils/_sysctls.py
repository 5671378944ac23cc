# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls of one owner: set now and at boot, and given back as the kernel had them when the owner lets go."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from ._ipvs.files import replace_file
from ._record import recall, record
from ._system import sysctl_path

_STATE = Path("var/lib/highload-lvs/sysctls.json")
_FOLDER = Path("etc/sysctl.d")
_STEM = "60-highload-"


class SysctlError(Exception):
    """Sysctls that cannot be set; the text says why and what to do."""


@dataclass
class Plan:
    """What is to be done: values to write to the kernel, and the owner's file before and after."""

    write: dict[str, str]
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.write) or self.before != self.after


class Sysctls:
    """The sysctls of one owner on a host."""

    def __init__(self, owner: str, root: Path = Path("/")) -> None:
        """``owner`` names the file in sysctl.d; ``root`` is the host's root folder. Raises UnreadableRecordError."""
        self._root = root
        self._state = root / _STATE
        self._file = root / _FOLDER / f"{_STEM}{owner}.conf"
        self._owned = _parse(_text(self._file))
        self._others = {
            path.stem[len(_STEM) :]: _parse(_text(path))
            for path in sorted((root / _FOLDER).glob(f"{_STEM}*.conf"))
            if path != self._file
        }
        self._originals: dict[str, str] = recall(self._state)

    def plan(self, wanted: dict[str, str]) -> Plan:
        """Return what it takes to have these values and no others of this owner. Raises SysctlError."""
        for name, value in wanted.items():
            for other, values in self._others.items():
                if values.get(name, value) != value:
                    raise SysctlError(
                        f"{name} should be {value}, but {other} has set it to {values[name]} on this host "
                        f"({_FOLDER}/{_STEM}{other}.conf): ask both for the same value"
                    )
        current = {name: self._read(name) for name in {**self._owned, **wanted}}
        write = {name: value for name, value in sorted(wanted.items()) if current[name] != value}
        for name in sorted(set(self._owned) - set(wanted)):
            original = self._originals.get(name)
            shared = any(name in values for values in self._others.values())
            if not shared and original is not None and current[name] not in (None, original):
                write[name] = original
        lines = "".join(f"{name} = {value}\n" for name, value in sorted(wanted.items()))
        header = "# Written by highload.lvs.\n" if wanted else ""
        return Plan(write, _text(self._file), header + lines)

    def apply(self, plan: Plan, wanted: dict[str, str]) -> None:
        """Do it. The old values are written down before the kernel's change, and forgotten after all else.

        Raises SysctlError where the kernel refuses a value, OSError for a file.
        """
        held = set(self._owned).union(*self._others.values())
        originals = {name: value for name, value in self._originals.items() if name in held}
        for name in wanted:
            value = self._read(name)
            if value is None:
                raise SysctlError(f"{name}: this kernel has no such sysctl; see `sysctl --all` for those it has")
            originals.setdefault(name, value)
        record(self._state, originals)
        for name, value in plan.write.items():
            try:
                self._path(name).write_text(value)
            except OSError as error:
                raise SysctlError(f"{name} = {value}: the kernel refuses it: {error.strerror}") from error
        if plan.after:
            replace_file(self._file, plan.after.encode(), 0o644)
        else:
            _delete(self._file)
        kept = set(wanted).union(*self._others.values())
        record(self._state, {name: value for name, value in originals.items() if name in kept})

    def _path(self, name: str) -> Path:
        return self._root / sysctl_path(name).relative_to("/")

    def _read(self, name: str) -> str | None:
        try:
            return " ".join(self._path(name).read_text().split())
        except OSError:
            return None


def _parse(text: str) -> dict[str, str]:
    """Read sysctl.d(5)."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line.strip()[0] not in "#;")
    return {name.strip(): " ".join(value.split()) for name, value in pairs}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _delete(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
