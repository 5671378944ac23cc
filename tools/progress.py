"""Run commands and never be silent: their output passes through, and a quiet spell is reported every 20 s.

Usage: python3 tools/progress.py LABEL COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

QUIET_SECONDS = 20
LAST_LINES = 40


@dataclass
class Outcome:
    """How a command ended: its exit status, how long it ran, in seconds, and its last lines."""

    status: int
    seconds: float
    last_lines: list[bytes]


@dataclass
class _Running:
    label: str
    process: subprocess.Popen[bytes]
    mark: bytes  # put before each line, where several commands share the output
    started: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    rest: bytes = b""  # a line that has not ended yet
    last_lines: deque[bytes] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    def copy(self, chunk: bytes) -> None:
        """Pass on what the command wrote; with a mark, line by line, so that two commands never share a line."""
        self.heard = time.monotonic()
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        self.last_lines.extend(lines)
        if self.mark:
            chunk = b"".join(self.mark + line + b"\n" for line in lines)
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()

    def end(self) -> Outcome:
        """Wait for the command, whose output has ended."""
        if self.mark and self.rest:
            self.copy(b"\n")
        assert self.process.stdout is not None
        self.process.stdout.close()
        return Outcome(self.process.wait(), time.monotonic() - self.started, list(self.last_lines))


def run_all(commands: Mapping[str, Sequence[str]], at_once: int) -> dict[str, Outcome]:
    """Run the commands, ``at_once`` of them side by side, and return by label how each of them ended.

    Ctrl-C reaches the commands as well: they get the time to clean up and to say so before KeyboardInterrupt is raised.
    """
    interrupts: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    waiting = list(commands.items())
    outcomes: dict[str, Outcome] = {}
    try:
        with selectors.DefaultSelector() as selector:
            while waiting or selector.get_map():
                while waiting and not interrupts and len(selector.get_map()) < at_once:
                    label, command = waiting.pop(0)
                    running = _start(label, command, marked=at_once > 1)
                    assert running.process.stdout is not None
                    selector.register(running.process.stdout, selectors.EVENT_READ, running)
                if interrupts:
                    waiting.clear()
                _pass_on(selector, outcomes)
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupts:
        raise KeyboardInterrupt
    return outcomes


def run(label: str, command: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    return run_all({label: command}, at_once=1)[label].status


def _start(label: str, command: Sequence[str], *, marked: bool) -> _Running:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    return _Running(label, process, f"[{label}] ".encode() if marked else b"")


def _pass_on(selector: selectors.BaseSelector, outcomes: dict[str, Outcome]) -> None:
    for key, _ in selector.select(timeout=1):
        running: _Running = key.data
        if chunk := os.read(key.fd, 65536):
            running.copy(chunk)
        else:
            selector.unregister(key.fileobj)
            outcomes[running.label] = running.end()
    for key in selector.get_map().values():
        now = time.monotonic()
        if now - key.data.heard > QUIET_SECONDS:
            key.data.heard = now
            print(f"... {key.data.label}: still running after {now - key.data.started:.0f} s", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
