#!/usr/bin/env python3
"""Ask an HTTP server many times at the same moment, and tell how many answers came and how long they took.

Usage: burst.py HOST PORT CONNECTIONS TIMES SECONDS. All connections of a burst are begun before any is answered. Those
without an answer after SECONDS are given up. Prints JSON: requests, answered, slowest (seconds), and dropped, the
connections that the kernel refused because the queue of a listening socket was full.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from pathlib import Path

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def dropped() -> int:
    """Return the kernel's count of connections that found the queue of a listening socket full."""
    rows = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")]
    return int(dict(zip(*rows, strict=True))["ListenOverflows"])


def burst(address: tuple[str, int], connections: int, seconds: float) -> list[float]:
    """Send one burst and return how long each answer took."""
    selector, start, took = selectors.DefaultSelector(), time.monotonic(), []
    for _number in range(connections):
        begun = socket.socket()
        begun.setblocking(False)
        begun.connect_ex(address)
        selector.register(begun, selectors.EVENT_WRITE)
    while selector.get_map() and (left := start + seconds - time.monotonic()) > 0:
        for key, events in selector.select(left):
            one = key.fileobj
            assert isinstance(one, socket.socket)
            try:
                if events & selectors.EVENT_WRITE:
                    one.send(REQUEST)
                    selector.modify(one, selectors.EVENT_READ, b"")
                    continue
                part = one.recv(65536)
            except OSError:
                part, key = b"", key._replace(data=b"")
            if part:
                selector.modify(one, selectors.EVENT_READ, key.data + part)
                continue
            if key.data and b" 200 " in key.data.splitlines()[0]:
                took.append(time.monotonic() - start)
            selector.unregister(one)
            one.close()
    for key in list(selector.get_map().values()):
        selector.unregister(key.fileobj)
        key.fileobj.close()  # type: ignore[union-attr]
    return took


def main() -> None:
    """Send the bursts and print the result."""
    host, port, connections, times, seconds = sys.argv[1:]
    before, took = dropped(), []
    for _number in range(int(times)):
        took += burst((host, int(port)), int(connections), float(seconds))
    requests = int(connections) * int(times)
    slowest = round(max(took, default=0.0), 3)
    result = {"requests": requests, "answered": len(took), "slowest": slowest, "dropped": dropped() - before}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
