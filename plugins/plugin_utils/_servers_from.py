# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual services that take their real servers from a group of the inventory, turned into plain ones.

Only the inventory counts: neither ``--limit`` nor a host that does not answer changes what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.errors import ValidationError
from jinja2 import Undefined, UndefinedError

ADDRESS, ADDRESS_IPV6 = "ipvs_server_address", "ipvs_server_address_ipv6"
PORT, WEIGHT, STATE = "ipvs_server_port", "ipvs_server_weight", "ipvs_server_state"
STATES = ("present", "absent")

COMMON = ("forward", "port", "tunnel", "upper_threshold", "lower_threshold")
"""What ``servers_from`` may say of every real server of the group; the words are those of a real server."""

_PLACE = re.compile(r"services\[(\d+)\]\.servers\[(\d+)\](?:\.(\w+))?")


@dataclass(frozen=True)
class Origin:
    """Where a real server comes from: a host, and the variable for each key that a variable decided."""

    host: str
    variables: dict[str, str]


@dataclass(frozen=True)
class Resolved:
    """Plain services, and the origin of each real server that came from a group, by service and place in its list."""

    services: Any
    origins: dict[tuple[int, int], Origin]

    def in_words_of_the_inventory(self, mistakes: list[str]) -> list[str]:
        """Return mistakes that were found in the plain services with the places where the inventory has them."""
        return list(dict.fromkeys(_PLACE.sub(self._place, one) for one in mistakes))

    def _place(self, match: re.Match[str]) -> str:
        service, server, key = int(match[1]), int(match[2]), match[3]
        origin = self.origins.get((service, server))
        if origin is None:
            return match[0]
        if key in origin.variables:
            return f"{origin.variables[key]} of host {origin.host}"
        if key:
            return f"services[{service}].servers_from.{key}"
        return f"services[{service}].servers_from, host {origin.host} ({', '.join(origin.variables.values())})"


def resolve(services: Any, groups: Mapping[str, Any], hostvars: Mapping[str, Any]) -> Resolved:
    """Return the services with the hosts of their groups as real servers, after those that they list themselves.

    ``groups`` and ``hostvars`` are Ansible's. What has no ``servers_from`` is returned as it is, right or wrong.
    Raises ValidationError, which names every mistake with its host and variable.
    """
    if not isinstance(services, (list, tuple)):
        return Resolved(services, {})
    plain, origins, errors = [], {}, []
    for count, service in enumerate(services):
        if not isinstance(service, Mapping) or service.get("servers_from") is None:
            plain.append(service)
            continue
        rest = {key: value for key, value in service.items() if key != "servers_from"}
        servers = list(rest.get("servers") or [])
        try:
            for server, origin in _servers(service, f"services[{count}].servers_from", groups, hostvars):
                origins[count, len(servers)] = origin
                servers.append(server)
        except ValidationError as error:
            errors += error.errors
        plain.append({**rest, "servers": servers})
    if errors:
        raise ValidationError(list(dict.fromkeys(errors)))
    return Resolved(plain, origins)


def _servers(
    service: Mapping[str, Any], place: str, groups: Mapping[str, Any], hostvars: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], Origin]]:
    wanted = service["servers_from"]
    if not isinstance(wanted, Mapping) or "group" not in wanted:
        raise ValidationError([f"{place}: {wanted!r} is not a dictionary with the key group"])
    errors = [
        f"{place}.{key}: there is no such key, only group and {', '.join(COMMON)}; "
        f"each host has {PORT}, {WEIGHT} and {STATE} of its own"
        for key in wanted
        if key not in ("group", *COMMON)
    ]
    group = wanted["group"]
    if not groups.get(group):
        known = ", ".join(sorted(one for one in groups if one != "ungrouped"))
        missing = "has no host" if group in groups else f"is not in the inventory, which has {known}"
        raise ValidationError([*errors, f"{place}.group: the group {group!r} {missing}"])
    family = service.get("family") or ("ipv6" if ":" in str(service.get("address")) else "ipv4")
    found = []
    for host in groups[group]:
        try:
            server = _server(wanted, host, hostvars[host], family)
        except ValidationError as error:
            errors += error.errors
        else:
            found += [server] if server else []
    if errors:
        raise ValidationError(errors)
    yield from found


def _server(
    wanted: Mapping[str, Any], host: str, variables: Mapping[str, Any], family: str
) -> tuple[dict[str, Any], Origin] | None:
    """Return one host as a real server, None where its state is absent."""

    def read(name: str) -> Any:
        try:
            value = variables.get(name)
            # Since ansible-core 2.19, what a template could not find is an object, which fails when it is looked at.
            return str(value) if isinstance(value, Undefined) else value
        except (AnsibleError, UndefinedError) as error:
            raise ValidationError([f"{name} of host {host} cannot be read: {error}"]) from error

    state = read(STATE)
    if state not in (None, *STATES):
        raise ValidationError([f"{STATE} of host {host}: {state!r} is not one of {', '.join(STATES)}"])
    if state == "absent":
        return None
    tried = {
        "address": (ADDRESS_IPV6,) if family == "ipv6" else (ADDRESS, "ansible_host"),
        "port": (PORT,) if wanted.get("port") is None else (),
        "weight": (WEIGHT,),
    }
    names = {key: next((one for one in names if read(one) is not None), "") for key, names in tried.items()}
    names = {key: name for key, name in names.items() if name}
    if "address" not in names:
        raise ValidationError([f"host {host} has no {' and no '.join(tried['address'])}"])
    common = {key: wanted[key] for key in COMMON if wanted.get(key) is not None}
    return {**common, **{key: read(name) for key, name in names.items()}}, Origin(host, names)
