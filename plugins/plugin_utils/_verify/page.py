# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .topology import draw
from .wanted import COLLECTION

TEMPLATES = COLLECTION / "playbooks" / "templates"


def visible(value: Any) -> Any:
    """Return a text with its control and format characters spelled out: some turn around what stands beside them."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(f"\\u{ord(one):04x}" if unicodedata.category(one) in ("Cc", "Cf") else one for one in value)


def page(result: Mapping[str, Any]) -> str:
    """Return the page. Everything in the result is escaped, whoever wrote it."""
    environment = Environment(
        loader=FileSystemLoader(str(TEMPLATES)),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("verify.html.j2").render(result=result, drawing=draw(result))
