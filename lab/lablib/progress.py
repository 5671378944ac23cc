"""Saying what happens: a long command never leaves the terminal silent, and its words are kept for when it fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError

HEARTBEAT = 10.0  # seconds between two signs of life


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(label: str, command: Sequence[str], log: Path, hint: str = "") -> None:
    """Run `command` with its output in `log`, tell now and then how it goes; raise with its last words if it fails."""
    began = said = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            while True:
                try:
                    status = process.wait(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() - said >= HEARTBEAT:
                        said = time.monotonic()
                        say(f"  {label}: {said - began:.0f} s; {last_lines(log, 1)}")
        except BaseException:
            process.terminate()  # mmdebstrap tidies up after itself when told to stop
            process.wait()
            raise
    if status and shutil.disk_usage(log.parent).free < 1 << 20:  # the log is then cut short as well
        raise LabError(f"{label} failed: no space is left in {log.parent}")
    if status:
        raise LabError(f"{label} failed (exit status {status}). Its last words:\n{last_lines(log, 12)}" + hint)


def last_lines(log: Path, count: int) -> str:
    """The last lines of a log that say something, without control characters."""
    text = log.read_bytes()[-8192:].decode(errors="replace").replace("\r", "\n")
    lines = ["".join(c for c in line if c.isprintable()).strip() for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-count:])
