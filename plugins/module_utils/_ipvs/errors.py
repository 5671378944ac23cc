# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, as exceptions whose text can be shown to a user as it is."""

from __future__ import annotations


class IPVSError(Exception):
    """The base of every error that this package raises on purpose."""


class ParseError(IPVSError):
    """A line that is not in a form known to be printed by ipvsadm.

    ``line`` is the line as found, ``number`` counts from 1 (0: the text as a whole).
    """

    def __init__(self, reason: str, line: str = "", number: int = 0) -> None:
        """Quote ``line`` and its ``number`` after the ``reason``."""
        super().__init__(f"{reason}, in line {number}: {line!r}" if number else reason)
        self.line = line
        self.number = number


class MismatchError(IPVSError):
    """Two listings that should describe the same table do not hold the same services and servers."""


class UnavailableError(IPVSError):
    """IPVS cannot be used here: no ipvsadm, no kernel module or no privilege. The text says what to do."""


class CommandError(IPVSError):
    """ipvsadm ended with an error or complained; ``stderr`` holds its words."""

    def __init__(self, command: list[str], status: int, stderr: str) -> None:
        """Name the ``command``, its exit ``status`` and what it wrote to ``stderr``."""
        words = "; ".join(line.strip() for line in stderr.splitlines() if line.strip()) or "it gave no reason"
        super().__init__(f"{' '.join(command)} ended with status {status}: {words}")
        self.status = status
        self.stderr = stderr


class ValidationError(IPVSError):
    """Input that was refused before anything was touched; ``errors`` names each mistake and its place."""

    def __init__(self, errors: list[str]) -> None:
        """List all the ``errors`` below each other."""
        count = "1 mistake" if len(errors) == 1 else f"{len(errors)} mistakes"
        super().__init__("\n".join([f"{count} in the parameters, nothing was changed:", *errors]))
        self.errors = errors
