"""Connect standard input and output to a guest: `relay.py ADDRESS PORT PID`, run inside the lab's network.

It ends with the guest's supervisor, process PID: no ssh connection that Ansible keeps for later use outlives its guest.
"""

from __future__ import annotations

import os
import select
import socket
import sys

PIECE = 65536
# A guest that is reset does not end its connections, and who only waits for it never learns. Asked whether it is still
# there, it resets them as soon as it is up again; one that stays silent is given up after half a minute.
KEEPALIVE = {socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 5}  # s, s, times


def relay(connection: socket.socket, supervisor: int) -> None:
    """Copy both ways until the guest has said all it has to say, or `supervisor` (a pidfd) is readable: it ended."""
    guest, source = connection.fileno(), 0
    watched = [guest, supervisor, source]
    while True:
        readable, _, _ = select.select(watched, [], [])
        if supervisor in readable:
            return
        if guest in readable:
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
                watched.remove(source)


if __name__ == "__main__":
    try:
        pidfd = os.pidfd_open(int(sys.argv[3]))
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as guest:
            guest.settimeout(None)
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE.items():
                guest.setsockopt(socket.IPPROTO_TCP, option, value)
            relay(guest, pidfd)
    except (OSError, KeyboardInterrupt) as error:
        sys.exit(f"lab: connection to {sys.argv[1]}: {error}")
