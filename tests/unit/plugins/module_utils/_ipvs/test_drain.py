# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs import drain as drain_module
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.drain import Director, Limits
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.drained import Drained, DrainFile
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.kernel import ApplyError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.manage import carry_out, look_ahead, restore
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.managed import ManagedFile
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.validate import read_order
from ansible_collections.highload.lvs.tests.unit.fake_ipvs import FakeKernel, KernelError

WEB1, WEB2, WEB3 = ("10.0.0.1",), ("10.0.0.2",), ("10.0.0.3",)


class Site:
    """A director with one service on three hosts; the first has a second service and the third weight 0."""

    def __init__(self, folder):
        self.kernel = FakeKernel()
        self.path = folder / "ipvs.json"
        self.file = ManagedFile(str(self.path))
        self.director = Director(self.kernel, str(self.path))
        self.dry = Director(self.kernel, str(self.path), dry=True)

    def apply(self, weights, other=None, **parameters):
        """Do what ipvs_services does with these weights of the last bytes of addresses."""
        return carry_out(self.order(weights, other, **parameters), self.kernel, self.file)

    def order(self, weights, other=None, **parameters):
        given = {"state": "present", "purge": "managed", "keep_addresses": [], "drain": 0}
        services = [
            {
                "protocol": protocol,
                "address": "192.0.2.1",
                "port": 80,
                "servers": [{"address": f"10.0.0.{last}", "weight": weight} for last, weight in some.items()],
            }
            for protocol, some in (("tcp", weights), ("udp", other or {}))
        ]
        return read_order({**given, "timeouts": None, "sync_daemons": None, "services": services, **parameters})

    def weights(self, protocol="TCP"):
        servers = self.kernel.services[f"{protocol:4} 192.0.2.1:80"].servers
        return {int(name.split(":")[0].split(".")[-1]): one.weight for name, one in servers.items()}

    @property
    def drained(self):
        return DrainFile(self.path).load()


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    site.apply({1: 5, 2: 3, 3: 1}, {1: 2, 2: 1})
    return site


def test_out_and_back(site):
    result = site.director.take_out("web1", WEB1, Limits())
    assert [change.rule.split()[-1] for change in result.plan] == ["0", "0"]
    assert (site.weights(), site.weights("UDP")) == ({1: 0, 2: 3, 3: 1}, {1: 0, 2: 1})
    assert list(site.drained.hosts) == ["web1"]
    site.director.put_in("web1")
    assert (site.weights(), site.weights("UDP")) == ({1: 5, 2: 3, 3: 1}, {1: 2, 2: 1})
    assert not (site.path.parent / "drain.json").exists()


def test_twice_is_once(site):
    site.director.take_out("web1", WEB1, Limits())
    first = site.drained
    assert site.director.take_out("web1", WEB1, Limits()).plan == []
    assert site.drained == first
    site.director.put_in("web1")
    assert site.director.put_in("web1").plan == []


def test_weight_0_that_is_wanted_stays(site):
    site.apply({1: 5, 2: 3, 3: 0})
    site.director.take_out("web3", WEB3, Limits())
    site.director.put_in("web3")
    assert site.weights() == {1: 5, 2: 3, 3: 0}


def test_check_mode_touches_nothing(site):
    assert len(site.dry.take_out("web1", WEB1, Limits()).plan) == 2
    assert site.weights() == {1: 5, 2: 3, 3: 1}
    assert site.drained == Drained()


def test_never_more_than_allowed(site):
    site.director.take_out("web1", WEB1, Limits())
    with pytest.raises(IPVSError, match=r"10\.0\.0\.1 \(web1, drained since .* may be at once: .*allow 2"):
        site.director.take_out("web2", WEB2, Limits())
    assert site.weights() == {1: 0, 2: 3, 3: 1}
    with pytest.raises(IPVSError, match=r"udp 192\.0\.2\.1:80: no other real server has a weight above 0"):
        site.director.take_out("web2", WEB2, Limits(2))
    site.director.take_out("web2", WEB2, Limits(2, empty=True))
    assert site.weights() == {1: 0, 2: 0, 3: 1}


def test_weight_0_of_somebody_else_counts(site):
    site.apply({1: 5, 2: 3, 3: 0})
    with pytest.raises(IPVSError, match=r"10\.0\.0\.3 \(weight 0, not by a drain\) is out of service already"):
        site.director.take_out("web1", WEB1, Limits())
    assert site.drained == Drained()


def test_one_that_is_out_can_be_taken_up_again_under_any_limit(site):
    site.director.take_out("web1", WEB1, Limits())
    site.director.take_out("web3", WEB3, Limits(2))
    assert site.director.take_out("web1", WEB1, Limits(1)).plan == []


def test_the_list_does_not_put_it_back_but_says_with_which_weight_it_comes(site):
    site.director.take_out("web1", WEB1, Limits())
    assert site.apply({1: 5, 2: 3, 3: 1}, {1: 2, 2: 1}).plan == []
    outcome = site.apply({1: 7, 2: 4, 3: 1}, {1: 2, 2: 1})
    assert [change.rule for change in outcome.plan] == ["-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 4"]
    assert "web1 is out of service since" in outcome.drained.sentences()[0]
    site.director.put_in("web1")
    assert (site.weights(), site.weights("UDP")) == ({1: 7, 2: 4, 3: 1}, {1: 2, 2: 1})


def test_the_list_adds_a_server_to_a_host_that_is_out(site):
    site.director.take_out("web3", WEB3, Limits())
    site.apply({1: 5, 2: 3, 3: 1}, {1: 2, 2: 1, 3: 9})
    assert site.weights("UDP") == {1: 2, 2: 1, 3: 0}
    site.director.put_in("web3")
    assert site.weights("UDP") == {1: 2, 2: 1, 3: 9}


def test_the_list_drops_a_host_that_is_out(site):
    site.director.take_out("web3", WEB3, Limits())
    site.apply({1: 5, 2: 3}, {1: 2, 2: 1})
    assert site.drained == Drained()


def test_a_server_that_stays_without_being_listed_keeps_its_weight(site):
    site.director.take_out("web3", WEB3, Limits())
    site.apply({1: 5, 2: 3}, {1: 2, 2: 1}, purge="none")
    assert site.weights() == {1: 5, 2: 3, 3: 0}
    site.director.put_in("web3")
    assert site.weights() == {1: 5, 2: 3, 3: 1}


def test_check_mode_of_the_list_knows_who_is_out(site):
    site.director.take_out("web1", WEB1, Limits())
    order = site.order({1: 5, 2: 3, 3: 1}, {1: 2, 2: 1})
    assert look_ahead(order, site.kernel, site.file).plan == []


def test_out_survives_a_restart_of_the_director(site):
    site.director.take_out("web1", WEB1, Limits())
    site.kernel.services.clear()
    restore(site.kernel, site.file)
    assert site.weights() == {1: 0, 2: 3, 3: 1}
    site.director.put_in("web1")
    assert site.weights() == {1: 5, 2: 3, 3: 1}
    site.kernel.services.clear()
    restore(site.kernel, site.file)
    assert site.weights() == {1: 5, 2: 3, 3: 1}


def test_removing_everything_ends_it(site):
    site.director.take_out("web1", WEB1, Limits())
    carry_out(site.order({}, state="absent", services=[]), site.kernel, site.file)
    assert list(site.path.parent.iterdir()) == []


def test_killed_before_the_kernel_changed(site, monkeypatch):
    def killed(_rules):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(site.kernel, "restore", killed)
        with pytest.raises(KeyboardInterrupt):
            site.director.take_out("web1", WEB1, Limits())
    assert site.weights() == {1: 5, 2: 3, 3: 1}
    site.director.take_out("web1", WEB1, Limits())
    site.director.put_in("web1")
    assert site.weights() == {1: 5, 2: 3, 3: 1}


def test_killed_when_the_kernel_had_changed(site):
    def die():
        raise KeyboardInterrupt

    site.kernel.after_restore = die
    with pytest.raises(KeyboardInterrupt):
        site.director.take_out("web1", WEB1, Limits())
    assert (site.weights(), list(site.drained.hosts)) == ({1: 0, 2: 3, 3: 1}, ["web1"])
    site.kernel.after_restore = lambda: None
    site.director.put_in("web1")
    assert site.weights() == {1: 5, 2: 3, 3: 1}


def test_a_rule_that_the_kernel_refuses_is_undone(site):
    site.kernel.faults = {2: KernelError("No memory")}
    with pytest.raises(ApplyError, match="No memory"):
        site.director.take_out("web1", WEB1, Limits())
    assert (site.weights(), site.weights("UDP")) == ({1: 5, 2: 3, 3: 1}, {1: 2, 2: 1})
    assert site.drained == Drained()


def test_a_host_that_serves_nothing_here_is_not_out(site):
    assert site.director.take_out("web9", ("10.0.0.9",), Limits()).plan == []
    assert site.drained == Drained()


def test_waits_for_active_and_persistent_connections(site, monkeypatch):
    clock = [0.0]
    server = site.kernel.services["TCP  192.0.2.1:80"].servers["10.0.0.1:80"]
    server.active, server.persistent = 1, 1

    def sleep(seconds):
        clock[0] += seconds
        server.active = int(clock[0] < 3)
        server.persistent = int(clock[0] < 5)

    monkeypatch.setattr(drain_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(drain_module.time, "sleep", sleep)
    assert site.director.wait(WEB1, 2)[0]["active_connections"] == 1
    assert clock == [2]
    assert site.director.wait(WEB1, 60) == []
    assert clock == [5]
    assert site.director.wait(WEB2, 60) == []


def test_a_roll_remembers_who_is_done_until_all_are(site):
    hosts = ("web1", "web2")
    site.director.put_in("web1", "key", hosts)
    assert site.drained.roll.done == ("web1",)
    site.director.put_in("web2", "another", hosts)
    assert site.drained.roll.done == ("web2",)
    site.director.put_in("web1", "another", hosts)
    assert site.drained == Drained()


@pytest.mark.parametrize("text", ["nonsense", "{}", '{"version": 2}', '{"version": 1, "hosts": [], "roll": {}}'])
def test_a_damaged_file_is_named(site, text):
    path = site.path.parent / "drain.json"
    path.write_text(text)
    with pytest.raises(IPVSError, match=r"drain\.json, which remembers .* cannot be read"):
        site.director.take_out("web1", WEB1, Limits())
