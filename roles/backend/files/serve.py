"""Python's http.server over the folder that a link names, with three things of its own.

- The link is followed once for each connection, so that a switch of the link never shows in the middle of an answer.
- Its queue of connections that wait to be accepted is not 5 long, as socketserver has it: beyond that the kernel drops.
- Requests are logged when asked for. What went wrong always is.
"""

from __future__ import annotations

import argparse
import os
import socket
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Quiet(SimpleHTTPRequestHandler):
    """Logs errors alone."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave a request out of the log."""


class Server(ThreadingHTTPServer):
    """Serves what the link names at the moment."""

    # The kernel lowers it to net.core.somaxconn.
    request_queue_size = 4096

    def __init__(self, address: Any, handler: type[SimpleHTTPRequestHandler], link: str) -> None:
        self.handler, self.link = handler, link
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Let :: be every IPv4 address too, whatever net.ipv6.bindv6only says, as http.server does."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer from the folder that the link names now."""
        folder = os.path.realpath(self.link)
        self.handler(request, client_address, self, directory=folder)


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("link", help="link to the folder to serve")
    parser.add_argument("bind", help="address to listen on")
    parser.add_argument("port", type=int)
    parser.add_argument("--access-log", choices=["yes", "no"], default="no")
    wanted = parser.parse_args()
    family, _type, _protocol, _name, address = socket.getaddrinfo(
        wanted.bind, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    Server.address_family = family
    handler = SimpleHTTPRequestHandler if wanted.access_log == "yes" else Quiet
    with Server(address, handler, wanted.link) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
