#!/usr/bin/env python3
"""Be a real server or a client of one.

Usage:
    traffic.py serve PORT...     answer each line on each of these ports with the port and the line
    traffic.py hold HOST PORT    send a line every tenth of a second over one connection
    traffic.py load HOST PORT    send a line over a connection of its own, again and again

A client prints a line for each answer, "ok" and the port that answered, until it is stopped. Anything but the right
answer is printed as "failed" and the reason. Then the connection that was held is lost, and hold ends.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
import time
from itertools import count

# Longer than any moment in which a busy machine does not get round to answering.
TIMEOUT = 30.0
INTERVAL = 0.1
# Leaves the machine time for what the traffic is to meet.
PAUSE = 0.005


class Answer(socketserver.StreamRequestHandler):
    """Answer every line of a connection."""

    def handle(self) -> None:
        """Answer until the client hangs up."""
        port = f"{self.connection.getsockname()[1]} ".encode()
        for line in self.rfile:
            self.wfile.write(port + line)


class Server(socketserver.ThreadingTCPServer):
    """A real server at a port of the loopback interface."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def serve(ports: list[str]) -> None:
    """Serve on all these ports until the process is stopped."""
    for port in ports:
        threading.Thread(target=Server(("127.0.0.1", int(port)), Answer).serve_forever).start()


def ask(connection: socket.socket, number: int) -> str:
    """Send a line and return the port of the server that answered. Raises OSError for any other answer."""
    connection.sendall(b"%d\n" % number)
    answer = b""
    while not answer.endswith(b"\n"):
        part = connection.recv(1024)
        if not part:
            raise OSError(f"connection ended after {answer!r}")
        answer += part
    port, echo = answer.decode().split()
    if int(echo) != number:
        raise OSError(f"sent {number}, got {answer!r}")
    return port


def hold(address: tuple[str, int]) -> None:
    """Use one connection as long as it works."""
    with socket.create_connection(address, TIMEOUT) as connection:
        for number in count():
            print("ok", ask(connection, number), flush=True)
            time.sleep(INTERVAL)


def load(address: tuple[str, int]) -> None:
    """Send requests, each over a connection of its own, whatever happens to one."""
    for number in count():
        try:
            with socket.create_connection(address, TIMEOUT) as connection:
                line = f"ok {ask(connection, number)}"
        except OSError as error:
            line = f"failed {number}: {error}"
        print(line, flush=True)
        time.sleep(PAUSE)


def main() -> None:
    """Do what the first argument says."""
    role, *rest = sys.argv[1:]
    if role == "serve":
        serve(rest)
        return
    address = (rest[0], int(rest[1]))
    try:
        {"hold": hold, "load": load}[role](address)
    except OSError as error:
        print("failed", error, flush=True)


if __name__ == "__main__":
    main()
