"""Run make targets and end with a table of their results and times.

Usage: python3 tools/stages.py TARGET ...

``venv`` and ``system`` come first and alone, and without them there is no point in going on. All other targets are
independent of each other and run two at a time: a guest has one processor and Ansible waits for it half of the time.
A target that fails does not keep the others from running, so that one run tells everything; its last lines are told
again after the table.
"""

from __future__ import annotations

import sys

from progress import Outcome, run_all

NEEDED_BY_ALL = ("venv", "system")
AT_ONCE = 2


def make(targets: list[str], at_once: int) -> dict[str, Outcome]:
    """Make the targets and return how each of them ended."""
    return run_all({target: ["make", "--no-print-directory", target] for target in targets}, at_once)


def main(targets: list[str]) -> int:
    """Make every target; the exit status is 1 when any of them failed."""
    outcomes = make([target for target in targets if target in NEEDED_BY_ALL], at_once=1)
    if not any(outcome.status for outcome in outcomes.values()):
        outcomes |= make([target for target in targets if target not in NEEDED_BY_ALL], AT_ONCE)

    print("\nstage                       result   seconds")
    count = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for target in targets:
        outcome = outcomes.get(target)
        result = "skipped" if outcome is None else "failed" if outcome.status else "passed"
        count[result] += 1
        print(f"{target:<26}  {result:<7}  {outcome.seconds if outcome else 0:>7.0f}")
    for target, outcome in outcomes.items():
        if outcome.status:
            print(f"\n{target} failed with")
            print(b"\n".join(outcome.last_lines).decode(errors="replace"))
    print("\nstages: " + ", ".join(f"{number} {result}" for result, number in count.items()), flush=True)
    return 0 if count["passed"] == len(targets) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
