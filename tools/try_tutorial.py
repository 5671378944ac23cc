"""Type every command of a tutorial on fresh guests, and compare what it prints with what the page shows.

Usage: python tools/try_tutorial.py [PAGE]           default: docs/tutorial.md

Commands after ``$`` run here, after ``root@host1:~#`` in the guest host1; ``bash`` blocks are what an administrator
does by hand and run in the guest ``hand``. ``...`` in the page stands for anything. A command without output only has
to succeed.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LAB = os.environ.get("LAB_NAME") or "tutorial"
LAB_COMMAND = str(CHECKOUT / "lab/lab")
BLOCKS = re.compile(r"^```(console|bash)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STEPS = re.compile(r"^(\$|root@host1:~#) (.*)\n((?:(?!\$ |root@host1:~# ).*\n)*)", re.MULTILINE)


def steps(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield the place, the command and the shown output of everything that the page has its reader do."""
    for kind, text in BLOCKS.findall(page):
        if kind == "bash":
            yield "hand", text, ""
        else:
            for prompt, command, output in STEPS.findall(text):
                yield "here" if prompt == "$" else "host1", command, output


def run(place: str, command: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the page; output and complaints come together, as in a terminal."""
    if place == "here":
        arguments, given = ["bash", "-c", command.replace(".lab/default/", f".lab/{LAB}/")], ""
    else:
        arguments, given = [LAB_COMMAND, "exec", place, "--", "bash", "-s"], command
    return subprocess.run(
        arguments, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=CHECKOUT, timeout=900
    )


def fault(done: subprocess.CompletedProcess[str], shown: str) -> str:
    """Tell what is wrong with the outcome of a command, nothing when it is as the page shows."""
    if not shown:
        return f"exit status {done.returncode}:\n{done.stdout}" if done.returncode else ""
    pieces = [r"\s+".join(map(re.escape, piece.split())) for piece in shown.split("...")]
    if re.fullmatch(r"\s*" + ".*".join(rf"{piece}\s*" for piece in pieces), done.stdout, re.DOTALL):
        return ""
    return "".join(difflib.unified_diff(shown.splitlines(True), done.stdout.splitlines(True), "page", "printed"))


def main(page: Path) -> int:
    """Run all steps; the exit status is 1 when one printed anything but what the page shows."""
    os.environ["LAB_NAME"] = LAB
    todo = list(steps(page.read_text()))
    faults = 0
    subprocess.run([LAB_COMMAND, "up", "hand"], check=True)
    try:
        for number, (place, command, shown) in enumerate(todo, 1):
            print(f"{number}/{len(todo)} {place}: {command.rstrip()}", flush=True)
            if wrong := fault(run(place, command), shown):
                faults += 1
                print(f"DIFFERS\n{wrong}", flush=True)
    finally:
        subprocess.run([LAB_COMMAND, "down"])
        shutil.rmtree(CHECKOUT / "my-site", ignore_errors=True)
    print(f"{len(todo) - faults} passed, {faults} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "docs/tutorial.md"))
