"""Run inside a guest of the reference system: show what DNS answers, who serves the requests, and what IPVS counted.

Usage: python3 proof.py NAME VIP REQUESTS

The exit status is 1 unless the answers rotate and every real server got the same number of requests.
"""

from __future__ import annotations

import collections
import itertools
import socket
import struct
import subprocess
import sys
import time
import urllib.request

SHOWN = 6
IPVS_FORGETS = 150  # seconds: a closed connection stays in the table for two minutes


def ask_dns(name: str) -> list[str]:
    """Return the IPv4 addresses for ``name`` in the order of the answer (RFC 1035); getaddrinfo would sort them."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0" + struct.pack("!HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(5)
        server.connect(("127.0.0.1", 53))
        server.send(struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + question)
        answer = server.recv(512)
    count = struct.unpack("!H", answer[6:8])[0]
    # Each record: a pointer to the name, type, class, time to live, length, and the four bytes of the address.
    first, size = 12 + len(question), 16
    return [socket.inet_ntoa(answer[first + size * n + 12 : first + size * (n + 1)]) for n in range(count)]


def ipvs_table() -> str:
    """Return what ``ipvsadm -ln`` prints."""
    return subprocess.run(["/usr/sbin/ipvsadm", "-ln"], check=True, capture_output=True, text=True).stdout


def connections(table: str) -> list[tuple[int, int]]:
    """Return active and inactive connections of every real server in the table."""
    rows = [line.split() for line in table.splitlines() if line.startswith("  -> ") and "RemoteAddress" not in line]
    return [(int(row[-2]), int(row[-1])) for row in rows]


def await_table(settled: bool, describe: str) -> str:
    """Wait until no real server has active connections, nor inactive ones unless ``settled``; return the table."""
    started = time.monotonic()
    told = 0.0
    while True:
        table = ipvs_table()
        counts = connections(table)
        if not any(active or (inactive and not settled) for active, inactive in counts):
            return table
        waited = time.monotonic() - started
        if waited > IPVS_FORGETS:
            sys.exit(f"waited {waited:.0f} s for {describe}, in vain:\n{table}")
        if waited >= told:
            print(f"... {waited:.0f} s of at most {IPVS_FORGETS}: waiting for {describe}", flush=True)
            told += 15
        time.sleep(0.5)


def main(name: str, vip: str, requests: int) -> int:
    """Print the proof."""
    print(f"\nDNS: four answers for {name}")
    answers = [ask_dns(name) for _ in range(4)]
    for answer in answers:
        print("  " + ", ".join(answer))

    await_table(settled=False, describe="IPVS to forget earlier connections")
    print(f"\nLayer 4: {requests} requests to http://{vip}")
    pages = [urllib.request.urlopen(f"http://{vip}", timeout=10).read().decode().strip() for _ in range(requests)]
    for page in pages[:SHOWN]:
        print(f"  {page}")
    print("  ...")
    for page, count in sorted(collections.Counter(pages).items()):
        print(f"  {count:>4} x {page}")

    table = await_table(settled=True, describe="the last connection to close")
    print(f"\nipvsadm -ln\n{table}", flush=True)

    counts = connections(table)
    if len({tuple(answer) for answer in answers}) < 2:
        print("FAILED: the DNS answers do not rotate")
    elif [inactive for _, inactive in counts] != [requests // 2] * 2:
        print(f"FAILED: the table should show {requests // 2} inactive connections for each of two real servers")
    elif any(page == after for page, after in itertools.pairwise(pages)):
        print("FAILED: two requests in a row went to the same real server")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
