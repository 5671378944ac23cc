"""Run a command and never be silent: its output passes through, and a quiet spell is reported every 20 s.

Usage: python3 tools/progress.py LABEL COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

QUIET_SECONDS = 20


def run(label: str, command: Sequence[str]) -> int:
    """Run ``command``, copy its output to ours as it comes, and return its exit status.

    Ctrl-C reaches the command as well: it gets the time to clean up and to say so before KeyboardInterrupt is raised.
    """
    interrupts: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    try:
        status = _copy_output(label, command)
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupts:
        raise KeyboardInterrupt
    return status


def _copy_output(label: str, command: Sequence[str]) -> int:
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    with process.stdout as output:
        while True:
            ready, _, _ = select.select([output], [], [], QUIET_SECONDS)
            if not ready:
                print(f"... {label}: still running after {time.monotonic() - started:.0f} s", flush=True)
                continue
            chunk = os.read(output.fileno(), 65536)
            if not chunk:
                return process.wait()
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        sys.exit(run(sys.argv[1], sys.argv[2:]))
    except KeyboardInterrupt:
        sys.exit(130)
