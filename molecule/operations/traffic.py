#!/usr/bin/env python3
"""Be a real server or a client of one.

Usage:
    traffic.py serve PORT        answer GET / with the host's name, and GET /long with a download that ends when the
                                 file /run/finish is there
    traffic.py load URL          get the page again and again, twenty times a second at most
    traffic.py download URL      get one page

A client prints a line for each answer: "ok" and its first and last word, or "failed" and the reason.
"""

from __future__ import annotations

import http.client
import http.server
import os
import socket
import sys
import time
import urllib.request

# Longer than any moment in which a busy machine does not get round to answering.
TIMEOUT = 60.0
CHUNK_SECONDS = 0.2
PAUSE = 0.05


class Answer(http.server.BaseHTTPRequestHandler):
    """Answer with the host's name, once or for long."""

    def do_GET(self) -> None:
        """Answer one request."""
        self.send_response(200)
        self.end_headers()
        while self.path == "/long" and not os.path.exists("/run/finish"):
            self.wfile.write(f"{HOST}\n".encode())
            time.sleep(CHUNK_SECONDS)
        self.wfile.write(f"{HOST} end\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep the journal small."""


def get(url: str) -> str:
    """Return who answered, and the last word of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            words = response.read().decode().split()
    except (OSError, http.client.HTTPException) as error:
        return f"failed {error!r}"
    return f"ok {words[0]} {words[-1]}"


def main() -> None:
    """Do what the first argument says."""
    role, where = sys.argv[1:]
    if role == "serve":
        http.server.ThreadingHTTPServer(("", int(where)), Answer).serve_forever()
    print(get(where), flush=True)
    while role == "load":
        time.sleep(PAUSE)
        print(get(where), flush=True)


HOST = socket.gethostname()

if __name__ == "__main__":
    main()
