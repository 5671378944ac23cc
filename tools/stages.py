"""Run make targets one after the other and end with a table of their results and times.

Usage: python3 tools/stages.py TARGET ...

A stage that fails does not keep the others from running, so that one run tells everything; only without the
system packages or the virtual environment there is no point in going on.
"""

from __future__ import annotations

import sys
import time

from progress import run

NEEDED_BY_ALL = ("venv", "system")


def main(targets: list[str]) -> int:
    """Make every target; the exit status is 1 when any of them failed."""
    results: dict[str, str] = {}
    times: dict[str, float] = {}
    for target in targets:
        if any(results.get(needed) == "failed" for needed in NEEDED_BY_ALL):
            results[target] = "skipped"
            continue
        print(f"\n===== {target}", flush=True)
        started = time.monotonic()
        results[target] = "passed" if run(target, ["make", "--no-print-directory", target]) == 0 else "failed"
        times[target] = time.monotonic() - started

    print("\nstage                 result     seconds")
    for target, result in results.items():
        print(f"{target:<20}  {result:<7}  {times.get(target, 0):>9.0f}")
    count = {word: sum(result == word for result in results.values()) for word in ("passed", "failed", "skipped")}
    print(f"\nstages: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped", flush=True)
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
