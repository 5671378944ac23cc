#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve names with dnsmasq, and change what it serves without a moment in which it does not answer the host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dnsmasq
short_description: Serve names with dnsmasq
version_added: 0.1.0
description:
  - Writes what dnsmasq serves, runs its unit and sees that it answers.
  - Anything new is tried first, by a second dnsmasq at 127.53.53.53, which must answer every record and reach the
    upstreams. If it does not, nothing has changed.
  - Records and upstreams are taken over without a restart. Where one is needed and the host asks this dnsmasq itself,
    the second one answers the host in the meantime.
  - If the unit then does not answer, what it served before is put back.
  - A run that was killed is noticed by the next one, which does the rest.
  - The package must be installed.
author:
  - The highload.lvs authors (@highload)
extends_documentation_fragment:
  - highload.lvs._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
requirements:
  - systemd on the host
options:
  state:
    description:
      - V(present) serves, and starts with the host.
      - V(absent) removes what V(present) wrote and gives back C(dnsmasq.service) as it was.
    type: str
    choices: [present, absent]
    default: present
  records:
    description: The names that dnsmasq answers itself. All other questions are forwarded.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Fully qualified name.
        type: str
        required: true
      addresses:
        description: IPv4 and IPv6 addresses. The first place rotates from answer to answer.
        type: list
        elements: str
        required: true
      wildcard:
        description: Whether every name below this one has its addresses too. Those names get them in a fixed order.
        type: bool
        default: false
  forward:
    description: Whether to forward what the records do not answer. With V(false) such questions are refused.
    type: bool
    default: true
  upstreams:
    description: Addresses of the servers to forward to, each with C(#PORT) after it where that is not 53.
    type: list
    elements: str
    default: []
  domain_upstreams:
    description: Domains whose questions go to servers of their own.
    type: list
    elements: dict
    default: []
    suboptions:
      domain:
        description: The domain. Names below it are meant too.
        type: str
        required: true
      servers:
        description: Addresses of its servers, as in O(upstreams).
        type: list
        elements: str
        required: true
  listen_addresses:
    description:
      - Addresses of this host on which to answer. Everybody who reaches one of them can ask.
      - A public address is refused unless O(forward=false).
    type: list
    elements: str
    default: [127.0.0.1]
  ttl:
    description: Seconds for which clients may keep the addresses of a record.
    type: int
    default: 0
  cache_size:
    description: Number of answers of the upstreams to keep, 0 to 10000.
    type: int
    default: 150
  dnssec:
    description: Whether to check the signatures of what the upstreams answer. They must pass signatures on.
    type: bool
    default: false
  trust_anchors:
    description:
      - Keys to trust with O(dnssec=true) beside the root's, each as C(ZONE,KEY_TAG,ALGORITHM,DIGEST_TYPE,DIGEST).
        One of the zone C(.) takes the place of the root's.
      - A domain of O(domain_upstreams) is checked only with a key of its own.
    type: list
    elements: str
    default: []
  log_queries:
    description: Whether to write every question and its answer to the journal.
    type: bool
    default: false
  check_name:
    description:
      - A name that the upstreams know or deny, asked to see that forwarding works.
      - The servers of O(domain_upstreams) are asked for their domain.
      - Nothing is asked when empty.
    type: str
    default: .
"""

EXAMPLES = r"""
- name: Answer one name with two addresses, in turn
  highload.lvs.dnsmasq:
    records:
      - {name: app.example.org, addresses: [192.0.2.11, 192.0.2.12]}
    upstreams: [192.0.2.53]
"""

RETURN = r"""
action:
  description: What was done to the unit, V(none), V(reloaded), V(restarted) or V(stopped).
  type: str
  returned: success
  sample: reloaded
"""

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _dnsmasq, _record, _resolver
from ansible_collections.highload.lvs.plugins.module_utils._dns import DnsError, Question
from ansible_collections.highload.lvs.plugins.module_utils._dns_client import exchange
from ansible_collections.highload.lvs.plugins.module_utils._dnsmasq import Service
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.files import replace_file
from ansible_collections.highload.lvs.plugins.module_utils._resolver import ResolvConf

UNIT = "dnsmasq.service"
# The dnsmasq that tries what is new, and its files. They stay until the unit answers from them: whoever finds them
# there finds an unfinished run.
TRIAL = "highload-dnsmasq-trial.service"
TRIAL_ADDRESS = "127.53.53.53"
TRIAL_FOLDER = Path(_dnsmasq.FOLDER) / "trial"
MEMORY = Path("/var/lib/highload-lvs/dnsmasq.json")
# All that the distribution's unit reads, with a new file in place of the one that it is to become.
TEST = ["--test", "--conf-file=/etc/dnsmasq.conf"]
# What is to be left out is the end of a longer name: a whole one is read.
OTHERS = f"/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new,{Path(_dnsmasq.CONFIG).name[1:]}"

PATIENCE = 10.0  # seconds for a started dnsmasq to answer
TIMEOUT = 3.0  # seconds for one answer
PAUSE = 0.2
# Seconds for questions on their way to be answered: one that is lost costs whoever asked it 5 s, the patience of libc.
GRACE = 0.5


class DnsmasqError(Exception):
    """A dnsmasq that does not do what it is to do; the text says what to do."""


def questions(service: Service) -> Iterator[tuple[Question, list[str]]]:
    """Yield every question that the records answer, with the addresses sorted as text."""
    for record in service.records:
        yield Question(record.name, "A"), record.v4
        yield Question(record.name, "AAAA"), record.v6
        if record.wildcard:
            yield Question(f"x.{record.name}", "A"), record.v4


def ask(server: str, question: Question) -> tuple[str, list[str]]:
    """Return the status, or why there is none, and the addresses, sorted as text."""
    try:
        answer = exchange(server, 53, question, TIMEOUT)
    except (OSError, DnsError) as error:
        return str(error) or "no answer", []
    return answer.rcode, sorted(answer.addresses)


def wrong_record(service: Service, server: str) -> str:
    """Tell which record is not answered as it should be, empty where all are."""
    for question, expected in questions(service):
        rcode, addresses = ask(server, question)
        if (rcode, addresses) != ("NOERROR", expected):
            return f"{question.name} {question.type} was answered {rcode} {addresses}, not {expected}"
    return ""


def silent_upstream(service: Service, server: str, check_name: str) -> str:
    """Tell which upstreams do not answer, and what to do; empty where all do or none is to be asked."""
    if not check_name:
        return ""
    for domain in service.domains:
        rcode, _addresses = ask(server, Question(domain.name, "SOA"))
        if rcode not in ("NOERROR", "NXDOMAIN"):
            return (
                f"None of the servers {', '.join(domain.servers)} answered for their domain {domain.name}: {rcode}. "
                "Set dnsmasq_domain_upstreams to servers that know it"
            )
    if not service.forward:
        return ""
    rcode, _addresses = ask(server, Question(check_name))
    if rcode in ("NOERROR", "NXDOMAIN"):
        return ""
    signatures = " that pass signatures on, or dnsmasq_dnssec to false" if service.dnssec else ""
    return (
        f"None of the upstreams {', '.join(service.upstreams)} answered {check_name} through dnsmasq: {rcode}. "
        f"Set dnsmasq_upstreams to servers that this host reaches{signatures}, "
        "or dnsmasq_check_name to nothing where it is to reach none"
    )


def problem(service: Service, server: str, check_name: str, patience: float) -> str:
    """Ask until all is answered or the patience (seconds) is over; return what is wrong then, empty for nothing."""
    deadline = time.monotonic() + patience
    while True:
        found = wrong_record(service, server) or silent_upstream(service, server, check_name)
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(PAUSE)


def run(module: AnsibleModule, *command: str) -> None:
    """Run a command; raise DnsmasqError with what it said where it fails."""
    status, out, err = module.run_command(list(command))
    if status != 0:
        raise DnsmasqError(f"{' '.join(command)} failed: {(err or out).strip()}")


def journal(module: AnsibleModule, unit: str) -> str:
    """Return the last lines that a unit wrote."""
    return "; ".join(module.run_command(["journalctl", "--unit", unit, "-n", "4", "-o", "cat"])[1].splitlines())


def unit_state(module: AnsibleModule) -> dict[str, bool]:
    """Return whether the unit runs and starts at boot."""
    out = module.run_command(["systemctl", "show", "--property", "ActiveState,UnitFileState", UNIT])[1]
    return {"active": "ActiveState=active" in out, "enabled": "UnitFileState=enabled" in out}


def write(files: dict[str, str]) -> None:
    """Write each file whole, or delete it where its text is empty."""
    for path, text in files.items():
        if text:
            replace_file(Path(path), text.encode(), 0o644)
        else:
            Path(path).unlink(missing_ok=True)


def stop_trial(module: AnsibleModule) -> None:
    """End the second dnsmasq, if there is one."""
    module.run_command(["systemctl", "stop", TRIAL])


def try_out(module: AnsibleModule, service: Service, files: dict[str, str]) -> None:
    """Run a second dnsmasq with the new files; raise DnsmasqError where it does not answer. It stays if it does."""
    unfinished = TRIAL_FOLDER.exists()
    config = TRIAL_FOLDER / "dnsmasq.conf"
    text = files[_dnsmasq.CONFIG].replace(f"={_dnsmasq.FOLDER}/", f"={TRIAL_FOLDER}/")
    lines = [line for line in text.splitlines() if not line.startswith("listen-address=")]
    trial_files = {
        str(TRIAL_FOLDER / "servers"): files[_dnsmasq.SERVERS],
        str(TRIAL_FOLDER / "hosts"): files[_dnsmasq.HOSTS],
        str(config): "\n".join([*lines, f"listen-address={TRIAL_ADDRESS}"]) + "\n",
    }
    try:
        write(trial_files)
        run(module, "/usr/sbin/dnsmasq", *TEST, f"--conf-file={config}", f"--conf-dir={OTHERS}")
        stop_trial(module)
        start = ["systemd-run", "--quiet", "--collect", f"--unit={TRIAL}", "--property=Type=exec"]
        run(module, *start, "/usr/sbin/dnsmasq", "--keep-in-foreground", "--pid-file=", f"--conf-file={config}")
        found = problem(service, TRIAL_ADDRESS, module.params["check_name"], PATIENCE)
        if found:
            raise DnsmasqError(f"{found}. The journal of the trial: {journal(module, TRIAL)}")
    except (DnsmasqError, OSError) as error:
        stop_trial(module)
        # An older run's files say that the unit may not run what is written: that is still so.
        if not unfinished:
            shutil.rmtree(TRIAL_FOLDER, ignore_errors=True)
        raise DnsmasqError(f"{error}. Nothing was changed") from error


@contextlib.contextmanager
def covered(enabled: bool) -> Iterator[None]:
    """Let the host ask the second dnsmasq first while the unit restarts, if it asks the unit."""
    before = _resolver.look()
    if not (enabled and before.ours):
        yield
        return
    text = before.content or ""
    try:
        _resolver.put(ResolvConf(None, _resolver.render([TRIAL_ADDRESS, "127.0.0.1"], text)))
        time.sleep(GRACE)
        yield
    finally:
        _resolver.put(ResolvConf(None, _resolver.render(["127.0.0.1"], text)))
        time.sleep(GRACE)


def restart(module: AnsibleModule) -> None:
    """Start the unit anew, from now on at boot too."""
    run(module, "systemctl", "daemon-reload")
    run(module, "systemctl", "enable", UNIT)
    run(module, "systemctl", "restart", UNIT)


def take_over(module: AnsibleModule, service: Service, files: dict[str, str], action: str) -> None:
    """Put the files in place and let the unit serve them; put the old ones back where it does not answer."""
    before = {path: _resolver.read_text(Path(path)) for path in files}
    was_active = unit_state(module)["active"]
    try:
        write(files)
        if action == "restarted":
            restart(module)
        else:
            run(module, "systemctl", "reload", UNIT)
        found = problem(service, service.own_address, module.params["check_name"], PATIENCE)
        if found:
            raise DnsmasqError(found)
    except (DnsmasqError, OSError) as error:
        said = journal(module, UNIT)
        write(before)
        if was_active:
            restart(module)
        else:
            run(module, "systemctl", "stop", UNIT)
        shutil.rmtree(TRIAL_FOLDER, ignore_errors=True)
        raise DnsmasqError(f"{error}. What {UNIT} served before is back. Its journal: {said}") from error


def remember(module: AnsibleModule) -> None:
    """Keep what the unit was before the first change."""
    if not MEMORY.exists() and not Path(_dnsmasq.CONFIG).exists():
        _record.record(MEMORY, unit_state(module))


def difference(before: dict[str, str], after: dict[str, str]) -> list[dict[str, str]]:
    """Return what Ansible's --diff shows."""
    return [
        {"before_header": path, "after_header": path, "before": before[path], "after": after[path]}
        for path in after
        if before[path] != after[path]
    ]


def serve(module: AnsibleModule) -> dict[str, Any]:
    """Make the host serve, unless in check mode, and return the result."""
    service = _dnsmasq.read(module.params)
    files = _dnsmasq.render(service)
    before = {path: _resolver.read_text(Path(path)) for path in files}
    new = {path for path in files if before[path] != files[path]}
    unfinished = TRIAL_FOLDER.exists()
    state = unit_state(module)
    idle = not (state["active"] and state["enabled"])
    if not new and not unfinished and not idle:
        return heal(module, service)
    action = "restarted" if idle or unfinished or new & {_dnsmasq.CONFIG, _dnsmasq.DROP_IN} else "reloaded"
    if not module.check_mode:
        remember(module)
        try_out(module, service, files)
        try:
            with covered(action == "restarted"):
                take_over(module, service, files, action)
        finally:
            stop_trial(module)
        shutil.rmtree(TRIAL_FOLDER, ignore_errors=True)
    return {"changed": True, "action": action, "diff": difference(before, files)}


def heal(module: AnsibleModule, service: Service) -> dict[str, Any]:
    """Restart a unit that runs but does not answer what is written."""
    check_name = module.params["check_name"]
    healthy = not wrong_record(service, service.own_address)
    if not healthy and not module.check_mode:
        restart(module)
    if not module.check_mode:
        found = problem(service, service.own_address, check_name, 0.0 if healthy else PATIENCE)
        if found:
            raise DnsmasqError(f"{found}. The journal of {UNIT}: {journal(module, UNIT)}")
    return {"changed": not healthy, "action": "none" if healthy else "restarted", "diff": []}


def remove(module: AnsibleModule) -> dict[str, Any]:
    """Remove what serve() wrote, unless in check mode, and return the result."""
    # The configuration last: it says that there is something to remove.
    paths = [_dnsmasq.DROP_IN, _dnsmasq.SERVERS, _dnsmasq.HOSTS, _dnsmasq.CONFIG]
    before = {path: _resolver.read_text(Path(path)) for path in paths}
    there = [path for path in (*paths, _dnsmasq.FOLDER, str(MEMORY)) if Path(path).exists()]
    result: dict[str, Any] = {
        "changed": bool(there),
        "action": "stopped" if there else "none",
        "diff": difference(before, dict.fromkeys(paths, "")),
    }
    if not there or module.check_mode:
        return result
    was = _record.recall(MEMORY)
    stop_trial(module)
    if not was.get("active"):
        run(module, "systemctl", "stop", UNIT)
        run(module, "systemctl", "disable", UNIT)
    shutil.rmtree(_dnsmasq.FOLDER, ignore_errors=True)
    write(dict.fromkeys(paths, ""))
    with contextlib.suppress(OSError):
        Path(_dnsmasq.DROP_IN).parent.rmdir()
    run(module, "systemctl", "daemon-reload")
    if was.get("active"):
        run(module, "systemctl", "restart", UNIT)
        run(module, "systemctl", "enable" if was["enabled"] else "disable", UNIT)
        result["action"] = "restarted"
    _record.record(MEMORY, {})
    return result


def main() -> None:
    """Entry point."""
    strings = {"type": "list", "elements": "str"}
    record = {
        "name": {"type": "str", "required": True},
        "addresses": {**strings, "required": True},
        "wildcard": {"type": "bool", "default": False},
    }
    domain = {"domain": {"type": "str", "required": True}, "servers": {**strings, "required": True}}
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "records": {"type": "list", "elements": "dict", "default": [], "options": record},
            "forward": {"type": "bool", "default": True},
            "upstreams": {**strings, "default": []},
            "domain_upstreams": {"type": "list", "elements": "dict", "default": [], "options": domain},
            "listen_addresses": {**strings, "default": ["127.0.0.1"]},
            "ttl": {"type": "int", "default": 0},
            "cache_size": {"type": "int", "default": 150},
            "dnssec": {"type": "bool", "default": False},
            "trust_anchors": {**strings, "default": []},
            "log_queries": {"type": "bool", "default": False},
            "check_name": {"type": "str", "default": "."},
        },
        supports_check_mode=True,
    )
    try:
        wrong = list(_dnsmasq.mistakes(module.params))
        if module.params["state"] == "present" and module.params["forward"] and not module.params["upstreams"]:
            wrong.append("upstreams is empty. Give the servers to forward to, or set forward to false.")
        if wrong:
            raise DnsmasqError(" ".join(wrong))
        result = serve(module) if module.params["state"] == "present" else remove(module)
    except (DnsmasqError, _record.UnreadableRecordError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
