#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send requests to an address and tell who answered."""

from __future__ import annotations

DOCUMENTATION = r"""
module: balance_probe
short_description: Send requests and tell who answered
version_added: 0.1.0
description:
  - Sends HTTP requests, TCP connections or DNS questions to one address, from the host that the module runs on,
    and tells apart who answered.
  - Each request goes over a connection of its own, so that each is balanced anew, unless O(keep_alive) is set.
  - Connections come from ports that take turns over all runs on a host, which C(/run/highload-lvs-probe) remembers for
    root. For minutes after a request, IPVS takes its port for the same connection and neither schedules nor counts
    what comes from it; of the ports that the kernel gives programs, some come again too soon.
  - With O(duration) it watches a service while something else changes it. Run it in the background then, with C(async).
  - Never fails because of what a server answered or did not. The result tells; judge it with an assertion, such as one
    with the test P(highload.lvs.balanced#test).
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
    description:
      - What to ask. V(http://HOST[:PORT][/PATH]) sends GET requests, V(tcp://HOST:PORT) connects and hangs up,
        V(dns://SERVER[:PORT]/NAME[/TYPE]) asks a DNS server over UDP. An IPv6 address stands in square brackets.
      - One of O(url) and O(urls) is required.
    type: str
  urls:
    description:
      - Several of them, each asked in the same way after the one before. RV(results) then holds a result for each.
    type: list
    elements: str
  count:
    description: Number of requests, 1 to 10000. Not used with O(duration).
    type: int
    default: 1
  duration:
    description: Seconds in which to send requests at the O(rate), instead of a number of them. At most 3600.
    type: float
  rate:
    description:
      - Requests to send per second, at most 1000. V(0) sends each as soon as one before has ended.
      - With O(duration), the default is V(20).
    type: float
  concurrency:
    description: Number of requests under way at the same time, 1 to 64.
    type: int
    default: 1
  timeout:
    description: Seconds in which a request must be answered.
    type: float
    default: 5.0
  deadline:
    description: Seconds after which no further request is sent. With O(duration), that is the deadline.
    type: float
    default: 60.0
  source:
    description: Address of this host to send from. The kernel chooses when not given.
    type: str
    default: ""
  host_header:
    description: Value of the HTTP header C(Host). The host of the URL when not given.
    type: str
    default: ""
  http_version:
    description: Version of HTTP to speak.
    type: str
    choices: ["1.0", "1.1"]
    default: "1.1"
  keep_alive:
    description: Send requests over the same connection as long as the server keeps it open.
    type: bool
    default: false
  responder_header:
    description: Name of the HTTP header whose value tells who answered. The body tells when not given.
    type: str
  responder_pattern:
    description:
      - Regular expression to look for in the body. Its first group, or all of it where it has none, tells who answered.
      - Mutually exclusive with O(responder_header).
    type: str
seealso:
  - plugin: highload.lvs.balanced
    plugin_type: test
  - module: highload.lvs.ipvs_facts
"""

EXAMPLES = r"""
- name: Ask the virtual service 102 times
  highload.lvs.balance_probe:
    url: http://192.168.100.1
    count: 102
  register: probe

- name: See that two real servers take turns
  ansible.builtin.assert:
    that:
      - probe.responders is highload.lvs.balanced('rr', servers=2)
      - probe.order is highload.lvs.alternating(2)
    fail_msg: "{{ probe.responders | highload.lvs.imbalance('rr', servers=2) | join('; ') }}"

- name: Ask as a browser does, ten at a time, and tell the servers apart by a number in the page
  highload.lvs.balance_probe:
    url: http://192.168.100.1/
    count: 1000
    concurrency: 10
    host_header: www.example.org
    responder_pattern: Server ([0-9]+)

- name: Ask a DNS server which address it names first
  highload.lvs.balance_probe:
    url: dns://127.0.0.1/my-awesome-highload-app.local
    count: 20

- name: Watch the service in the background
  highload.lvs.balance_probe:
    url: http://192.168.100.1
    duration: 60
  async: 120
  poll: 0
  register: watch

- name: Change something meanwhile
  ansible.builtin.import_role:
    name: highload.lvs.ipvs

- name: Wait for the watch to end
  ansible.builtin.async_status:
    jid: "{{ watch.ansible_job_id }}"
  register: watched
  until: watched is finished
  retries: 60
  delay: 2
  failed_when: "watched.errors | default({'no result': 1}) != {}"
"""

RETURN = r"""
url:
  description: What was asked.
  type: str
  returned: when O(url) is given
  sample: http://192.168.100.1
requests:
  description: Number of requests sent.
  type: int
  returned: when O(url) is given
  sample: 102
responders:
  description:
    - Number of answers from each responder. A responder is named by the body of its answer without white space
      around it, or by what O(responder_header) or O(responder_pattern) finds.
    - Of more than 200 characters, by the first of them and a hash of all.
    - C(connected) for TCP. The first address of the answer for DNS, or C(no address).
  type: dict
  returned: when O(url) is given
  sample: {"one": 51, "two": 51}
order:
  description: The responders in the order in which they answered.
  type: list
  elements: str
  returned: when O(url) is given
  sample: [one, two, one]
statuses:
  description: Number of answers of each HTTP status or DNS status.
  type: dict
  returned: when O(url) is given
  sample: {"200": 102}
errors:
  description: Number of requests without an answer, by kind, such as C(refused), C(reset) or C(timeout).
  type: dict
  returned: when O(url) is given
  sample: {}
failures:
  description: The first 100 of them, with C(at), seconds after the first request, and C(error), the kind.
  type: list
  elements: dict
  returned: when O(url) is given
  sample: [{"at": 12.05, "error": "refused"}]
latency_ms:
  description: Milliseconds from connecting to the end of the answer, C(min), C(median), C(p95), C(p99) and C(max).
  type: dict
  returned: when O(url) is given
  sample: {"min": 2.1, "median": 2.6, "p95": 4.0, "p99": 6.2, "max": 6.4}
duration:
  description: Seconds that all the requests took.
  type: float
  returned: when O(url) is given
  sample: 0.4
results:
  description: The values above for each of O(urls), in their order.
  type: list
  elements: dict
  returned: when O(urls) is given
"""

import ipaddress
import re
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._load import Bounds, send, summarise
from ansible_collections.highload.lvs.plugins.module_utils._ports import Ports
from ansible_collections.highload.lvs.plugins.module_utils._probe import Client, Manner, ProbeError, Target, parse_url

MAX_COUNT = 10000
MAX_DURATION = 3600
MAX_RATE = 1000
MAX_CONCURRENCY = 64
MAX_WATCHED = 200000
WATCH_RATE = 20.0


def read_bounds(params: dict[str, Any]) -> Bounds:
    """Return how many requests to send, for how long and how fast; raise ProbeError for values out of range."""
    count, duration, concurrency, rate = (params[name] for name in ("count", "duration", "concurrency", "rate"))
    if not 1 <= count <= MAX_COUNT:
        raise ProbeError(f"count {count} is not within 1 to {MAX_COUNT}")
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise ProbeError(f"concurrency {concurrency} is not within 1 to {MAX_CONCURRENCY}")
    if rate is not None and not 0 <= rate <= MAX_RATE:
        raise ProbeError(f"rate {rate} is not within 0 to {MAX_RATE} requests per second")
    if not 0 < params["deadline"] <= MAX_DURATION:
        raise ProbeError(f"deadline {params['deadline']} is not more than 0 and at most {MAX_DURATION} seconds")
    if duration is None:
        return Bounds(count, params["deadline"], concurrency, rate or 0.0)
    if not 0 < duration <= MAX_DURATION:
        raise ProbeError(f"duration {duration} is not more than 0 and at most {MAX_DURATION} seconds")
    rate = WATCH_RATE if rate is None else rate
    if not rate or rate * duration > MAX_WATCHED:
        raise ProbeError(
            f"rate {rate} for a duration of {duration} s is not within 1 to {MAX_WATCHED} requests: "
            f"give a rate of more than 0 and at most {MAX_WATCHED / duration:g}"
        )
    return Bounds(MAX_WATCHED, duration, concurrency, rate)


def read_manner(params: dict[str, Any]) -> Manner:
    """Return how to ask; raise ProbeError for what cannot be done."""
    if not 0 < params["timeout"] <= MAX_DURATION:
        raise ProbeError(f"timeout {params['timeout']} is not more than 0 and at most {MAX_DURATION} seconds")
    try:
        pattern = re.compile(params["responder_pattern"]) if params["responder_pattern"] else None
    except re.error as error:
        raise ProbeError(f"responder_pattern {params['responder_pattern']!r}: {error}") from error
    for name in ("host_header", "responder_header"):
        value = params[name] or ""
        if not value.isprintable() or not value.isascii():
            raise ProbeError(f"{name} {value!r} has characters that HTTP cannot carry")
    try:
        source = str(ipaddress.ip_address(params["source"])) if params["source"] else ""
    except ValueError as error:
        raise ProbeError(f"source {error}") from error
    return Manner(
        params["timeout"],
        source,
        params["host_header"],
        params["http_version"],
        params["keep_alive"],
        params["responder_header"] or "",
        pattern,
    )


def probe(target: Target, manner: Manner, bounds: Bounds) -> dict[str, Any]:
    """Send the requests and return what is to be told of them."""
    ports = Ports()
    start = time.monotonic()
    responses = send(bounds, lambda: Client(target, manner, ports), manner.timeout + 1)
    return {**summarise(responses), "duration": round(time.monotonic() - start, 3)}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str"},
            "urls": {"type": "list", "elements": "str"},
            "count": {"type": "int", "default": 1},
            "duration": {"type": "float"},
            "rate": {"type": "float"},
            "concurrency": {"type": "int", "default": 1},
            "timeout": {"type": "float", "default": 5.0},
            "deadline": {"type": "float", "default": 60.0},
            "source": {"type": "str", "default": ""},
            "host_header": {"type": "str", "default": ""},
            "http_version": {"type": "str", "choices": ["1.0", "1.1"], "default": "1.1"},
            "keep_alive": {"type": "bool", "default": False},
            "responder_header": {"type": "str"},
            "responder_pattern": {"type": "str"},
        },
        mutually_exclusive=[("url", "urls"), ("responder_header", "responder_pattern")],
        required_one_of=[("url", "urls")],
        supports_check_mode=True,
    )
    several = module.params["urls"]
    urls = [module.params["url"]] if several is None else several
    try:
        bounds, manner = read_bounds(module.params), read_manner(module.params)
        targets = [parse_url(url) for url in urls]
    except ProbeError as error:
        module.fail_json(msg=str(error))
    results = [{"url": url, **probe(target, manner, bounds)} for url, target in zip(urls, targets)]
    if several is None:
        module.exit_json(changed=False, **results[0])
    module.exit_json(changed=False, results=results)


if __name__ == "__main__":
    main()
