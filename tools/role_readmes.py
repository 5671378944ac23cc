"""Write the table of variables into every role's README, from its meta/argument_specs.yml.

Usage: python3 tools/role_readmes.py [--check] [ROLE ...]

The table stands between the lines of `MARKS`; what is written around them by hand stays. With --check nothing is
written, and the exit status is 1 when a README is not what it would become.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MARKS = ("<!-- variables -->", "<!-- /variables -->")
NOTE = "<!-- Made by tools/role_readmes.py from meta/argument_specs.yml: change that. -->"

Options = dict[str, dict[str, Any]]


def markdown(text: str) -> str:
    """Return a description as Markdown for a cell of a table.

    Ansible's markup: https://docs.ansible.com/ansible/latest/dev_guide/ansible_markup.html
    """
    text = re.sub(r"O\(([\w.]+)#\w+:(\w+)\)", r"`\2` of `\1`", text)
    text = re.sub(r"[CEOV]\(([^)]*)\)", r"`\1`", text)
    text = re.sub(r"[BI]\(([^)]*)\)", r"*\1*", text)
    text = re.sub(r"[MP]\(([^#)]*)[^)]*\)", r"`\1`", text)
    text = re.sub(r"[LR]\(([^,)]*),\s*([^)]*)\)", r"[\1](\2)", text)
    text = re.sub(r"U\(([^)]*)\)", r"<\1>", text)
    return " ".join(text.split()).replace("|", r"\|")


def literal(value: Any) -> str:
    """Return a value as one writes it into a variable file, on one line."""
    if isinstance(value, str) and value:
        return value
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).removesuffix("\n...\n").strip()


def default_of(option: dict[str, Any]) -> str:
    """Return the cell that tells what holds when the variable is not given."""
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    return "see below" if is_long(option) else f"`{literal(option['default'])}`"


def is_long(option: dict[str, Any]) -> bool:
    """Tell whether the default is too long for a cell."""
    return len(literal(option.get("default"))) > 40


def description_of(option: dict[str, Any]) -> str:
    """Return the description and the choices of an option, as one line."""
    sentences = option.get("description", [])
    lines = [sentences] if isinstance(sentences, str) else list(sentences)
    if choices := option.get("choices"):
        lines.append(f"One of {', '.join(f'V({literal(choice)})' for choice in choices)}.")
    return markdown(" ".join(lines))


def rows(options: Options, above: str = "") -> Iterator[str]:
    """Yield a row for each option, its suboptions right after it."""
    for name, option in options.items():
        kind = option.get("type", "str")
        if elements := option.get("elements"):
            kind = f"{kind} of {elements}"
        yield f"| `{above}{name}` | {kind} | {default_of(option)} | {description_of(option)} |"
        yield from rows(option.get("options", {}), f"{above}{name}{'[]' if option.get('type') == 'list' else ''}.")


def table(options: Options) -> str:
    """Return what stands between the marks: the table, and the defaults that are too long for it."""
    lines = [NOTE, "", "| variable | type | default | |", "|---|---|---|---|", *rows(options)]
    for name, option in options.items():
        if is_long(option):
            text = yaml.safe_dump(option["default"], sort_keys=False).strip()
            lines += ["", f"The default of `{name}`:", "", "```yaml", text, "```"]
    return "\n".join([*lines, ""])


def renewed(role: Path) -> str:
    """Return the README of a role with the table that it should have.

    Raises:
        ValueError: the README does not have both marks, once, in order.
    """
    before, begin, rest = (role / "README.md").read_text().partition(MARKS[0])
    _old, end, after = rest.partition(MARKS[1])
    if not begin or not end or any(mark in after for mark in MARKS):
        raise ValueError(f"README.md needs one line {MARKS[0]} and, below it, one line {MARKS[1]}")
    specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text())
    options = specification["argument_specs"]["main"].get("options", {})
    return f"{before}{begin}\n{table(options)}\n{end}{after}"


def stale(role: Path) -> Iterator[str]:
    """Yield what is wrong with the README of a role, if anything."""
    try:
        if renewed(role) != (role / "README.md").read_text():
            yield "README.md is not what meta/argument_specs.yml says: run python3 tools/role_readmes.py"
    except (OSError, ValueError) as error:
        yield str(error)


def main() -> int:
    """Renew the READMEs, or tell which are stale; the exit status is 1 when one is stale or cannot be renewed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    parser.add_argument("roles", nargs="*", metavar="ROLE", help="only these roles")
    arguments = parser.parse_args()
    roles = [Path("roles", name) for name in arguments.roles] or sorted(Path("roles").glob("*/"))
    if not arguments.check:
        for role in roles:
            with contextlib.suppress(OSError, ValueError):  # stale() tells why
                (role / "README.md").write_text(renewed(role))
    found = [f"{role}: {problem}" for role in roles for problem in stale(role)]
    print("\n".join(found) or f"{len(roles)} README files are as meta/argument_specs.yml says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
