#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send requests to an address and tell who answered."""

from __future__ import annotations

DOCUMENTATION = r"""
module: balance_probe
short_description: Send HTTP requests and tell who answered
version_added: 0.1.0
description:
  - Sends GET requests from the host that the module runs on, one after the other, each over a connection of its own,
    and tells the responders apart by the body of their answer.
  - Never fails because of what a server answered or did not. The result tells; judge it with an assertion.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
options:
  url:
    description: What to ask for, in the form C(http://HOST[:PORT][/PATH]).
    type: str
    required: true
  count:
    description: Number of requests, 1 to 10000.
    type: int
    default: 1
  timeout:
    description: Seconds to wait for each step of a request.
    type: float
    default: 5.0
  deadline:
    description: Seconds after which no further request is sent.
    type: float
    default: 60.0
"""

EXAMPLES = r"""
- name: Ask the virtual service 102 times
  highload.lvs.balance_probe:
    url: http://192.168.100.1
    count: 102
  register: probe

- name: See that two real servers share the requests evenly
  ansible.builtin.assert:
    that: probe.responders.values() | list == [51, 51]
"""

RETURN = r"""
requests:
  description: Number of requests sent.
  type: int
  returned: success
  sample: 102
responders:
  description: Number of answers from each responder, by the body of the answer without white space around it.
  type: dict
  returned: success
  sample: {"one": 51, "two": 51}
order:
  description: The responders in the order in which they answered.
  type: list
  elements: str
  returned: success
  sample: [one, two, one]
statuses:
  description: Number of answers of each HTTP status.
  type: dict
  returned: success
  sample: {"200": 102}
errors:
  description: Number of requests without an answer, by kind, such as C(refused), C(reset) or C(timeout).
  type: dict
  returned: success
  sample: {}
latency_ms:
  description: Milliseconds from connecting to the end of the answer, C(min), C(median), C(p95), C(p99) and C(max).
  type: dict
  returned: success
  sample: {"min": 2.1, "median": 2.6, "p95": 4.0, "p99": 6.2, "max": 6.4}
duration:
  description: Seconds that all the requests took.
  type: float
  returned: success
  sample: 0.4
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._probe import (
    ProbeError,
    Response,
    parse_url,
    request,
    summarise,
)

MAX_COUNT = 10000


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "count": {"type": "int", "default": 1},
            "timeout": {"type": "float", "default": 5.0},
            "deadline": {"type": "float", "default": 60.0},
        },
        supports_check_mode=True,
    )
    count, timeout = module.params["count"], module.params["timeout"]
    if not 1 <= count <= MAX_COUNT:
        module.fail_json(msg=f"count {count} is not within 1 to {MAX_COUNT}")
    if timeout <= 0:
        module.fail_json(msg=f"timeout {timeout} is not more than 0 seconds")
    try:
        target = parse_url(module.params["url"])
    except ProbeError as error:
        module.fail_json(msg=str(error))

    start = time.monotonic()
    responses: list[Response] = []
    while len(responses) < count and time.monotonic() - start < module.params["deadline"]:
        responses.append(request(target, timeout))
    duration = round(time.monotonic() - start, 3)
    module.exit_json(changed=False, requests=len(responses), duration=duration, **summarise(responses))


if __name__ == "__main__":
    main()
