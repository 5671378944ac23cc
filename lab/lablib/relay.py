"""Connect standard input and output to a guest: `relay.py ADDRESS PORT PID`, run inside the lab's network.

It ends with the guest's supervisor, process PID: ssh connections that Ansible keeps for later use must not outlive a lab.
"""

from __future__ import annotations

import os
import select
import socket
import sys

PIECE = 65536


def relay(connection: socket.socket, supervisor: int) -> None:
    """Copy both ways until the guest has said all it has to say, or `supervisor` (a pidfd) becomes readable: it ended."""
    source: int | None = 0
    while True:
        readable, _, _ = select.select([connection, supervisor, *([] if source is None else [source])], [], [])
        if supervisor in readable:
            return
        if connection in readable:
            data = connection.recv(PIECE)
            if not data:
                return
            while data:
                data = data[os.write(1, data) :]
        if source in readable:
            data = os.read(0, PIECE)
            if data:
                connection.sendall(data)
            else:
                connection.shutdown(socket.SHUT_WR)
                source = None


if __name__ == "__main__":
    try:
        pidfd = os.pidfd_open(int(sys.argv[3]))
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as guest:
            guest.settimeout(None)
            relay(guest, pidfd)
    except (OSError, KeyboardInterrupt) as error:
        sys.exit(f"lab: connection to {sys.argv[1]}: {error}")
