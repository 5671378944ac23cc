#!/usr/bin/env python3
"""Ask for a page again and again, and see that every answer is one whole page.

Usage: watch.py URL LOG SECONDS. A whole page has the same word on each of its LINES lines. The log has a line for each
change: the word, or "wrong" and what was there instead. At the end, also after SIGTERM, comes "asked" and the number
of requests.
"""

from __future__ import annotations

import signal
import sys
import time
import urllib.request
from pathlib import Path

LINES = 20000


def ask(url: str) -> str:
    """Return the word of the page, or what was wrong with the answer."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            page: str = answer.read().decode()
    except OSError as error:
        return f"wrong {error}"
    words = page.splitlines()
    if len(words) == LINES and len(set(words)) == 1 and page.endswith("\n"):
        return words[0]
    return f"wrong {len(words)} lines of {sorted(set(words))[:5]}"


def main() -> None:
    """Ask until the seconds are over or the process is stopped."""
    url, log, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit())
    last, asked, end = "", 0, time.monotonic() + seconds
    with log.open("w", buffering=1) as stream:
        try:
            while time.monotonic() < end:
                seen = ask(url)
                asked += 1
                if seen != last:
                    stream.write(f"{seen}\n")
                last = seen
        finally:
            stream.write(f"asked {asked}\n")


if __name__ == "__main__":
    main()
