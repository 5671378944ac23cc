#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a DNS server questions and return its answers in order."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_query
short_description: Ask a DNS server questions and return its answers
version_added: 0.1.0
description:
  - Sends each question over UDP to one server from the host that the module runs on,
    and returns the status, the flags and the records in the order in which the server gave them.
  - Asks each question as often as O(count) says, so that the rotation of answers can be seen.
  - Never fails because of what a server said or did not say. The result tells; judge it with C(failed_when)
    or an assertion.
  - Needs no DNS library.
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
  questions:
    description:
      - The questions, asked one after the other, each in the form C(NAME [TYPE [CLASS]]) as for dig(1).
      - C(.) is the root. The type is V(A) when not given.
      - The class is V(IN) when not given. V(CH) is for questions to a server about itself,
        such as C(servers.bind TXT CH).
    type: list
    elements: str
    required: true
  server:
    description: IPv4 or IPv6 address of the server.
    type: str
    default: 127.0.0.1
  port:
    description: UDP port of the server.
    type: int
    default: 53
  count:
    description: How often to ask each question, 1 to 10000.
    type: int
    default: 1
  timeout:
    description: Seconds to wait for each answer.
    type: float
    default: 3.0
  tries:
    description: How often to send a question that nobody answers.
    type: int
    default: 2
"""

EXAMPLES = r"""
- name: Ask the local server for a name and for one of its own counters, 20 times each
  highload.lvs.dns_query:
    questions:
      - my-awesome-highload-app.local
      - my-awesome-highload-app.local AAAA
      - hits.bind TXT CH
    count: 20
  register: dns

- name: See that both addresses take the first place
  ansible.builtin.assert:
    that: dns.results[0].first | length == 2
"""

RETURN = r"""
results:
  description: One element a question, in the order of O(questions).
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name that was asked for.
      type: str
      returned: always
      sample: my-awesome-highload-app.local
    type:
      description: The type that was asked for.
      type: str
      returned: always
      sample: A
    first:
      description: How often each address stood first in an answer.
      type: dict
      returned: always
      sample: {"127.0.0.1": 10, "127.0.0.2": 10}
    errors:
      description: Why there was no answer, and how often.
      type: dict
      returned: always
      sample: {}
    answers:
      description: One element a time that it was asked.
      type: list
      elements: dict
      returned: always
      contains:
        rcode:
          description: Name of the status, empty where there was no answer.
          type: str
          returned: always
          sample: NOERROR
        flags:
          description: Names of the flags that were set.
          type: list
          elements: str
          returned: always
          sample: [AA, RD, RA]
        addresses:
          description: The addresses, in the server's order.
          type: list
          elements: str
          returned: always
          sample: [127.0.0.1, 127.0.0.2]
        records:
          description: The records of the answer, in the server's order, with C(name), C(type), C(ttl) and C(data).
          type: list
          elements: dict
          returned: always
          sample: [{"name": "my-awesome-highload-app.local", "type": "A", "ttl": 0, "data": "127.0.0.1"}]
        error:
          description: Why there was no answer, empty where there was one.
          type: str
          returned: always
          sample: ""
        latency_ms:
          description: Time from question to answer in milliseconds.
          type: float
          returned: always
          sample: 0.4
"""

import ipaddress
import socket
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils._dns import DnsError, Question, parse_question
from ansible_collections.highload.lvs.plugins.module_utils._dns_client import exchange

MAX_COUNT = 10000


def ask(params: dict[str, Any], question: Question) -> dict[str, Any]:
    """Ask once, with the tries that the parameters allow, and return the answer as plain data."""
    error = ""
    for _try in range(params["tries"]):
        start = time.monotonic()
        try:
            answer = exchange(params["server"], params["port"], question, params["timeout"])
        except socket.timeout:
            error = f"no answer within {params['timeout']} s"
        except OSError as reason:
            error = reason.strerror or str(reason)
        except DnsError as reason:
            error = str(reason)
        else:
            latency = round((time.monotonic() - start) * 1000, 3)
            records = [asdict(record) for record in answer.records]
            return {
                "rcode": answer.rcode,
                "flags": list(answer.flags),
                "addresses": list(answer.addresses),
                "records": records,
                "error": "",
                "latency_ms": latency,
            }
    latency = round((time.monotonic() - start) * 1000, 3)
    return {"rcode": "", "flags": [], "addresses": [], "records": [], "error": error, "latency_ms": latency}


def ask_all(params: dict[str, Any], question: Question) -> dict[str, Any]:
    """Ask as often as the parameters say and count."""
    answers = [ask(params, question) for _number in range(params["count"])]
    return {
        "name": question.name,
        "type": question.type,
        "first": dict(Counter(answer["addresses"][0] for answer in answers if answer["addresses"])),
        "errors": dict(Counter(answer["error"] for answer in answers if answer["error"])),
        "answers": answers,
    }


def check(params: dict[str, Any]) -> None:
    """Raise ValueError for parameters that make no sense, before anything is sent."""
    ipaddress.ip_address(params["server"])
    if not 1 <= params["port"] <= 65535:
        raise ValueError(f"port {params['port']} is not within 1 to 65535")
    if not 1 <= params["count"] <= MAX_COUNT:
        raise ValueError(f"count {params['count']} is not within 1 to {MAX_COUNT}")
    if params["tries"] < 1 or params["timeout"] <= 0:
        raise ValueError("tries must be 1 or more, and timeout more than 0 seconds")


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "questions": {"type": "list", "elements": "str", "required": True},
            "server": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 53},
            "count": {"type": "int", "default": 1},
            "timeout": {"type": "float", "default": 3.0},
            "tries": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    try:
        questions = [parse_question(text) for text in module.params["questions"]]
        check(module.params)
    except (ValueError, DnsError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, results=[ask_all(module.params, question) for question in questions])


if __name__ == "__main__":
    main()
