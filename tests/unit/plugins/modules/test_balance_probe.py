# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe against real servers on this machine's loopback."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import socket
import socketserver
import struct
import threading
import time

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _ports
from ansible_collections.highload.lvs.plugins.module_utils._probe import MAX_BODY
from ansible_collections.highload.lvs.plugins.modules import balance_probe
from ansible_collections.highload.lvs.tests.unit.module_args import patch_module_args


@pytest.fixture(autouse=True)
def ports(tmp_path, monkeypatch):
    """Return the file in which the module remembers whose turn it is."""
    monkeypatch.setattr(_ports, "MEMORY", tmp_path / "ports")
    return tmp_path / "ports"


@pytest.fixture
def run(capsys):
    """Return a function that runs the module with some parameters and returns what it reports."""

    def call(**params):
        with patch_module_args(params), pytest.raises(SystemExit):
            balance_probe.main()
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def serve():
    """Return a function that runs a server with this handler and returns its port."""
    servers = []

    def start(handle, base=socketserver.ThreadingTCPServer):
        handler = type("Handler", (socketserver.StreamRequestHandler,), {"handle": handle})
        if base is socketserver.ThreadingUDPServer:
            handler = type("Handler", (socketserver.BaseRequestHandler,), {"handle": handle})
        kind = type("Server", (base,), {"daemon_threads": True, "block_on_close": False, "request_queue_size": 256})
        server = kind(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def web(*bodies):
    """Return a handler that answers each connection with the next body; the asked lines are kept on it."""
    turn = itertools.cycle(bodies)

    def handle(self):
        body = next(turn).encode()
        while True:
            lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
            if not lines:
                return
            handle.asked.append([*lines, self.client_address[0]])
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nX-Server: %s\r\nContent-Length: %d\r\n\r\n%s"
                % (body.strip()[:99], len(body), body)
            )
            if "Connection: close" in lines:
                return

    handle.asked = []
    return handle


def test_counts_and_order(run, serve):
    port = serve(web(" one\n", "two"))
    result = run(url=f"http://127.0.0.1:{port}", count=5)
    assert result["responders"] == {"one": 3, "two": 2}
    assert result["order"] == ["one", "two", "one", "two", "one"]
    assert (result["requests"], result["statuses"], result["errors"]) == (5, {"200": 5}, {})
    latency = result["latency_ms"]
    assert 0 < latency["min"] <= latency["median"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert not result["changed"]


def test_several_urls(run, serve):
    ports = [serve(web("one")), serve(web("two"))]
    result = run(urls=[f"http://127.0.0.1:{port}" for port in ports], count=2)
    assert [one["responders"] for one in result["results"]] == [{"one": 2}, {"two": 2}]
    assert [one["url"] for one in result["results"]] == [f"http://127.0.0.1:{port}" for port in ports]


def test_header_and_pattern(run, serve):
    url = f"http://127.0.0.1:{serve(web('Server 7 says hello'))}"
    assert run(url=url, responder_header="x-server")["responders"] == {"Server 7 says hello": 1}
    assert run(url=url, responder_pattern="Server ([0-9])")["responders"] == {"7": 1}
    assert run(url=url, responder_pattern="hello|bye")["responders"] == {"hello": 1}
    assert run(url=url, responder_pattern="nobody")["responders"] == {"": 1}


def test_long_bodies_are_told_apart_by_their_end(run, serve):
    port = serve(web("x" * 5000 + "1", "x" * 5000 + "2"))
    responders = run(url=f"http://127.0.0.1:{port}", count=4)["responders"]
    assert sorted(responders.values()) == [2, 2]
    assert all(len(responder) < 250 for responder in responders)


def test_what_is_sent(run, serve):
    handle = web("one")
    port = serve(handle)
    run(url=f"http://127.0.0.1:{port}/a?b=c", host_header="www.example.org", http_version="1.0", source="127.0.0.9")
    assert handle.asked[0][0] == "GET /a?b=c HTTP/1.0"
    assert "Host: www.example.org" in handle.asked[0]
    assert "Connection: close" in handle.asked[0]
    assert handle.asked[0][-1] == "127.0.0.9"


@pytest.mark.parametrize(("keep_alive", "expected"), [(True, {"one": 6}), (False, {"one": 3, "two": 3})])
def test_a_connection_is_kept_only_when_told(run, serve, keep_alive, expected):
    port = serve(web("one", "two"))
    assert run(url=f"http://127.0.0.1:{port}", count=6, keep_alive=keep_alive)["responders"] == expected


def test_a_connection_is_not_kept_after_a_body_that_was_not_read_whole(run, serve):
    port = serve(web("x" * (2 * MAX_BODY), "two"))
    result = run(url=f"http://127.0.0.1:{port}", count=2, keep_alive=True)
    assert (result["requests"], len(result["responders"]), result["errors"]) == (2, 2, {})


def test_a_kept_connection_that_the_server_closes_is_opened_anew(run, serve):
    def handle(self):
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na")

    result = run(url=f"http://127.0.0.1:{serve(handle)}", count=3, keep_alive=True)
    assert (result["responders"], result["errors"]) == ({"a": 3}, {})


def test_tcp(run, serve):
    port = serve(lambda self: None)
    assert run(url=f"tcp://127.0.0.1:{port}", count=3)["responders"] == {"connected": 3}


def test_dns(run, serve):
    turn = itertools.cycle([1, 2])

    def handle(self):
        message, channel = self.request
        record = b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 0, 4)
        first = next(turn)
        answers = b"".join(record + bytes([127, 0, 0, host]) for host in (first, 3 - first))
        header = message[:2] + struct.pack("!5H", 0x8180, 1, 2, 0, 0)
        channel.sendto(b"nonsense", self.client_address)
        channel.sendto(header + message[12:] + answers, self.client_address)

    port = serve(handle, socketserver.ThreadingUDPServer)
    result = run(url=f"dns://127.0.0.1:{port}/app.local", count=4)
    assert result["order"] == ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]
    assert result["statuses"] == {"NOERROR": 4}


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "tcp", "dns"])
def test_nobody_there(run, scheme):
    url = f"{scheme}://127.0.0.1:{closed_port()}" + ("/a" if scheme == "dns" else "")
    result = run(url=url, count=2)
    assert (result["errors"], result["responders"]) == ({"refused": 2}, {})
    assert [failure["error"] for failure in result["failures"]] == ["refused", "refused"]
    assert result["failures"][0]["at"] == 0


def test_hanging_up(run, serve):
    assert run(url=f"http://127.0.0.1:{serve(lambda self: self.rfile.readline())}")["errors"] == {"reset": 1}


def address(self):
    """Answer with the port that asks."""
    while self.rfile.readline().strip():
        pass
    self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n%d" % self.client_address[1])


@pytest.mark.parametrize("concurrency", [1, 16])
def test_no_port_comes_again_in_this_run_or_the_next(run, serve, ports, concurrency):
    ports.write_text("0")
    url = f"http://127.0.0.1:{serve(address)}"
    runs = [run(url=url, count=count, concurrency=concurrency)["order"] for count in (150, 1, 150)]
    assert len({port for order in runs for port in order}) == 301


def test_ports_of_dns_questions_take_turns(run, serve, ports):
    ports.write_text("0")
    asked = []

    def handle(self):
        asked.append(self.client_address[1])

    port = serve(handle, socketserver.ThreadingUDPServer)
    for _run in range(2):
        run(url=f"dns://127.0.0.1:{port}/example", count=40, concurrency=40, timeout=0.5)
    assert len(set(asked)) == len(asked) == 80


def test_ports_begin_anew_after_the_last(run, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(_ports, "RANGE", tmp_path / "range")
    _ports.RANGE.write_text("40000\t40101\n")
    order = run(url=f"http://127.0.0.1:{serve(address)}", count=70)["order"]
    assert len(order) == 70
    # The even ones are what the kernel gives others.
    assert {int(port) for port in order} <= set(range(40001, 40102, 2))


def test_a_port_that_somebody_has_is_left_out(run, serve, ports):
    url = f"http://127.0.0.1:{serve(address)}"
    ports.write_text("7")
    first = int(run(url=url)["order"][0])
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        ports.write_text("7")
        order = run(url=url, count=2)["order"]
    assert len(order) == 2
    assert str(first) not in order


def test_users_who_cannot_write_the_turn_begin_anywhere(run, serve, ports):
    ports.mkdir()
    result = run(url=f"http://127.0.0.1:{serve(address)}", count=50)
    assert len(result["responders"]) == 50


def test_a_source_that_is_not_here(run, serve):
    port = serve(web("one"))
    assert run(url=f"http://127.0.0.1:{port}", source="192.0.2.1")["errors"] == {"EADDRNOTAVAIL": 1}


def silent(self):
    time.sleep(5)


def dripping_body(self):
    self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    dripping_head(self)


def dripping_head(self):
    with contextlib.suppress(OSError):
        for _turn in range(50):
            self.wfile.write(b"x")
            time.sleep(0.1)


@pytest.mark.parametrize("handle", [silent, dripping_body, dripping_head])
def test_a_server_that_never_ends_its_answer(run, serve, handle):
    start = time.monotonic()
    result = run(url=f"http://127.0.0.1:{serve(handle)}", timeout=0.3, deadline=0.3)
    assert sum(result["errors"].values()) == 1
    assert result["responders"] == {}
    assert time.monotonic() - start < 4


def test_the_deadline_ends_a_count(run, serve):
    def slow(self):
        time.sleep(0.05)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\na")

    result = run(url=f"http://127.0.0.1:{serve(slow)}", count=1000, deadline=0.3)
    assert 1 <= result["requests"] <= 7


def test_concurrency(run, serve):
    def slow(self):
        self.rfile.readline()
        time.sleep(0.1)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\na")

    result = run(url=f"http://127.0.0.1:{serve(slow)}", count=20, concurrency=10)
    assert result["requests"] == 20
    assert 0.2 <= result["duration"] < 1


def test_rate_and_duration(run, serve):
    url = f"http://127.0.0.1:{serve(web('one'))}"
    timed = run(url=url, count=6, rate=20)
    assert (timed["requests"], timed["duration"] >= 0.25) == (6, True)
    watched = run(url=url, duration=0.5, rate=40)
    assert 1 < watched["requests"] <= 20  # fewer on a machine that has no time for us


def test_ten_thousand_requests_leave_no_socket_open(run, serve):
    port = serve(web("one", "two"))
    run(url=f"http://127.0.0.1:{port}", count=2)
    before = len(os.listdir("/proc/self/fd"))
    result = run(url=f"http://127.0.0.1:{port}", count=10000, concurrency=4)
    assert (sum(result["responders"].values()), result["errors"]) == (10000, {})
    # The server in this same process may be about to close its last ones.
    assert len(os.listdir("/proc/self/fd")) <= before + 4


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"url": "ftp://127.0.0.1"}, "url 'ftp://127.0.0.1' is not of the form http://HOST"),
        ({"url": "http://:80"}, "is not of the form"),
        ({"url": "http://user@127.0.0.1"}, "is not of the form"),
        ({"url": "http://127.0.0.1:70000"}, "Port out of range"),
        ({"url": "http://127.0.0.1/a b"}, "a path that HTTP cannot carry"),
        ({"url": "tcp://127.0.0.1"}, "is not of the form"),
        ({"url": "tcp://127.0.0.1:1/x"}, "has a path"),
        ({"url": "dns://127.0.0.1"}, "is not of the form NAME"),
        ({"url": "dns://127.0.0.1/a/NOPE"}, "asks for type NOPE"),
        ({"url": "tcp://127.0.0.1:1", "count": 0}, "count 0 is not within 1 to 10000"),
        ({"url": "tcp://127.0.0.1:1", "count": 10001}, "count 10001 is not within"),
        ({"url": "tcp://127.0.0.1:1", "concurrency": 65}, "concurrency 65 is not within"),
        ({"url": "tcp://127.0.0.1:1", "rate": -1}, "rate -1.0 is not within"),
        ({"url": "tcp://127.0.0.1:1", "deadline": 0}, "deadline 0.0 is not more than 0"),
        ({"url": "tcp://127.0.0.1:1", "timeout": 0}, "timeout 0.0 is not more than 0"),
        ({"url": "tcp://127.0.0.1:1", "duration": 4000}, "duration 4000.0 is not more than 0 and at most 3600"),
        ({"url": "tcp://127.0.0.1:1", "duration": 3600, "rate": 100}, "at most 55.5"),
        ({"url": "tcp://127.0.0.1:1", "duration": 5, "rate": 0}, "give a rate of more than 0"),
        ({"url": "tcp://127.0.0.1:1", "source": "here"}, "source 'here' does not appear to be an IPv4 or IPv6 address"),
        ({"url": "tcp://127.0.0.1:1", "responder_pattern": "("}, "responder_pattern '\\('"),
        ({"url": "tcp://127.0.0.1:1", "host_header": "a\r\nb"}, "host_header .* has characters"),
        ({}, "one of the following is required: url, urls"),
    ],
)
def test_failures_say_what_is_wrong(run, params, message):
    result = run(**params)
    assert result["failed"]
    assert re.search(message, result["msg"])
