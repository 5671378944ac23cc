#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a real server out of service for a while."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_drain
short_description: Take a host out of every virtual service of a director for a while, and put it back
version_added: 0.1.0
description:
  - Runs on a director. Gives the real servers of one host weight 0, so that they get no new connections while those
    they have go on, can wait for these to end, and gives the weights back later.
  - What it took out it remembers on the director, in C(drain.json) beside O(state_file). So an interrupted run can be
    taken up again, and a weight 0 that somebody wants stays one.
  - A host that is out stays out when M(highload.lvs.ipvs_services) runs in between and when the director restarts. A
    weight that the list changes in the meantime is the one that the host comes back with.
  - The playbook C(highload.lvs.drain) does the whole job, host after host, on every director.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Before and after look like C(ipvsadm -ln), without the counters.
options:
  state:
    description: What to do. V(known) changes nothing and tells who is out.
    type: str
    choices: [known, out, in]
    default: known
  name:
    description: The host's name, for the record and for messages. Required with O(state=out) and O(state=in).
    type: str
  addresses:
    description: The IP addresses of the host's real servers, in any virtual service. Required with O(state=out).
    type: list
    elements: str
    default: []
  at_once:
    description:
      - How many hosts may be out of a virtual service at a time, this one included. Everything at weight 0 in the
        kernel counts, whoever put it there. If the host would be one too many, nothing is changed and the module fails.
    type: int
    default: 1
  allow_empty:
    description: Whether a virtual service may be left without any real server above weight 0.
    type: bool
    default: false
  deadline:
    description:
      - With O(state=out), how many seconds to wait for active and persistent connections to end. What is left then is
        told in RV(busy), and is no failure.
    type: int
    default: 0
  roll:
    description:
      - The key of a change of several hosts. With O(state=in) the host is remembered as done, so that the change can
        be taken up where it was interrupted. With O(state=known), RV(done) is about it.
    type: str
    default: ""
  hosts:
    description: All hosts of O(roll). When the last of them is done, the roll is forgotten.
    type: list
    elements: str
    default: []
  state_file:
    description: Where M(highload.lvs.ipvs_services) remembers what is managed. C(drain.json) is in the same folder.
    type: path
    default: /var/lib/highload-lvs/ipvs.json
requirements:
  - ipvsadm 1.31 or newer on the host
  - the kernel module ip_vs, loaded
seealso:
  - module: highload.lvs.ipvs_services
"""

EXAMPLES = r"""
- name: Take web2 out, and give its clients five minutes
  highload.lvs.ipvs_drain:
    state: out
    name: web2
    addresses: [192.0.2.12]
    deadline: 300
  register: drained

- name: Put it back
  highload.lvs.ipvs_drain:
    state: in
    name: web2
"""

RETURN = r"""
plan:
  description: The changes in their order, as M(highload.lvs.ipvs_services) returns them.
  type: list
  elements: dict
  returned: success
servers:
  description: The real servers of O(addresses), with their weights or, if they are out, those to come back with.
  type: list
  elements: dict
  returned: success
  sample: [{"service": "tcp 192.168.100.1:80", "server": "192.0.2.12:80", "weight": 3}]
busy:
  description: The real servers that still have connections when O(deadline) is over.
  type: list
  elements: dict
  returned: success
  sample:
    - {service: tcp 192.168.100.1:80, server: 192.0.2.12:80, active_connections: 3, persistent_connections: 0}
out:
  description: The hosts that are out, and since when.
  type: dict
  returned: success
  sample: {"web2": "2026-11-22 21:30:00 UTC"}
done:
  description: The hosts that are done with, of O(roll).
  type: list
  elements: str
  returned: success
addresses:
  description: The addresses of all real servers in the table.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.addresses import canonical
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.drain import Director, Limits, Result, places_of
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import IPVSError, ValidationError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.ipvsadm import Ipvsadm
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.look import show_state


def read_addresses(values: list[str]) -> tuple[str, ...]:
    """Return the addresses in their one spelling; raise ValidationError for what is none."""
    found, errors = [], []
    for value in values:
        try:
            found.append(canonical(value))
        except ValueError as error:
            errors.append(f"addresses: {error} (names are not resolved)")
    if errors:
        raise ValidationError(errors)
    return tuple(found)


def run(module: AnsibleModule, director: Director, addresses: tuple[str, ...]) -> Result:
    """Do what is asked for, or find out what that would do."""
    given = module.params
    if given["state"] == "out":
        return director.take_out(given["name"], addresses, Limits(given["at_once"], given["allow_empty"]))
    if given["state"] == "in":
        return director.put_in(given["name"], given["roll"], tuple(given["hosts"]))
    return director.look()


def main() -> None:
    """Check the parameters, do it, and report."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["known", "out", "in"], "default": "known"},
            "name": {"type": "str"},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "at_once": {"type": "int", "default": 1},
            "allow_empty": {"type": "bool", "default": False},
            "deadline": {"type": "int", "default": 0},
            "roll": {"type": "str", "default": ""},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "state_file": {"type": "path", "default": "/var/lib/highload-lvs/ipvs.json"},
        },
        required_if=[("state", "out", ("name", "addresses")), ("state", "in", ("name",))],
        supports_check_mode=True,
    )
    given = module.params
    try:
        addresses = read_addresses(given["addresses"])
        director = Director(Ipvsadm(), given["state_file"], module.check_mode)
        result = run(module, director, addresses)
        waits = given["state"] == "out" and not module.check_mode
        busy = director.wait(addresses, given["deadline"]) if waits else []
    except IPVSError as error:
        module.fail_json(msg=str(error))
    shown = result.drained.wake(result.after.services)
    roll = result.drained.roll
    report = {
        "changed": bool(result.plan),
        "plan": [change.to_dict() for change in result.plan],
        "servers": [
            {"service": str(key), "server": str(server), "weight": weight}
            for (key, server), weight in places_of(shown, addresses)
        ],
        "busy": busy,
        "out": {name: out.since for name, out in result.drained.hosts.items()},
        "done": list(roll.done) if given["roll"] and roll.key == given["roll"] else [],
        "addresses": sorted({server.key.address for one in result.after.services.values() for server in one.servers}),
    }
    if module._diff:
        report["diff"] = {"before": show_state(result.before), "after": show_state(result.after)}
    module.exit_json(**report)


if __name__ == "__main__":
    main()
