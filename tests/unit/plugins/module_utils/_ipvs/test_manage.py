# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import boot as command
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import kernel as kernel_module
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import CommandError, IPVSError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.kernel import ApplyError, Kernel
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.look import show_state
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.manage import carry_out, look_ahead, restore
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.managed import ManagedFile
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order
from ansible_collections.highload.lvs.tests.unit.fake_ipvs import BadValueError, FakeKernel, KernelError


def server(last, **more):
    return {"address": f"10.0.0.{last}", **more}


def service(last, *servers, **more):
    return {"protocol": "tcp", "address": f"192.0.2.{last}", "port": 80, "servers": list(servers), **more}


class Host:
    """A director: a kernel and the file that remembers what is managed."""

    def __init__(self, folder):
        self.kernel = FakeKernel()
        self.path = folder / "lib" / "ipvs.json"
        self.file = ManagedFile(str(self.path))

    def order(self, *services, **parameters):
        defaults = {"state": "present", "purge": "managed", "keep_addresses": [], "drain": 0}
        settings = {"timeouts": None, "sync_daemons": None}
        return read_order({**defaults, **settings, "services": list(services), **parameters})

    def apply(self, *services, **parameters):
        return carry_out(self.order(*services, **parameters), self.kernel, self.file)

    def rules(self, *services, **parameters):
        """Apply, and return the rules of the plan."""
        return [change.rule for change in self.apply(*services, **parameters).plan]

    def table(self):
        return {name: sorted(one.servers) for name, one in self.kernel.services.items()}

    def text(self):
        return self.path.read_text() if self.path.exists() else ""


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def clock(monkeypatch):
    """Let time pass only in sleep; hooks run after each."""

    class Clock:
        now = 0.0
        hooks: list = []  # noqa: RUF012

    def sleep(seconds):
        Clock.now += seconds
        if Clock.hooks:
            Clock.hooks.pop(0)()

    Clock.hooks = []
    monkeypatch.setattr(kernel_module.time, "sleep", sleep)
    monkeypatch.setattr(kernel_module.time, "monotonic", lambda: Clock.now)
    return Clock


def test_an_empty_table_is_filled(host):
    assert host.rules(service(1, server(1), server(2, weight=0, upper_threshold=9, lower_threshold=3))) == [
        "-A -t 192.0.2.1:80 -s wlc",
        "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1",
        "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0 -x 9 -y 3",
    ]
    assert host.table() == {"TCP  192.0.2.1:80": ["10.0.0.1:80", "10.0.0.2:80"]}


def test_the_second_time_nothing_changes(host):
    host.apply(service(1, server(1), server(2)))
    before = host.text(), host.path.stat().st_mtime_ns, len(host.kernel.restores)
    assert host.rules(service(1, server(2), server(1))) == []
    assert (host.text(), host.path.stat().st_mtime_ns, len(host.kernel.restores)) == before


def test_adds_stand_before_edits_before_deletes_in_one_restore(host):
    host.apply(service(1, server(1), server(2)), service(2), service(4, server(1)))
    rules = host.rules(service(1, server(1, weight=5), server(3)), service(3, server(1)), service(4, scheduler="rr"))
    assert rules == [
        "-a -t 192.0.2.1:80 -r 10.0.0.3:80 -m -w 1",
        "-A -t 192.0.2.3:80 -s wlc",
        "-a -t 192.0.2.3:80 -r 10.0.0.1:80 -m -w 1",
        "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 5",
        "-E -t 192.0.2.4:80 -s rr",
        "-d -t 192.0.2.1:80 -r 10.0.0.2:80",
        "-d -t 192.0.2.4:80 -r 10.0.0.1:80",
        "-D -t 192.0.2.2:80",
    ]
    assert host.kernel.restores[-1] == rules


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ({"weight": 3}, {"weight": 0}, "-m -w 0"),
        ({"weight": 3, "upper_threshold": 9}, {"weight": 3}, "-m -w 3"),
        ({}, {"upper_threshold": 9, "lower_threshold": 1}, "-m -w 1 -x 9 -y 1"),
        ({}, {"forward": "route"}, "-g -w 1"),
        ({}, {"forward": "tunnel"}, "-i -w 1 --tun-type ipip"),
        (
            {"forward": "tunnel", "weight": 2},
            {"forward": "tunnel", "weight": 2, "tunnel": {"type": "gre", "checksum": "enabled"}},
            "-i -w 2 --tun-type gre --tun-csum",
        ),
    ],
)
def test_a_changed_server_is_edited_with_its_whole_tuple(host, old, new, rule):
    host.apply(service(1, server(1, **old), server(2)))
    assert host.rules(service(1, server(1, **new), server(2))) == [f"-e -t 192.0.2.1:80 -r 10.0.0.1:80 {rule}"]


def test_a_changed_service_is_edited_with_all_its_settings(host):
    full = {"scheduler": "sh", "scheduler_flags": ["sh-port"], "persistence": {"timeout": 60, "netmask": 24}}
    host.apply(service(1, server(1), **full))
    rules = host.rules(service(1, server(1), **{**full, "persistence": {"timeout": 61, "netmask": 24}}))
    assert rules == ["-E -t 192.0.2.1:80 -s sh -p 61 -M 255.255.255.0 -b sh-port"]


class TestOwnership:
    @pytest.fixture
    def shared(self, host):
        """A kernel where somebody else has a service, and a server in one of ours."""
        host.apply(service(1, server(1)), service(2, server(1)))
        host.kernel.restore("-A -t 198.51.100.1:80 -s rr\n-a -t 198.51.100.1:80 -r 10.9.0.1:80 -m\n")
        host.kernel.restore("-a -t 192.0.2.1:80 -r 10.9.0.2:80 -m\n")
        return host

    FOREIGN = "TCP  198.51.100.1:80"

    def test_what_is_dropped_goes_and_what_is_foreign_stays(self, shared):
        outcome = shared.apply(service(1, server(3)))
        assert shared.table() == {
            "TCP  192.0.2.1:80": ["10.0.0.3:80", "10.9.0.2:80"],
            self.FOREIGN: ["10.9.0.1:80"],
        }
        assert outcome.kept == ["tcp 198.51.100.1:80", "10.9.0.2:80 of tcp 192.0.2.1:80"]

    def test_a_service_stays_for_a_foreign_server(self, shared):
        shared.apply()
        assert shared.table() == {"TCP  192.0.2.1:80": ["10.9.0.2:80"], self.FOREIGN: ["10.9.0.1:80"]}

    def test_none_keeps_everything_and_remembers_it(self, shared):
        shared.apply(purge="none")
        assert shared.table()["TCP  192.0.2.2:80"] == ["10.0.0.1:80"]
        shared.apply()
        assert "TCP  192.0.2.2:80" not in shared.table()

    def test_all_makes_the_table_exact(self, shared):
        outcome = shared.apply(service(1, server(1)), purge="all")
        assert shared.table() == {"TCP  192.0.2.1:80": ["10.0.0.1:80"]}
        assert outcome.kept == []

    @pytest.mark.parametrize(
        ("keep", "left"),
        [
            (["198.51.100.0/24"], {FOREIGN: ["10.9.0.1:80"]}),
            (["10.9.0.1"], {FOREIGN: ["10.9.0.1:80"]}),
            (["10.9.0.2/32", "2001:db8::/32"], {"TCP  192.0.2.1:80": ["10.9.0.2:80"]}),
            (["192.0.2.2"], {"TCP  192.0.2.2:80": ["10.0.0.1:80"]}),
        ],
    )
    def test_addresses_are_kept_even_from_all(self, shared, keep, left):
        shared.apply(purge="all", keep_addresses=keep)
        assert shared.table() == left

    def test_a_foreign_service_in_the_list_is_taken_over(self, shared):
        foreign = {**service(1, {"address": "10.9.0.1"}), "address": "198.51.100.1", "scheduler": "rr"}
        assert shared.rules(foreign, service(1, server(1)), service(2, server(1))) == []
        shared.apply(service(1, server(1)), service(2, server(1)))
        assert self.FOREIGN not in shared.table()

    def test_absent_takes_out_what_is_listed_and_nothing_else(self, shared):
        shared.apply({"protocol": "tcp", "address": "198.51.100.1", "port": 80}, service(1), state="absent")
        assert shared.table() == {"TCP  192.0.2.2:80": ["10.0.0.1:80"]}
        shared.apply(service(2, server(1)), state="absent")
        assert shared.table() == {}
        assert not shared.path.exists()

    def test_absent_keeps_addresses(self, shared):
        shared.apply(service(1), state="absent", keep_addresses=["10.9.0.2"])
        assert shared.table()["TCP  192.0.2.1:80"] == ["10.9.0.2:80"]

    def test_absent_without_a_list_takes_out_what_is_managed(self, shared):
        shared.apply(state="absent")
        assert shared.table() == {"TCP  192.0.2.1:80": ["10.9.0.2:80"], self.FOREIGN: ["10.9.0.1:80"]}
        assert not shared.path.exists()


class TestSettings:
    MASTER = {"state": "master", "interface": "eth0", "sync_id": 7}  # noqa: RUF012
    BACKUP = {"state": "backup", "interface": "eth0", "sync_id": 7, "maxlen": 1400}  # noqa: RUF012
    START = (
        "--start-daemon {} --mcast-interface eth0 --syncid {} --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1"
    )

    def test_timeouts_change_only_where_given(self, host):
        assert host.rules(timeouts={"tcp": 600}) == ["--set 600 120 300"]
        assert host.rules(timeouts={"tcp": 600}) == []
        assert host.rules() == []
        assert host.rules(timeouts={"udp": 30}) == ["--set 900 120 30"]
        assert host.rules(timeouts={}) == ["--set 900 120 300"]

    def test_timeouts_of_somebody_else_stay(self, host):
        host.kernel.timeouts = [1, 2, 3]
        assert host.rules(timeouts={"udp": 30}) == ["--set 1 2 30"]

    def test_daemons_start_stop_and_start_again(self, host):
        assert host.rules(sync_daemons=[self.MASTER, self.BACKUP]) == [
            self.START.format("master", 7),
            self.START.format("backup", 7) + " --sync-maxlen 1400",
        ]
        assert host.rules(sync_daemons=[self.MASTER, self.BACKUP]) == []
        assert host.rules() == []
        assert host.rules(sync_daemons=[{**self.MASTER, "sync_id": 8}]) == [
            "--stop-daemon master",
            self.START.format("master", 8),
            "--stop-daemon backup",
        ]
        assert host.rules(state="absent") == ["--stop-daemon master"]

    def test_a_daemon_of_somebody_else_stays(self, host):
        host.kernel.restore("--start-daemon backup --mcast-interface eth9\n")
        assert host.rules(sync_daemons=[self.MASTER]) == [self.START.format("master", 7)]
        assert host.rules(sync_daemons=[]) == ["--stop-daemon master"]

    def test_a_daemon_that_does_not_start_undoes_everything(self, host):
        with pytest.raises(ApplyError, match=r"rule '--start-daemon master .*' failed with 'No such device'") as caught:
            host.apply(service(1), timeouts={"tcp": 5}, sync_daemons=[{**self.MASTER, "interface": "missing0"}])
        assert caught.value.undone
        assert (host.table(), host.kernel.timeouts, host.kernel.daemons) == ({}, [900, 120, 300], {})


class TestFailure:
    OLD = (service(1, server(1), server(2)), service(2, server(1)))
    NEW = (service(1, server(1, weight=9), server(3)), service(3, server(1), server(2)))

    @pytest.mark.parametrize(
        "fault", [KernelError("Memory allocation problem"), BadValueError("illegal weight specified")]
    )
    @pytest.mark.parametrize("count", range(1, 8))
    def test_a_fault_anywhere_brings_the_old_table_back(self, host, count, fault):
        host.apply(*self.OLD)
        table, text = host.kernel.show("--tun-info"), host.text()
        host.kernel.faults = {count: fault}
        with pytest.raises(ApplyError, match="All of it was undone, the table is as it was before") as caught:
            host.apply(*self.NEW)
        failed = host.kernel.restores[1][count - 1]
        assert f"rule '{failed}'" in str(caught.value)
        assert f"failed with '{fault}'" in str(caught.value)
        assert sorted(host.kernel.show("--tun-info").split("\n")) == sorted(table.split("\n"))
        assert host.text() == text
        assert caught.value.undone

    def test_two_faults_are_counted(self, host):
        host.kernel.faults = {1: KernelError("first"), 3: KernelError("third")}
        with pytest.raises(ApplyError, match=r"3 of 3 changes did not work: .*\(and 2 more\) failed with 'first'"):
            host.apply(service(1, server(1)), service(2))

    def test_an_undo_that_fails_says_so(self, host):
        host.kernel.faults = {2: KernelError("broken")}
        host.kernel.after_restore = lambda: host.kernel.faults.update({1: KernelError("broken again")})
        with pytest.raises(ApplyError, match=r"Undoing it failed too: .*broken again") as caught:
            host.apply(service(1, server(1)))
        assert not caught.value.undone
        assert list(map(str, caught.value.state.services)) == ["tcp 192.0.2.1:80"]
        host.kernel.after_restore = lambda: None
        host.kernel.faults = {}
        host.apply()
        assert host.table() == {}, "what was left there is known as ours"

    def test_a_rule_without_effect_is_found(self, host):
        host.kernel.after_restore = lambda: [one.servers.clear() for one in host.kernel.services.values()]
        with pytest.raises(ApplyError, match="somebody else may have changed the table"):
            host.apply(service(1, server(1)))

    def test_a_complaint_is_a_failure_even_if_everything_is_in_effect(self, host):
        host.apply(service(2))

        def complain():
            host.kernel.after_restore = lambda: None
            raise CommandError(["ipvsadm", "-R"], 0, "something odd\n")

        host.kernel.after_restore = complain
        with pytest.raises(
            ApplyError, match=r"although all 2 changes are in effect: something odd. All of it was undone"
        ):
            host.apply(service(1, server(1)), service(2))
        assert host.table() == {"TCP  192.0.2.2:80": []}

    def test_what_somebody_else_does_in_between_stays(self, host):
        host.apply(*self.OLD)
        host.kernel.faults = {2: KernelError("broken")}
        others = "-A -t 198.51.100.1:80\n-a -t 192.0.2.2:80 -r 10.9.0.1:80 -m\n"

        def interfere():
            host.kernel.after_restore = lambda: None
            host.kernel.restore(others)

        host.kernel.after_restore = interfere
        with pytest.raises(ApplyError, match="as it was before"):
            host.apply(service(1, server(1), server(2), server(3), server(4)), service(2, server(1)))
        assert host.table() == {
            "TCP  192.0.2.1:80": ["10.0.0.1:80", "10.0.0.2:80"],
            "TCP  192.0.2.2:80": ["10.0.0.1:80", "10.9.0.1:80"],
            "TCP  198.51.100.1:80": [],
        }

    def test_dying_half_way_leaves_nothing_unknown(self, host):
        host.apply(service(1, server(1)))

        def die():
            raise KeyboardInterrupt

        host.kernel.after_restore = die
        with pytest.raises(KeyboardInterrupt):
            host.apply(service(2, server(2)))
        host.kernel.after_restore = lambda: None
        host.kernel.restore("-A -t 192.0.2.1:80\n")
        host.apply()
        assert host.table() == {}


class TestDrain:
    BOTH = (service(1, server(1), server(2, weight=5)),)

    def test_it_waits_for_the_last_connection(self, host, clock):
        host.apply(*self.BOTH)
        leaving = host.kernel.services["TCP  192.0.2.1:80"].servers["10.0.0.2:80"]
        leaving.active, leaving.persistent = 1, 1
        seen = []
        clock.hooks += [
            lambda: (seen.append(leaving_now().weight), setattr(leaving_now(), "active", 0)),
            lambda: setattr(leaving_now(), "persistent", 0),
        ]

        def leaving_now():
            return host.kernel.services["TCP  192.0.2.1:80"].servers["10.0.0.2:80"]

        outcome = host.apply(service(1, server(1)), drain=60)
        assert (clock.now, seen, outcome.cut) == (2, [0], [])
        assert host.table() == {"TCP  192.0.2.1:80": ["10.0.0.1:80"]}
        assert [change.rule for change in outcome.plan] == ["-d -t 192.0.2.1:80 -r 10.0.0.2:80"]

    def test_it_waits_no_longer_than_told(self, host, clock):
        host.apply(*self.BOTH)
        host.kernel.services["TCP  192.0.2.1:80"].servers["10.0.0.2:80"].active = 3
        outcome = host.apply(drain=5)
        assert clock.now == 5
        assert outcome.cut == [
            {
                "service": "tcp 192.0.2.1:80",
                "server": "10.0.0.2:80",
                "active_connections": 3,
                "persistent_connections": 0,
            }
        ]
        assert host.table() == {}

    def test_nothing_to_wait_for(self, host, clock):
        host.apply(*self.BOTH, drain=5)
        host.apply(service(1, server(1, weight=4), server(2)), drain=5)
        assert clock.now == 0
        assert host.kernel.restores[-1][0].startswith("-e")

    def test_udp_goes_at_once(self, host, clock):
        host.apply({**service(1, server(1)), "protocol": "udp"})
        host.kernel.services["UDP  192.0.2.1:80"].servers["10.0.0.1:80"].active = 3
        host.apply(drain=5)
        assert (clock.now, host.table()) == (0, {})

    def test_a_server_that_somebody_else_removes_meanwhile(self, host, clock):
        host.apply(*self.BOTH)
        host.kernel.services["TCP  192.0.2.1:80"].servers["10.0.0.2:80"].active = 3
        clock.hooks.append(lambda: host.kernel.restore("-d -t 192.0.2.1:80 -r 10.0.0.2:80\n"))
        host.apply(service(1, server(1)), drain=5)
        assert host.table() == {"TCP  192.0.2.1:80": ["10.0.0.1:80"]}

    def test_a_fault_after_the_wait_brings_the_weight_back(self, host, clock):
        host.apply(*self.BOTH)
        host.kernel.services["TCP  192.0.2.1:80"].servers["10.0.0.2:80"].active = 3
        clock.hooks.append(lambda: host.kernel.faults.update({1: KernelError("broken")}))
        with pytest.raises(ApplyError, match="as it was before"):
            host.apply(service(1, server(1)), drain=1)
        assert host.kernel.services["TCP  192.0.2.1:80"].servers["10.0.0.2:80"].weight == 5


class TestManagedFile:
    def test_it_is_readable_and_says_its_version(self, host):
        host.apply(service(1, server(1)), timeouts={"tcp": 600})
        data = json.loads(host.text())
        assert (data["version"], data["timeouts"]) == (1, {"tcp": 600})
        assert data["services"][0]["servers"][0]["address"] == "10.0.0.1"
        assert host.path.stat().st_mode & 0o777 == 0o644
        assert list(host.path.parent.iterdir()) == [host.path]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "damaged"),
            ("[]", "damaged"),
            ('{"version": 2}', "it has version 2"),
            ('{"version": 1}', "damaged .KeyError: 'services'"),
            ('{"version": 1, "services": [{}], "timeouts": {}, "sync_daemons": []}', "damaged"),
            ('{"version": 1, "services": [], "timeouts": {}, "sync_daemons": [{"a": 1}]}', "damaged"),
        ],
    )
    def test_a_damaged_file_stops_everything(self, host, text, reason):
        host.path.parent.mkdir()
        host.path.write_text(text)
        with pytest.raises(IPVSError, match=reason):
            host.apply(service(1))
        assert host.kernel.restores == []
        assert host.text() == text

    def test_a_folder_that_cannot_be_used(self, tmp_path):
        (tmp_path / "lib").write_text("a file")
        host = Host(tmp_path)
        with pytest.raises(IPVSError, match="cannot use the folder of"):
            host.apply(service(1))
        assert host.kernel.restores == []

    def test_runs_wait_for_each_other(self, host):
        with host.file.locked():
            import fcntl
            import os

            other = os.open(host.path.parent, os.O_RDONLY)
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(other)


class TestCheckMode:
    def test_it_touches_nothing_and_says_the_same(self, host):
        host.apply(service(1, server(1)), service(2))
        wanted = host.order(service(1, server(2)), service(3), timeouts={"tcp": 5})
        text, table, restores = host.text(), host.table(), len(host.kernel.restores)
        ahead = look_ahead(wanted, host.kernel, host.file)
        assert (host.text(), host.table(), len(host.kernel.restores)) == (text, table, restores)
        done = carry_out(wanted, host.kernel, host.file)
        assert (ahead.plan, ahead.kept, ahead.managed) == (done.plan, done.kept, done.managed)
        assert show_state(ahead.after) == show_state(done.after)

    def test_on_a_host_without_ipvs(self, host):
        ahead = look_ahead(host.order(service(1), timeouts={}, sync_daemons=[]), None, host.file)
        assert [change.rule for change in ahead.plan] == ["-A -t 192.0.2.1:80 -s wlc"]
        assert not host.path.parent.exists()


class TestRestore:
    def test_after_a_boot_everything_is_back(self, host):
        daemon = {"state": "master", "interface": "eth0"}
        host.apply(service(1, server(1, upper_threshold=9, weight=0)), timeouts={"tcp": 600}, sync_daemons=[daemon])
        texts = [host.kernel.show(option) for option in ("--tun-info", "--thresholds", "--timeout", "--daemon")]
        rebooted = FakeKernel()
        assert len(restore(rebooted, host.file)) == 4
        assert [rebooted.show(option) for option in ("--tun-info", "--thresholds", "--timeout", "--daemon")] == texts
        assert restore(rebooted, host.file) == []

    def test_it_removes_nothing(self, host):
        host.apply(service(1, server(1)))
        rebooted = FakeKernel()
        rebooted.restore("-A -t 198.51.100.1:80\n-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.9.0.1:80 -m\n")
        host.kernel = rebooted
        restore(rebooted, host.file)
        assert host.table() == {"TCP  198.51.100.1:80": [], "TCP  192.0.2.1:80": ["10.0.0.1:80", "10.9.0.1:80"]}

    def test_what_works_is_kept_and_what_does_not_is_named(self, host):
        host.apply(service(1, server(1)), service(2, server(1)))
        host.kernel = FakeKernel()
        host.kernel.faults = {1: KernelError("no such scheduler")}
        with pytest.raises(ApplyError, match=r"2 of 4 .*'-A -t 192.0.2.1:80 -s wlc' .*failed with 'no such scheduler'"):
            restore(host.kernel, host.file)
        assert host.table() == {"TCP  192.0.2.2:80": ["10.0.0.1:80"]}

    def test_the_command(self, host, monkeypatch, capsys):
        host.apply(service(1, server(1)))
        host.kernel = FakeKernel()
        monkeypatch.setattr(command, "Ipvsadm", lambda: host.kernel)
        assert command.main(["restore", str(host.path)]) == 0
        assert command.main(["restore", str(host.path)]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "2 changes brought the IPVS table back",
            "the IPVS table was complete already",
        ]
        assert command.main(["restore", str(host.path.parent / "other" / "none.json")]) == 0
        assert "nothing is managed" in capsys.readouterr().out
        assert not (host.path.parent / "other").exists()
        host.path.write_text("{")
        assert command.main(["restore", str(host.path)]) == 1
        assert "damaged" in capsys.readouterr().err


def test_a_table_that_cannot_be_read_back(host):
    def vanish():
        def show(*_options):
            raise CommandError(["ipvsadm"], 2, "gone\n")

        host.kernel.show = show

    host.kernel.after_restore = vanish
    with pytest.raises(IPVSError, match=r"fed to ipvsadm, but the table could not be read back: .*gone"):
        host.apply(service(1))


def test_the_look_of_a_diff(host):
    outcome = host.apply(
        service(1, server(10, weight=0), server(9, upper_threshold=9, lower_threshold=3), scheduler="rr"),
        {
            "protocol": "fwmark",
            "fwmark": 8,
            "family": "ipv6",
            "scheduler": "mh",
            "scheduler_flags": ["mh-port"],
            "persistence": {"timeout": 60, "netmask": 64},
            "persistence_engine": "sip",
            "one_packet": True,
            "servers": [
                {"address": "2001:db8::2", "forward": "tunnel"},
                {
                    "address": "2001:db8::1",
                    "forward": "tunnel",
                    "tunnel": {"type": "gue", "port": 6080, "checksum": "remote"},
                },
            ],
        },
        timeouts={"tcp": 5},
        sync_daemons=[{"state": "backup", "interface": "eth0"}],
    )
    assert show_state(outcome.after) == (
        "Prot LocalAddress:Port Scheduler Flags\n"
        "  -> RemoteAddress:Port           Forward Weight\n"
        "TCP  192.0.2.1:80 rr\n"
        "  -> 10.0.0.9:80                  Masq    1      thresholds 9 3\n"
        "  -> 10.0.0.10:80                 Masq    0\n"
        "FWM  8 IPv6 mh (mh-port) persistent 60 mask 64 pe sip ops\n"
        "  -> [2001:db8::1]:0              Tunnel  1      tunnel gue:6080:r+c\n"
        "  -> [2001:db8::2]:0              Tunnel  1      tunnel ipip\n"
        "Timeout (tcp tcpfin udp): 5 120 300\n"
        "backup sync daemon (mcast=eth0, syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
    )


def test_only_the_settings_that_matter_are_read(host):
    calls = []
    original = host.kernel.show
    host.kernel.show = lambda *options: calls.append(options) or original(*options)
    Kernel(host.kernel, timeouts=False, daemons=False).read()
    assert calls == [("--tun-info",), ("--thresholds",)]
