# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way from one resolver to another, killed at every step, on a host in a folder."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _resolver
from ansible_collections.highload.lvs.plugins.module_utils._dns import Answer
from ansible_collections.highload.lvs.plugins.module_utils._resolver import Lever, ResolvConf, ResolverError
from ansible_collections.highload.lvs.plugins.modules import resolv_conf

STATES = ("absent", "routed", "local")
WAYS = list(itertools.permutations(STATES, 2))
LINK = ResolvConf("../run/systemd/resolve/stub-resolv.conf", None)


class Killed(BaseException):
    """The run ended here."""


class Host:
    """A host with systemd-resolved, dnsmasq at 127.0.0.1 and NetworkManager; it counts what changes it."""

    check_mode = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.active = self.enabled = True
        self.dnsmasq = True
        self.loaded = ""  # the routes that systemd-resolved runs with
        self.steps = 0
        self.kill_at: int | None = None
        self.params: dict[str, Any] = {}

    def step(self) -> None:
        """Be killed before this change, or look at what the one before left."""
        assert self.resolves(), f"no DNS before step {self.steps}"
        if self.steps == self.kill_at:
            raise Killed
        self.steps += 1

    def counted(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """Return a change that counts as a step."""

        def step_first(*args: Any, **kwargs: Any) -> Any:
            self.step()
            return change(*args, **kwargs)

        return step_first

    def resolves(self) -> bool:
        """Tell whether a program on the host would be answered."""
        now = _resolver.look()
        servers = ["127.0.0.53"] if now == LINK else _resolver.nameservers(now.content or "")
        return {"127.0.0.1": self.dnsmasq, "127.0.0.53": self.active}[servers[0]]

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        """Be systemctl and ss."""
        verb = command[1]
        if command[0] == "ss" or verb == "is-active":
            return 0, "", ""
        if verb == "show":
            enabled, active = "enabled" if self.enabled else "disabled", "active" if self.active else "inactive"
            return 0, f"LoadState=loaded\nActiveState={active}\nUnitFileState={enabled}\n", ""
        self.step()
        if verb == "disable":
            self.active, self.enabled, self.loaded = False, False, ""
        elif verb == "enable":
            self.enabled = True
        elif verb == "restart" or (verb == "start" and not self.active):
            self.active, self.loaded = True, _resolver.read_text(_resolver.ROUTES)
        return 0, "", ""

    def exchange(self, server: str, _port: int, _question: object, _timeout: float) -> Answer:
        """Be both servers."""
        if not (self.active if server == "127.0.0.53" else self.dnsmasq):
            raise ConnectionRefusedError
        routed = server == "127.0.0.1" or "127.0.0.1" in self.loaded
        return Answer("NOERROR" if routed else "NXDOMAIN", (), ())

    def go(self, state: str, kill_at: int | None = None) -> dict[str, Any]:
        """Run the module; killed, return nothing."""
        self.steps, self.kill_at = 0, kill_at
        self.params = {
            "state": state,
            "domains": ["app.example.org"] if state == "routed" else [],
            "check_name": ".",
            "check_names": [] if state == "absent" else ["app.example.org"],
            "check_timeout": 0.0,
        }
        try:
            return resolv_conf.work(self)  # type: ignore[arg-type]
        except Killed:
            return {}
        finally:
            assert self.resolves()

    def look(self) -> dict[str, Any]:
        """Return all that the module may change."""
        lever = _resolver.LEVERS[0].path
        return {
            "resolv_conf": _resolver.look(),
            "active": self.active,
            "enabled": self.enabled,
            "routes": (_resolver.read_text(_resolver.ROUTES), self.loaded),
            "lever": lever.exists(),
            "remembers": _resolver.MEMORY.exists(),
        }


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host(tmp_path)
    networkmanager = tmp_path / "NetworkManager"
    networkmanager.mkdir()
    monkeypatch.setattr(_resolver, "RESOLV_CONF", tmp_path / "resolv.conf")
    monkeypatch.setattr(_resolver, "MEMORY", tmp_path / "state" / "resolv_conf.json")
    monkeypatch.setattr(_resolver, "RESOLVED_UPSTREAMS", tmp_path / "upstreams")
    monkeypatch.setattr(_resolver, "BLINKERS", tmp_path / "run" / "ours")
    monkeypatch.setattr(_resolver, "ROUTES", tmp_path / "resolved.conf.d" / "zz")
    monkeypatch.setattr(
        _resolver, "LEVERS", (Lever(networkmanager, networkmanager / "zz", "dns=none\n", "nm.service"),)
    )
    monkeypatch.setattr(resolv_conf, "exchange", found.exchange)
    monkeypatch.setattr(resolv_conf, "finds", lambda names: "" if found.resolves() else "nothing is found")
    (tmp_path / "upstreams").write_text("nameserver 192.0.2.53\n")
    _resolver.put(LINK)
    for name in ("put", "remember", "forget", "move", "replace"):
        monkeypatch.setattr(_resolver, name, found.counted(getattr(_resolver, name)))
    return found


@pytest.mark.parametrize("state", STATES)
def test_a_second_run_changes_nothing(host: Host, state: str) -> None:
    assert host.go(state)["changed"] == (state != "absent")
    before = host.look()
    assert not host.go(state)["changed"]
    assert host.steps == 0
    assert host.look() == before


@pytest.mark.parametrize(("start", "state"), WAYS)
def test_killed_at_any_step_it_resolves_and_the_next_run_does_the_rest(host: Host, start: str, state: str) -> None:
    untouched = host.look()
    host.go(state)
    reached = host.look()
    host.go("absent")
    assert host.look() == untouched
    for kill_at in itertools.count():
        host.go(start)
        if host.go(state, kill_at):
            break
        host.go(state)
        assert host.look() == reached, f"killed at step {kill_at}"
        host.go("absent")
        assert host.look() == untouched
    assert kill_at > 3


@pytest.mark.parametrize(("start", "state"), WAYS)
def test_killed_at_any_step_it_can_be_removed(host: Host, start: str, state: str) -> None:
    untouched = host.look()
    for kill_at in itertools.count():
        host.go(start)
        if host.go(state, kill_at):
            break
        host.go("absent")
        assert host.look() == untouched, f"killed at step {kill_at}"


def test_an_old_resolver_that_does_not_answer_does_not_take_over(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.go("local")

    def refuse(server: str, *rest: Any) -> Answer:
        if server == "127.0.0.53":
            raise ConnectionRefusedError
        return host.exchange(server, *rest)

    monkeypatch.setattr(resolv_conf, "exchange", refuse)
    with pytest.raises(ResolverError, match=r"The host goes on to ask 127.0.0.1"):
        host.go("absent")
    assert _resolver.look().ours


@pytest.mark.parametrize("state", ["local", "routed"])
def test_a_new_resolver_that_does_not_answer_is_taken_back(
    host: Host, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = host.look()
    monkeypatch.setattr(resolv_conf, "finds", lambda names: "nothing is found")
    with pytest.raises(ResolverError, match=r"nothing is found. The old resolver is back"):
        host.go(state)
    assert host.look() == untouched


def test_a_dead_dnsmasq_is_not_asked_on_the_way_back(host: Host) -> None:
    untouched = host.look()
    host.go("routed")
    host.dnsmasq = False
    host.go("absent")
    assert host.look() == untouched


def test_names_are_not_routed_without_resolved(host: Host) -> None:
    (host.root / "resolv.conf").unlink()
    (host.root / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    host.active = False
    with pytest.raises(ResolverError, match=r"systemd-resolved does not run on this host"):
        host.go("routed")
    assert not _resolver.MEMORY.exists()
