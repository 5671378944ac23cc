# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a text that is being parsed, and an error that quotes the one where it went wrong."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import ParseError


class Lines:
    """Iterates over the lines of a text and remembers where it is."""

    def __init__(self, text: str) -> None:
        """Stand before the first line."""
        self._text = text
        self._line = ""
        self._number = 0

    def __iter__(self) -> Iterator[str]:
        """Yield each line; after the last one an error is about the text as a whole."""
        for number, line in enumerate(self._text.split("\n"), 1):
            self._number, self._line = number, line
            yield line
        self._number, self._line = 0, ""

    def error(self, reason: object) -> ParseError:
        """Return the error that gives the ``reason`` and quotes the line last yielded."""
        return ParseError(str(reason), self._line, self._number)
