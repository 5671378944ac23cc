# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the kernel's table through ipvsadm."""

from __future__ import annotations

from typing import Protocol

from .errors import MismatchError
from .listing import Listing, merge_listings, parse_listing

MODEL = (("--tun-info",), ("--thresholds",))
"""The two listings that together hold the whole model: no single one does."""

_ATTEMPTS = 5


class Shower(Protocol):
    """Whatever lists the table: Ipvsadm, or a stand-in."""

    def show(self, *options: str) -> str:
        """Return the text of one listing."""


def read_table(ipvsadm: Shower, *more: tuple[str, ...]) -> Listing:
    """Return the table with all that the model holds, and what ``more`` listings (their options) say of it.

    Each listing is a look of its own, and somebody may change the table in between: then all are read again. Raises
    MismatchError if the table does not hold still.
    """
    for attempt in range(_ATTEMPTS):
        listings = [parse_listing(ipvsadm.show(*options)) for options in (*MODEL, *more)]
        try:
            return merge_listings(listings)
        except MismatchError as error:
            if attempt == _ATTEMPTS - 1:
                raise MismatchError(f"the table changed while it was read, {_ATTEMPTS} times: {error}") from error
    raise AssertionError
