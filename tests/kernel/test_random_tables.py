# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The property tests again, but with a real kernel: LVS_DIRECTOR says how to run a command on a host that has IPVS.

    LVS_DIRECTOR='lab/lab exec host1 --' pytest tests/kernel

What is in that kernel's table is lost.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import replace

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import CommandError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.ipvsadm import Ipvsadm
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.kernel import ApplyError, Kernel
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.model import RealServer, ServerKey
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.plan import State, make_plan
from ansible_collections.highload.lvs.tests.unit.random_tables import TABLES, same
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

# Runs ipvsadm for each line that comes in: one ssh connection serves thousands of calls.
AGENT = """
import json, subprocess, sys
for line in sys.stdin:
    arguments, text = json.loads(line)
    done = subprocess.run(["ipvsadm", *arguments], input=text, capture_output=True, text=True)
    print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
"""
# An address that our checks cannot know to be wrong, but the kernel does: lo's broadcast address.
REFUSED = ServerKey("127.255.255.255", 80)

settings.register_profile("kernel", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("kernel")


class RemoteIpvsadm(Ipvsadm):
    """ipvsadm on another host."""

    def __init__(self) -> None:
        command = [*shlex.split(os.environ["LVS_DIRECTOR"]), "python3", "-c", AGENT]
        self._agent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _run(self, arguments: list[str], stdin: str = "") -> str:
        print(json.dumps([arguments, stdin]), file=self._agent.stdin, flush=True)
        status, stdout, stderr = json.loads(self._agent.stdout.readline())
        if status != 0 or stderr:
            raise CommandError(["ipvsadm", *arguments], status, stderr)
        return stdout

    def close(self) -> None:
        """End the agent."""
        self._agent.stdin.close()
        self._agent.wait(30)


@pytest.fixture(scope="module")
def kernel():
    """Return the director's kernel, its table empty."""
    tool = RemoteIpvsadm()
    tool._run(["-C"])
    yield Kernel(tool, timeouts=True, daemons=False)
    tool._run(["-C"])
    tool.close()


def is_known_here(table):
    """Tell whether the kernels that the lab runs have what this table needs: twos is newer than their configuration."""
    return all(service.scheduler != "twos" for service in table.values())


@settings(max_examples=200)
@given(TABLES.filter(is_known_here), st.integers(1, 2678400))
def test_any_table_turns_into_any_other(kernel, table, timeout):
    before = kernel.read()
    target = replace(before, services=table, timeouts=replace(before.timeouts, udp=timeout))
    after, _cut = kernel.converge(before, target)
    assert same(after) == same(target)
    assert make_plan(after, target) == []


@settings(max_examples=100)
@given(TABLES.filter(is_known_here), st.data())
def test_a_rule_that_the_kernel_refuses_is_undone(kernel, table, data):
    hosts = [key for key in table if key.family == "ipv4" and key.protocol != "fwmark"]
    assume(hosts)
    key = data.draw(st.sampled_from(hosts))
    servers = list(table[key].servers)
    servers.insert(data.draw(st.integers(0, len(servers))), RealServer(REFUSED))
    before = kernel.read()
    broken = {**table, key: replace(table[key], servers=tuple(servers))}
    with pytest.raises(ApplyError, match=r"-r 127\.255\.255\.255:80 .*as it was before") as caught:
        kernel.converge(before, State(broken, before.timeouts))
    assert caught.value.undone
    assert same(kernel.read()) == same(before)
