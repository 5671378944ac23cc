# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a DNS server a question over UDP."""

from __future__ import annotations

import secrets
import socket
import time

from ansible_collections.highload.lvs.plugins.module_utils._dns import (
    Answer,
    DnsError,
    Question,
    decode_answer,
    encode_query,
)

MAX_MESSAGE = 65535


def exchange(server: str, port: int, question: Question, timeout: float) -> Answer:
    """Send one question and wait for its answer, in seconds; raise DnsError or OSError where there is none."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    ident = secrets.randbelow(1 << 16)
    deadline = time.monotonic() + timeout
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        # Connected, so that the kernel drops what others send and tells when nobody listens.
        channel.connect((server, port))
        channel.send(encode_query(question, ident))
        while True:
            channel.settimeout(max(deadline - time.monotonic(), 0.001))
            message = channel.recv(MAX_MESSAGE)
            try:
                return decode_answer(message, question, ident)
            except DnsError:
                if time.monotonic() >= deadline:
                    raise
