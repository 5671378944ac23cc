"""Run every linter over what git knows or would add, and say at the end which of them complained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from progress import run

COLLECTION = ".cache/collections/ansible_collections/highload/lvs/"


def project_files() -> list[Path]:
    """Return the files of the checkout, new ones included, ignored ones not."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for path in map(Path, listing.split("\0")[:-1]) if path.is_file()]


def speaks(path: Path, language: str) -> bool:
    """Tell whether the file's first line asks for an interpreter of this language."""
    with path.open("rb") as file:
        first = file.readline(128)
    return first.startswith(b"#!") and language.encode() in first


def main() -> int:
    """Run all the checks; the exit status is 1 when any of them fails."""
    files = project_files()
    python = [str(path) for path in files if path.suffix == ".py" or speaks(path, "python")]
    shell = [str(path) for path in files if path.suffix == ".sh" or speaks(path, "sh")]
    plugins = [COLLECTION + path for path in python if path.startswith("plugins/")]
    others = [path for path in python if path.startswith("tests/lab/") or not path.startswith(("plugins/", "tests/"))]

    checks: dict[str, list[str]] = {
        "yamllint": ["yamllint", "--strict", "."],
        "ruff check": ["ruff", "check", *python],
        "ruff format": ["ruff", "format", "--check", *python],
        "shellcheck": ["shellcheck", *shell],
        "antsibull-changelog": ["antsibull-changelog", "lint"],
        "mypy": ["mypy", "--scripts-are-modules", *plugins, *others],
        "roles": [sys.executable, "tools/check_roles.py"],
        "ansible-lint": ["ansible-lint", *([] if sys.stdout.isatty() else ["--nocolor"])],
    }
    failed = []
    for name, command in checks.items():
        print(f"--- {name}", flush=True)
        if run(name, command) != 0:
            failed.append(name)
    print(f"lint: {len(checks) - len(failed)} passed, {len(failed)} failed" + "".join(f"\n  {name}" for name in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
