"""Sysctls of several owners, set and given back."""

from __future__ import annotations

import json

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._sysctls import SysctlError, Sysctls

ARP = "net.ipv4.conf.all.arp_ignore"
FORWARD = "net.ipv4.ip_forward"


@pytest.fixture
def host(tmp_path):
    """Return a host's root folder, with a kernel that has two sysctls of value 0."""
    for name in (ARP, FORWARD):
        path = tmp_path / "proc/sys" / name.replace(".", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("0\n")
    return tmp_path


def kernel(host, name):
    """Return the kernel's value."""
    return (host / "proc/sys" / name.replace(".", "/")).read_text().strip()


def want(host, owner, values):
    """Run the module's two steps; return what was written to the kernel, None for no change."""
    sysctls = Sysctls(owner, host)
    plan = sysctls.plan(values)
    if not plan.changed:
        return None
    sysctls.apply(plan, values)
    return plan.write


def state(host):
    """Return the old values on record."""
    path = host / "var/lib/highload-lvs/sysctls.json"
    return json.loads(path.read_text()) if path.exists() else None


def test_set_twice_and_given_back(host):
    assert want(host, "a", {ARP: "1"}) == {ARP: "1"}
    assert want(host, "a", {ARP: "1"}) is None
    assert (host / "etc/sysctl.d/60-highload-a.conf").read_text() == f"# Written by highload.lvs.\n{ARP} = 1\n"
    assert state(host) == {ARP: "0"}
    assert want(host, "a", {}) == {ARP: "0"}
    assert want(host, "a", {}) is None
    assert kernel(host, ARP) == "0"
    assert [path for path in host.rglob("*highload*") if path.is_file()] == []
    assert not (host / "var/lib/highload-lvs").exists()


def test_one_that_leaves_the_list_is_given_back(host):
    want(host, "a", {ARP: "1", FORWARD: "1"})
    assert want(host, "a", {FORWARD: "1"}) == {ARP: "0"}
    assert (kernel(host, ARP), kernel(host, FORWARD)) == ("0", "1")
    assert state(host) == {FORWARD: "0"}


def test_the_value_from_before_the_first_owner_comes_back_after_the_last(host):
    want(host, "a", {ARP: "1"})
    want(host, "b", {ARP: "1"})
    assert want(host, "a", {}) == {}
    assert kernel(host, ARP) == "1"
    assert want(host, "b", {}) == {ARP: "0"}


def test_owners_who_disagree_are_told(host):
    want(host, "a", {ARP: "1"})
    with pytest.raises(SysctlError, match=r"arp_ignore should be 2, but a has set it to 1"):
        want(host, "b", {ARP: "2"})


def test_a_sysctl_that_is_not_there_changes_nothing(host):
    with pytest.raises(SysctlError, match=r"net\.none: this kernel has no such sysctl"):
        want(host, "a", {ARP: "1", "net.none": "1"})
    assert kernel(host, ARP) == "0"
    assert state(host) is None


def test_what_was_changed_behind_its_back(host):
    want(host, "a", {ARP: "1"})
    (host / "proc/sys" / ARP.replace(".", "/")).write_text("0\n")
    assert want(host, "a", {ARP: "1"}) == {ARP: "1"}
    assert state(host) == {ARP: "0"}


def test_killed_before_the_file_was_written(host):
    """The old value was written down for nobody: it is learnt again."""
    path = host / "var/lib/highload-lvs/sysctls.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({ARP: "8"}))
    want(host, "a", {ARP: "1"})
    assert state(host) == {ARP: "0"}
