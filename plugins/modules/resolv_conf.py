#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say who resolves names on a host, and give it its old resolver back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resolv_conf
short_description: Say who resolves names on a host
version_added: 0.1.0
description:
  - Tells who resolves names on a host, lets a server at 127.0.0.1 do it, for all names or for some,
    and later gives the old resolver back.
  - Every way from one of these to another leads over C(/etc/resolv.conf) naming 127.0.0.1, which must answer,
    so that at no moment names are not resolved. Killed anywhere, the host resolves and the next run does the rest.
  - The file is replaced by rename, so that at no moment it is missing or half written, and in place where it is a mount
    point. What stood there, a link or a file, is remembered on the host first.
  - NetworkManager, dhclient, dhcpcd and openresolv are told to leave the file alone, each in its own configuration.
  - If the new resolver does not answer, the old one is put back. If the old one does not answer, the new one stays.
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
  - iproute2 on the host
  - systemd on the host
options:
  state:
    description:
      - V(read) changes nothing.
      - V(local) makes C(/etc/resolv.conf) name 127.0.0.1, keeps the domains to search, and stops and disables
        systemd-resolved.
      - V(routed) leaves C(/etc/resolv.conf) to systemd-resolved, which then asks 127.0.0.1 for O(domains).
      - V(absent) puts back what the others changed. A file that somebody else has put there since stays.
    type: str
    choices: [read, local, routed, absent]
    default: read
  domains:
    description: The domains that systemd-resolved asks 127.0.0.1 for. Required with O(state=routed).
    type: list
    elements: str
    default: []
  check_name:
    description:
      - A name that the servers know or deny. The resolver that is to take over is asked for it before it does.
      - Nothing is asked when empty.
    type: str
    default: .
  check_names:
    description:
      - Names that the system's own resolver must find in the end, through C(/etc/nsswitch.conf) as any program on the
        host asks.
    type: list
    elements: str
    default: []
  check_timeout:
    description: Seconds in which a resolver must answer.
    type: float
    default: 10.0
"""

EXAMPLES = r"""
- name: Learn which servers this host asks
  highload.lvs.resolv_conf:
  register: resolver

- name: Let the host ask its own server for everything
  highload.lvs.resolv_conf:
    state: local

- name: Let the host ask its own server for one domain
  highload.lvs.resolv_conf:
    state: routed
    domains: [app.example.org]

- name: Give the host its old resolver back
  highload.lvs.resolv_conf:
    state: absent
"""

RETURN = r"""
before:
  description: What stood at C(/etc/resolv.conf), with C(link) or C(content), and C(ours) when this module wrote it.
  type: dict
  returned: success
  sample: {"link": "../run/systemd/resolve/stub-resolv.conf", "content": null, "ours": false}
upstreams:
  description: The servers outside this host that it asks, or asked before this module changed it.
  type: list
  elements: str
  returned: success
  sample: [192.0.2.53]
resolved:
  description:
    - State of systemd-resolved before the change, C(present), C(enabled) and C(active),
      and before this module ever changed the host, C(was_enabled) and C(was_active).
  type: dict
  returned: success
  sample: {"present": true, "enabled": true, "active": true, "was_enabled": true, "was_active": true}
port_53:
  description: The sockets that listen on port 53, with C(protocol), C(address) and C(process).
  type: list
  elements: dict
  returned: success
  sample: [{"protocol": "udp", "address": "127.0.0.53%lo", "process": "systemd-resolve"}]
"""

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _resolver
from ansible_collections.highload.lvs.plugins.module_utils._dns import DnsError, Question
from ansible_collections.highload.lvs.plugins.module_utils._dns_client import exchange
from ansible_collections.highload.lvs.plugins.module_utils._resolver import Memory, ResolvConf, ResolverError
from ansible_collections.highload.lvs.plugins.module_utils._root import require_root

UNIT = "systemd-resolved.service"
STUB = "127.0.0.53"
TIMEOUT = 3.0  # seconds for one answer
PAUSE = 0.3


def run(module: AnsibleModule, *command: str) -> None:
    """Run a command; raise ResolverError with what it said where it fails."""
    status, out, err = module.run_command(list(command))
    if status != 0:
        raise ResolverError(f"{' '.join(command)} failed: {(err or out).strip()}")


def resolved_state(module: AnsibleModule) -> dict[str, bool]:
    """Return whether systemd-resolved is installed, starts at boot and runs."""
    command = ["systemctl", "show", "--property", "LoadState,ActiveState,UnitFileState", UNIT]
    out = module.run_command(command)[1]
    values = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    return {
        "present": values.get("LoadState") in ("loaded", "masked"),
        "enabled": values.get("UnitFileState") in ("enabled", "enabled-runtime"),
        "active": values.get("ActiveState") == "active",
    }


def listeners(module: AnsibleModule) -> list[dict[str, str]]:
    """Return the sockets that listen on port 53; raise ResolverError where ss cannot be run."""
    status, out, err = module.run_command(["ss", "-H", "-lntup", "sport = :53"])
    if status != 0:
        raise ResolverError(f"ss cannot list the listening sockets: {err.strip()}")
    return _resolver.parse_ss(out)


def memory_of(before: ResolvConf, resolved: dict[str, bool]) -> Memory:
    """Return what is to be remembered of the host: what is remembered already while it asks 127.0.0.1."""
    kept = _resolver.recall()
    if kept and before.ours:
        return kept
    # What resolved asks comes first: the file itself only names resolved.
    resolved_text = _resolver.read_text(_resolver.RESOLVED_UPSTREAMS) if resolved["active"] else ""
    upstreams = _resolver.upstreams(resolved_text, _resolver.read_text(_resolver.RESOLV_CONF))
    if kept and _resolver.ROUTES.exists():
        # resolved may have had its servers from another file, which does not count beside the routes.
        upstreams = upstreams or kept.upstreams
        return replace(kept, link=before.link, content=before.content, upstreams=upstreams)
    return Memory(before.link, before.content, upstreams, resolved["enabled"], resolved["active"])


def answers(server: str, names: list[str], known: bool) -> str:
    """Ask a server; return what is wrong with its answer, empty for nothing. ``known`` wants each name to exist."""
    for name in names:
        try:
            rcode = exchange(server, 53, Question(name), TIMEOUT).rcode
        except (OSError, DnsError) as error:
            return f"{server} does not answer {name}: {error}"
        if rcode != "NOERROR" and (known or rcode != "NXDOMAIN"):
            return f"{server} answers {name} with {rcode}"
    return ""


def alive(server: str) -> bool:
    """Tell whether a server says anything."""
    try:
        exchange(server, 53, Question("."), TIMEOUT)
    except (OSError, DnsError):
        return False
    return True


def finds(names: list[str]) -> str:
    """Ask the system's own resolver; tell the first name that it does not find, empty for none."""
    for name in names:
        try:
            socket.getaddrinfo(name, None)
        except socket.gaierror as error:
            return f"the system's resolver does not find {name}: {error.strerror}"
    return ""


def wait_for(look: Callable[[], str], timeout: float) -> None:
    """Look until nothing is wrong; raise ResolverError with what still is after the timeout in seconds."""
    deadline = time.monotonic() + timeout
    while True:
        wrong = look()
        if not wrong:
            return
        if time.monotonic() >= deadline:
            raise ResolverError(wrong)
        time.sleep(PAUSE)


class Host:
    """The resolver of this host: what it is, and the steps from one to another."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.state = module.params["state"]
        self.check = [module.params["check_name"]] if module.params["check_name"] else []
        self.before = _resolver.look()
        self.resolved = resolved_state(module)
        self.memory = memory_of(self.before, self.resolved)
        text = _resolver.read_text(_resolver.RESOLV_CONF)
        self.ours = ResolvConf(None, _resolver.render([_resolver.OWN_ADDRESS], text))
        self.routes = _resolver.routes_text(module.params["domains"]) if self.state == "routed" else ""

    @property
    def after(self) -> ResolvConf:
        """What should stand at /etc/resolv.conf in the end."""
        if self.state == "local":
            return self.ours
        return ResolvConf(self.memory.link, self.memory.content) if self.before.ours else self.before

    def settled(self) -> bool:
        """Tell whether all is as it should be."""
        if self.state == "read":
            return True
        local = self.state == "local"
        return (
            self.before == self.after
            and not _resolver.levers_to_move(pulled=local)
            and _resolver.read_text(_resolver.ROUTES) == self.routes
            and self.resolved["active"] == self._resolved_wanted()
            and (not local or not self.resolved["enabled"])
            # What is remembered is needed for as long as anything is changed, and no longer.
            and (self.state == "absent") == (_resolver.recall() is None)
        )

    def _resolved_wanted(self) -> bool:
        """Tell whether systemd-resolved is to run."""
        if self.state == "absent" and not (self.before.ours or _resolver.ROUTES.exists()):
            return self.resolved["active"]  # not changed, so not ours to judge
        return self.state != "local" and self.memory.resolved_active

    def refuse(self) -> None:
        """Raise ResolverError for what cannot be done on this host."""
        if self.state == "routed" and not self.memory.resolved_active:
            raise ResolverError(
                "systemd-resolved does not run on this host, so there is nobody to route names. "
                "Start it, or let the server at 127.0.0.1 resolve all names (dnsmasq_resolved: disabled)"
            )
        if self.state == "absent" and self.before.ours and _resolver.recall() is None:
            raise ResolverError(
                f"{_resolver.MEMORY} is gone, so nobody knows what {_resolver.RESOLV_CONF} was: write it anew, "
                f"or link it to {_resolver.RESOLVED_LINK} where systemd-resolved runs"
            )

    def switch(self) -> None:
        """Go there, over /etc/resolv.conf naming 127.0.0.1 all the way; where that fails, back to what was there."""
        self.take()
        try:
            if self.state == "local":
                self.set_routes()
                self.stop_resolved()
            else:
                self.give_back(self.routes)
            wait_for(lambda: finds(self.module.params["check_names"]), self.module.params["check_timeout"])
        except (ResolverError, OSError) as error:
            if self.state == "absent":
                raise ResolverError(f"{error}. The host goes on to ask {_resolver.OWN_ADDRESS}") from error
            self.routes = ""
            self.give_back("")
            raise ResolverError(f"{error}. The old resolver is back") from error

    def take(self) -> None:
        """Let the host ask 127.0.0.1 where that answers."""
        if self.state == "absent" and not alive(_resolver.OWN_ADDRESS):
            return
        if self.memory != _resolver.recall():
            _resolver.remember(self.memory)
        self.move_levers(pulled=True)
        if self.ours != self.before:
            _resolver.put(self.ours)

    def give_back(self, routes: str) -> None:
        """Let the host ask what it asked before, systemd-resolved with these routes."""
        # A run that was killed may have changed them before this one.
        changed = self.set_routes(routes) or self.before.ours or _resolver.look().ours
        if self.memory.resolved_active:
            if self.memory.resolved_enabled:
                run(self.module, "systemctl", "enable", UNIT)
            _resolver.replace(_resolver.BLINKERS, _resolver.BLINKERS_TEXT)
            run(self.module, "systemctl", "restart" if changed else "start", UNIT)
            _resolver.remove(_resolver.BLINKERS)
        wait_for(self._old_resolver, self.module.params["check_timeout"])
        _resolver.put(ResolvConf(self.memory.link, self.memory.content))
        self.move_levers(pulled=False)
        if not routes:
            _resolver.forget()

    def _old_resolver(self) -> str:
        """Tell what is wrong with the answers of the resolver that is to take over."""
        server = STUB if self.memory.resolved_active else next(iter(self.memory.upstreams), "")
        wrong = answers(server, self.check, known=False) if server else ""
        if wrong or not self.routes:
            return wrong
        wrong = answers(server, self.module.params["check_names"], known=True)
        return wrong and f"{wrong}, though it should ask {_resolver.OWN_ADDRESS}: see `resolvectl status`"

    def set_routes(self, routes: str = "") -> bool:
        """Write or delete the routes; tell whether that changed them."""
        if _resolver.read_text(_resolver.ROUTES) == routes:
            return False
        if routes:
            _resolver.replace(_resolver.ROUTES, routes)
        else:
            _resolver.ROUTES.unlink()
        return True

    def stop_resolved(self) -> None:
        """Stop systemd-resolved, now and at boot."""
        if self.resolved["enabled"] or self.resolved["active"]:
            run(self.module, "systemctl", "disable", "--now", UNIT)

    def move_levers(self, pulled: bool) -> None:
        """Tell those who write /etc/resolv.conf to leave it alone, or not to any more."""
        for lever in _resolver.levers_to_move(pulled):
            _resolver.move(lever, pulled)
            if lever.unit and self.module.run_command(["systemctl", "is-active", lever.unit])[0] == 0:
                run(self.module, "systemctl", "reload", lever.unit)


def as_text(resolv_conf: ResolvConf) -> str:
    """Return what stands at /etc/resolv.conf in the form of Ansible's --diff."""
    if resolv_conf.link is not None:
        return f"link to {resolv_conf.link}\n"
    return resolv_conf.content or ""


def work(module: AnsibleModule) -> dict[str, Any]:
    """Look, change unless in check mode, and return the result."""
    host = Host(module)
    host.refuse()
    memory = host.memory
    settled = host.settled()
    routes = _resolver.read_text(_resolver.ROUTES)
    result = {
        "changed": not settled,
        "before": {"link": host.before.link, "content": host.before.content, "ours": host.before.ours},
        "upstreams": memory.upstreams,
        "resolved": {**host.resolved, "was_enabled": memory.resolved_enabled, "was_active": memory.resolved_active},
        "port_53": listeners(module),
    }
    if host.state != "read":
        result["diff"] = {"before": as_text(host.before) + routes, "after": as_text(host.after) + host.routes}
    if not module.check_mode and not settled:
        host.switch()
    elif not module.check_mode:
        wait_for(lambda: finds(module.params["check_names"]), module.params["check_timeout"])
    return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["read", "local", "routed", "absent"], "default": "read"},
            "domains": {"type": "list", "elements": "str", "default": []},
            "check_name": {"type": "str", "default": "."},
            "check_names": {"type": "list", "elements": "str", "default": []},
            "check_timeout": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
        required_if=[("state", "routed", ["domains"])],
    )
    require_root(module)
    try:
        result = work(module)
    except (ResolverError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
