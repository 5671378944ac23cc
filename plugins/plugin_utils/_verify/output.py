# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict as lines for the terminal, and as JUnit XML for CI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from .check import FAIL, SKIP

# Everything that XML 1.0 (section 2.2) cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def lines(result: Mapping[str, Any]) -> list[str]:
    """Return a table of all checks, the failed ones last with what was expected and seen."""
    checks = sorted(result["checks"], key=lambda one: one["status"] == FAIL)
    width = max((len(one["host"]) for one in checks), default=0)
    table = []
    for one in checks:
        table.append(f"{one['status'].upper():<4}  {one['host']:<{width}}  {one['topic']:<8}  {one['name']}")
        if one["status"] == FAIL:
            table += [f"      expected: {one['expected']}", f"      seen:     {one['seen']}"]
    return [*table, summary(result)]


def summary(result: Mapping[str, Any]) -> str:
    """Return the verdict in one line."""
    counts = result["counts"]
    return f"{counts['pass']} checks passed, {counts['fail']} failed, {counts['skip']} skipped"


def junit(result: Mapping[str, Any]) -> str:
    """Return the checks as JUnit XML, a suite a host and a test case a check, as Jenkins and GitLab read it."""
    root = ElementTree.Element("testsuites", name="highload.lvs.verify")
    for host in result["hosts"]:
        checks = [one for one in result["checks"] if one["host"] == host["name"]]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_xml(host["name"]),
            tests=str(len(checks)),
            failures=str(sum(one["status"] == FAIL for one in checks)),
            skipped=str(sum(one["status"] == SKIP for one in checks)),
            errors="0",
        )
        for one in checks:
            classname = f"{host['name']}.{one['topic']}"
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(classname), name=_xml(one["name"]))
            if one["status"] == FAIL:
                message = f"expected {one['expected']}, seen {one['seen']}"
                ElementTree.SubElement(case, "failure", message=_xml(message)).text = _xml(one["evidence"])
            elif one["status"] == SKIP:
                ElementTree.SubElement(case, "skipped", message=_xml(one["seen"]))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
