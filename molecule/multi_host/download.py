#!/usr/bin/env python3
"""Download slowly: begin, wait for leave to go on, and finish.

Usage: download.py URL LOG GO. The first line of what comes goes into LOG, and at the end, when the file GO is there and
all has been read, the number of bytes.
"""

from __future__ import annotations

import sys
import time
import urllib.request
from pathlib import Path


def main() -> None:
    """Download once."""
    url, log, go = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    go.unlink(missing_ok=True)
    with urllib.request.urlopen(url, timeout=60) as answer:
        first = answer.readline()
        log.write_bytes(first)
        while not go.exists():
            time.sleep(0.1)
        rest = answer.read()
    log.write_bytes(first + b"%d\n" % (len(first) + len(rest)))


if __name__ == "__main__":
    main()
