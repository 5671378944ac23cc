# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnsmasq serves, changed, refused, killed at every step and removed, on a host in a folder."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _dnsmasq, _resolver
from ansible_collections.highload.lvs.plugins.module_utils._dns import Answer, Question, Record
from ansible_collections.highload.lvs.plugins.module_utils._resolver import ResolvConf
from ansible_collections.highload.lvs.plugins.modules import dnsmasq

GOOD = "192.0.2.53"  # an upstream that answers
RECORD = {"name": "app.example.org", "addresses": ["192.0.2.1", "192.0.2.2"]}
OTHER = {"name": "app.example.org", "addresses": ["192.0.2.3"]}


class Killed(BaseException):
    """The run ended here."""


class Host:
    """A host with the package and resolv.conf of this collection; it counts what changes it."""

    check_mode = False

    def __init__(self) -> None:
        self.active = self.enabled = False
        self.running: dict[str, str] = {}  # what the unit serves, by the last part of a file's name
        self.trial: dict[str, str] = {}  # what the second dnsmasq serves
        self.broken = ""  # text of a configuration with which the unit does not answer
        self.steps = 0
        self.kill_at: int | None = None
        self.params: dict[str, Any] = {}

    def step(self) -> None:
        """Be killed before this change."""
        if self.steps == self.kill_at:
            raise Killed
        self.steps += 1

    def counted(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """Return a change that counts as a step."""

        def step_first(*args: Any, **kwargs: Any) -> Any:
            self.step()
            return change(*args, **kwargs)

        return step_first

    def run_command(self, command: list[str]) -> tuple[int, str, str]:
        """Be systemctl, systemd-run, journalctl and dnsmasq --test."""
        name, verb, unit = Path(command[0]).name, command[1], command[-1]
        if name == "systemctl" and verb == "show":
            enabled, active = "enabled" if self.enabled else "disabled", "active" if self.active else "inactive"
            return 0, f"ActiveState={active}\nUnitFileState={enabled}\n", ""
        if name == "journalctl" or "--test" in command:
            return 0, "", ""
        self.step()
        if name == "systemd-run":
            self.trial = self._files(dnsmasq.TRIAL_FOLDER, dnsmasq.TRIAL_FOLDER / "dnsmasq.conf")
        elif unit == dnsmasq.TRIAL:
            self.trial = {}
        elif verb in ("enable", "disable"):
            self.enabled = verb == "enable"
        elif verb == "stop":
            self.active, self.running = False, {}
        elif verb == "restart":
            self._resolves_without_the_unit()
            self.active, self.running = True, self._files(Path(_dnsmasq.FOLDER), Path(_dnsmasq.CONFIG))
        elif verb == "reload":
            self.running = {
                **self._files(Path(_dnsmasq.FOLDER), Path(_dnsmasq.CONFIG)),
                "config": self.running["config"],
            }
        return 0, "", ""

    @staticmethod
    def _files(folder: Path, config: Path) -> dict[str, str]:
        read = _resolver.read_text
        return {"servers": read(folder / "servers"), "hosts": read(folder / "hosts"), "config": read(config)}

    def _resolves_without_the_unit(self) -> None:
        """See that somebody else answers the host while the unit restarts, if the unit is what it asks."""
        if self.active and _resolver.look().ours and self.running["config"]:
            assert self.trial
            # Asked first, so that no question is on its way to the unit when that ends.
            assert _resolver.nameservers(_resolver.look().content or "") == [dnsmasq.TRIAL_ADDRESS, "127.0.0.1"]

    def exchange(self, server: str, _port: int, question: Question, _timeout: float) -> Answer:
        """Be both servers."""
        served = self.trial if server == dnsmasq.TRIAL_ADDRESS else self.running
        if not served or (served is self.running and self.broken and self.broken in served["config"]):
            raise ConnectionRefusedError("Connection refused")
        found = re.findall(rf"(?m)^(\S+) {re.escape(question.name)}$", served["hosts"])
        if not found:
            return Answer("NOERROR" if f"server={GOOD}\n" in served["servers"] else "SERVFAIL", (), ())
        wanted = [one for one in found if (":" in one) == (question.type == "AAAA")]
        return Answer("NOERROR", (), tuple(Record(question.name, question.type, 0, one) for one in wanted))

    def go(self, kill_at: int | None = None, **params: Any) -> dict[str, Any]:
        """Run the module; killed, return nothing."""
        self.steps, self.kill_at = 0, kill_at
        self.params = {
            "state": "present",
            "records": [RECORD],
            "forward": True,
            "upstreams": [GOOD],
            "domain_upstreams": [],
            "listen_addresses": ["127.0.0.1"],
            "ttl": 0,
            "cache_size": 150,
            "dnssec": False,
            "trust_anchors": [],
            "log_queries": False,
            "check_name": ".",
            **params,
        }
        try:
            work = dnsmasq.serve if self.params["state"] == "present" else dnsmasq.remove
            return work(self)  # type: ignore[arg-type]
        except Killed:
            return {}

    def look(self) -> dict[str, Any]:
        """Return all that the module may change."""
        return {
            "running": self.running,
            "trial": self.trial,
            "active": self.active,
            "enabled": self.enabled,
            "files": self._files(Path(_dnsmasq.FOLDER), Path(_dnsmasq.CONFIG)),
            "unfinished": dnsmasq.TRIAL_FOLDER.exists(),
            "resolv_conf": _resolver.look(),
        }


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host()
    folder = tmp_path / "highload-dnsmasq"
    for name, path in (
        ("FOLDER", folder),
        ("SERVERS", folder / "servers"),
        ("HOSTS", folder / "hosts"),
        ("CONFIG", tmp_path / "dnsmasq.d" / "ours.conf"),
        ("DROP_IN", tmp_path / "dnsmasq.service.d" / "ours.conf"),
    ):
        monkeypatch.setattr(_dnsmasq, name, str(path))
    monkeypatch.setattr(dnsmasq, "TRIAL_FOLDER", folder / "trial")
    monkeypatch.setattr(dnsmasq, "MEMORY", tmp_path / "state" / "dnsmasq.json")
    monkeypatch.setattr(dnsmasq, "PATIENCE", 0.0)
    monkeypatch.setattr(dnsmasq, "GRACE", 0.0)
    monkeypatch.setattr(dnsmasq, "exchange", found.exchange)
    monkeypatch.setattr(_resolver, "RESOLV_CONF", tmp_path / "resolv.conf")
    _resolver.put(ResolvConf(None, _resolver.render(["127.0.0.1"], "")))
    monkeypatch.setattr(dnsmasq, "replace_file", found.counted(dnsmasq.replace_file))
    monkeypatch.setattr(_resolver, "put", found.counted(_resolver.put))
    monkeypatch.setattr(shutil, "rmtree", found.counted(shutil.rmtree))
    return found


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({}, "none"),
        ({"records": [OTHER]}, "reloaded"),
        ({"domain_upstreams": [{"domain": "corp.example", "servers": [GOOD]}]}, "reloaded"),
        ({"listen_addresses": ["127.0.0.1", "::1"]}, "restarted"),
        ({"cache_size": 300}, "restarted"),
    ],
)
def test_it_restarts_only_where_a_reload_is_not_enough(host: Host, change: dict[str, Any], action: str) -> None:
    assert host.go()["action"] == "restarted"
    result = host.go(**change)
    assert (result["action"], result["changed"]) == (action, action != "none")
    assert host.go(**change) == {"changed": False, "action": "none", "diff": []}
    assert not host.look()["unfinished"]
    assert host.look()["files"] == host.running


def test_upstreams_that_do_not_answer_change_nothing(host: Host) -> None:
    host.go()
    before = host.look()
    with pytest.raises(
        dnsmasq.DnsmasqError, match=r"None of the upstreams 192.0.2.99 answered \..*Nothing was changed"
    ):
        host.go(upstreams=["192.0.2.99"])
    assert host.look() == before


def test_a_unit_that_does_not_answer_serves_again_what_it_did(host: Host) -> None:
    host.go()
    before = host.look()
    host.broken = "cache-size=300"
    with pytest.raises(dnsmasq.DnsmasqError, match=r"What dnsmasq.service served before is back"):
        host.go(cache_size=300)
    assert host.look() == before


def test_a_first_run_that_fails_leaves_the_unit_stopped(host: Host) -> None:
    before = host.look()
    host.broken = "cache-size=150"
    with pytest.raises(dnsmasq.DnsmasqError, match=r"Connection refused"):
        host.go()
    assert {**host.look(), "enabled": False} == before


@pytest.mark.parametrize("change", [{"records": [OTHER]}, {"listen_addresses": ["127.0.0.1", "::1"]}], ids=str)
def test_killed_at_any_step_the_next_run_does_the_rest(host: Host, change: dict[str, Any]) -> None:
    host.go(**change)
    reached = host.look()
    for kill_at in itertools.count():
        host.go()
        if host.go(kill_at, **change):
            break
        host.go(**change)
        assert host.look() == reached, f"killed at step {kill_at}"
    assert kill_at > 5


def test_killed_at_any_step_it_can_be_removed(host: Host) -> None:
    _resolver.RESOLV_CONF.write_text("nameserver 192.0.2.1\n")
    untouched = host.look()
    for kill_at in itertools.count():
        host.go()
        if host.go(kill_at, cache_size=300):
            break
        host.go(state="absent")
        assert host.look() == untouched, f"killed at step {kill_at}"
        assert not host.go(state="absent")["changed"]


def test_a_unit_that_ran_before_runs_again(host: Host) -> None:
    host.active, host.enabled = True, False
    host.running = host._files(Path("none"), Path("none"))
    _resolver.RESOLV_CONF.write_text("nameserver 192.0.2.1\n")
    host.go()
    assert host.enabled
    host.go(state="absent")
    assert (host.active, host.enabled) == (True, False)
