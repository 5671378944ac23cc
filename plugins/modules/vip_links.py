#!/usr/bin/python
# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the interfaces that carry virtual IPs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vip_links
short_description: Make the interfaces that carry virtual IPs, now and at boot
version_added: 0.1.0
description:
  - Makes dummy interfaces with addresses, and turns on the tunnels whose packets a real server takes.
  - Where systemd-networkd runs it makes the dummy interfaces, elsewhere a systemd unit for each of them does, which
    starts before the network and works beside ifupdown and NetworkManager. The module moves interfaces from one to the
    other without taking an address away. Tunnels always have a unit.
  - What the kernel has is compared with the list, so that whatever was changed behind its back is set right.
  - The list is the truth. An interface that the owner made and that is no longer in it is deleted.
  - Everything is checked first. An address or a name that something else on the host has is refused.
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
  - systemd, iproute2 and kmod on the host
  - root
options:
  owner:
    description:
      - Who has these interfaces made, such as the name of a role. Lower-case letters and underscores.
      - Several owners share a host, each with its own list.
    type: str
    required: true
  links:
    description: The interfaces. An empty list removes all that the owner made.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the interface, at most 15 characters.
          - A tunnel has the name of the interface that comes with its kernel module, V(tunl0), V(ip6tnl0), V(gre0) or
            V(ip6gre0).
        type: str
        required: true
      kind:
        description: What it is.
        type: str
        choices: [dummy, ipip, ip6tnl, gre, ip6gre]
        default: dummy
      addresses:
        description:
          - IPv4 and IPv6 addresses with their prefix lengths.
          - A dummy interface has these and no others. A tunnel keeps what others gave it.
        type: list
        elements: str
        default: []
      mtu:
        description: The largest packet in bytes. If not given, 1500 for a dummy interface, else the kernel's own.
        type: int
      gue_ports:
        description: UDP ports to which packets for it come wrapped as GUE. Of V(ipip) and V(ip6tnl) only.
        type: list
        elements: int
        default: []
"""

EXAMPLES = r"""
- name: Carry a virtual IP
  highload.lvs.vip_links:
    owner: my_play
    links:
      - name: dummy1
        addresses: [192.168.100.1/32, "2001:db8:100::1/128"]

- name: Take it away again
  highload.lvs.vip_links:
    owner: my_play
    links: []
"""

RETURN = r"""
manager:
  description: What makes dummy interfaces on this host, V(networkd) or V(unit).
  type: str
  returned: success
  sample: networkd
plan:
  description: What was changed, or would be in check mode.
  type: list
  elements: str
  returned: success
  sample: ["write /etc/systemd/network/10-highload-my_play-dummy1.network", "add 192.168.100.1/32 to dummy1"]
"""

import re
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.highload.lvs.plugins.module_utils import _links
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.files import replace_file
from ansible_collections.highload.lvs.plugins.module_utils._links import Link, LinkError, SeenLink
from ansible_collections.highload.lvs.plugins.module_utils._root import require_root

NETWORKD = Path("/etc/systemd/network")
UNITS = Path("/etc/systemd/system")
WANTS = UNITS / "multi-user.target.wants"
MANAGER = Path("/etc/NetworkManager/conf.d")

WAIT = 15.0
"""Seconds that systemd-networkd has to set up an interface."""


class Host:
    """One owner's interfaces on this host."""

    def __init__(self, module: AnsibleModule) -> None:
        """Look at the host; change nothing."""
        self.plan: list[str] = []
        self.diff: list[dict[str, str]] = []
        self._module = module
        self._owner = module.params["owner"]
        self._stem = f"10-highload-{self._owner}-"
        self.networkd = self._active("systemd-networkd.service")
        # Written first and deleted last: this file says that an interface is the owner's.
        self.made = {path.stem[len(self._stem) :] for path in NETWORKD.glob(f"{self._stem}*.network")}
        self.foreign = {
            path.stem.split("-", 3)[3]: path.stem.split("-", 3)[2]
            for path in NETWORKD.glob("10-highload-*-*.network")
            if not path.name.startswith(self._stem)
        }
        self.look()

    def look(self) -> None:
        """Read what the kernel has."""
        self.seen: dict[str, SeenLink] = _links.parse_links(self.run("ip", "-json", "-details", "address", "show"))
        loaded = Path("/sys/module/fou").exists()
        self.gue_ports = _links.parse_gue_ports(self.run("ip", "-json", "fou", "show") if loaded else "")

    def run(self, *command: str) -> str:
        """Run a command and return what it prints; fail with what it says."""
        status, out, err = self._module.run_command([*command], environ_update={"LC_ALL": "C"})
        if status != 0:
            self._module.fail_json(msg=f"`{' '.join(command)}` failed: {err.strip() or out.strip() or status}")
        return str(out)

    def _active(self, unit: str) -> bool:
        return bool(self._module.run_command(["systemctl", "is-active", "--quiet", unit])[0] == 0)

    def has_module(self, name: str) -> str:
        """Load a kernel module, or in check mode see that it can be; return why not."""
        if Path("/sys/module", name).exists():
            return ""
        dry = ["--dry-run"] if self._module.check_mode else []
        status, out, err = self._module.run_command(["modprobe", *dry, name])
        return "" if status == 0 else str(err.strip() or out.strip() or f"modprobe {name}: exit status {status}")

    def unit(self, name: str) -> str:
        """Return the name of the unit that makes an interface."""
        return f"highload-{self._owner}-{name}.service"

    def by_unit(self, link: Link) -> bool:
        """Tell whether a unit makes the interface, not systemd-networkd."""
        return link.kind != "dummy" or not self.networkd

    def paths(self, name: str) -> dict[str, Path]:
        """Return the files that an interface may have, the one that says whose it is first."""
        return {
            "network": NETWORKD / f"{self._stem}{name}.network",
            "netdev": NETWORKD / f"{self._stem}{name}.netdev",
            "manager": MANAGER / f"highload-{self._owner}-{name}.conf",
            "unit": UNITS / self.unit(name),
        }

    def files(self, link: Link) -> dict[Path, str]:
        """Return the files that an interface should have, empty what should not be there."""
        paths = self.paths(link.name)
        manager = _links.leave_alone_manager_file(link) if MANAGER.parent.is_dir() else ""
        if self.by_unit(link):
            contents = (_links.leave_alone_network_file(link), "", manager, _links.unit_file(link))
        else:
            contents = (_links.network_file(link), _links.netdev_file(link), manager, "")
        return dict(zip(paths.values(), contents))

    def write(self, changes: dict[Path, str]) -> None:
        """Write and delete files, then let whoever reads them read them again."""
        try:
            for path, text in changes.items():
                if text:
                    replace_file(path, text.encode(), 0o644)
                elif path.parent == UNITS:
                    self.run("systemctl", "disable", "--now", path.name)
                    path.unlink()
                else:
                    path.unlink()
        except OSError as error:
            self._module.fail_json(msg=f"{error.filename}: {error.strerror}")
        folders = {path.parent for path in changes}
        if UNITS in folders:
            self.run("systemctl", "daemon-reload")
        if MANAGER in folders and self._active("NetworkManager.service"):
            self.run("systemctl", "reload", "NetworkManager.service")
        if NETWORKD in folders and self.networkd:
            self.run("networkctl", "reload")

    def differences(self, link: Link) -> list[str]:
        """Say what the kernel has otherwise than it should be."""
        return _links.differences(link, self.seen, self.gue_ports, read(self.paths(link.name)["unit"]))

    def let_go(self, link: Link) -> None:
        """Take away what an interface should not have any more. Before the unit, which says what it had, is changed."""
        there, unit = self.seen.get(link.name), read(self.paths(link.name)["unit"])
        for address in _links.extra_addresses(link, there, unit) if there else []:
            self.run("ip", "address", "delete", address, "dev", link.name)
        family = _links.TUNNELS[link.kind].fou_family if link.kind != "dummy" else ""
        for port in _links.extra_ports(link, self.gue_ports.get(family, set()), unit):
            self.run("ip", family, "fou", "del", "port", str(port))

    def set_up(self, link: Link) -> None:
        """Make the kernel have the interface as it should be; fail if it will not."""
        # Files are read again here too: a run before this one may have been killed after it wrote them.
        if self.by_unit(link):
            self.run("systemctl", "daemon-reload")
            self.run("systemctl", "restart", self.unit(link.name))
        else:
            self.run("networkctl", "reload")
            self.look()
            if link.name in self.seen and self.differences(link):
                self.run("networkctl", "reconfigure", link.name)
        end = time.monotonic() + WAIT
        while True:
            self.look()
            left = self.differences(link)
            if not left:
                return
            if time.monotonic() > end:
                unit = self.unit(link.name) if self.by_unit(link) else "systemd-networkd.service"
                self._module.fail_json(
                    msg=f"{unit} ran, and after {WAIT:.0f} s it is still left to {', '.join(left)}: "
                    f"see `journalctl -u {unit}`"
                )
            time.sleep(0.2)

    def sweep(self) -> None:
        """Delete what runs that were killed in the middle of writing a file left."""
        patterns = ((NETWORKD, f".{self._stem}*"), *((path, f".highload-{self._owner}-*") for path in (UNITS, MANAGER)))
        for path in [path for folder, pattern in patterns for path in sorted(folder.glob(pattern))]:
            self.plan.append(f"delete {path}")
            if not self._module.check_mode:
                path.unlink()

    def make(self, link: Link) -> None:
        """Make an interface as it should be, now and at boot."""
        changes = {path: text for path, text in self.files(link).items() if text != read(path)}
        off = self.by_unit(link) and not (WANTS / self.unit(link.name)).exists()
        steps = self.differences(link)
        self.plan += [f"{'write' if text else 'delete'} {path}" for path, text in changes.items()]
        self.plan += ([f"enable {self.unit(link.name)}"] if off else []) + steps
        self.diff += [
            {"before_header": str(path), "after_header": str(path), "before": read(path), "after": text}
            for path, text in changes.items()
        ]
        if self._module.check_mode:
            return
        if self.by_unit(link):
            self.let_go(link)
        if changes:
            self.write(changes)
        if off:
            self.run("systemctl", "enable", self.unit(link.name))
        if changes or steps:
            self.set_up(link)

    def remove(self, name: str) -> None:
        """Delete an interface and its files. A tunnel that somebody else gave addresses stays up."""
        self.plan.append(f"remove {name} and its files")
        if self._module.check_mode:
            return
        there = self.seen.get(name)
        if there and there.kind == "dummy":
            self.run("ip", "link", "delete", "dev", name, "type", "dummy")
        elif there and there.kind in _links.TUNNELS:
            self.let_go(Link(name, there.kind, (), None, ()))
            self.look()
            if not self.seen[name].addresses:
                self.run("ip", "link", "set", "dev", name, "down")
        self.write({path: "" for path in reversed(self.paths(name).values()) if path.exists()})
        self.look()

    def describe(self, links: list[Link]) -> str:
        """Return the owner's interfaces as the kernel has them, a line each."""
        there = [self.seen[name] for name in sorted(self.made | {link.name for link in links}) if name in self.seen]
        return "".join(
            f"{one.name} {one.kind} {'up' if one.up else 'down'} mtu {one.mtu} {' '.join(one.addresses)}\n"
            for one in there
        )


def read(path: Path) -> str:
    """Return the text of a file, empty if there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def check(host: Host, links: list[Link]) -> list[str]:
    """Say why the links cannot be made on this host."""
    found = [
        f"{link.name} is made for {host.foreign[link.name]} on this host: choose another name"
        for link in links
        if link.name in host.foreign
    ]
    found += _links.clashes(links, host.made, host.seen)
    if found:
        return found
    missing = {name: host.has_module(name) for name in sorted({name for link in links for name in link.modules})}
    return [
        f"the kernel module {name} is missing: {why}. Install the package that has this kernel's modules, "
        f"or in a container run `modprobe {name}` on the host that lends it the kernel"
        for name, why in missing.items()
        if why
    ]


def main() -> None:
    """Entry point."""
    suboptions = {
        "name": {"type": "str", "required": True},
        "kind": {"type": "str", "choices": list(_links.KINDS), "default": "dummy"},
        "addresses": {"type": "list", "elements": "str", "default": []},
        "mtu": {"type": "int"},
        "gue_ports": {"type": "list", "elements": "int", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "owner": {"type": "str", "required": True},
            "links": {"type": "list", "elements": "dict", "required": True, "options": suboptions},
        },
        supports_check_mode=True,
    )
    require_root(module)
    if not re.fullmatch(r"[a-z_]+", module.params["owner"]):
        module.fail_json(msg=f"owner: {module.params['owner']!r} must be of lower-case letters and underscores")
    try:
        links = _links.read_links(module.params["links"])
    except LinkError as error:
        module.fail_json(msg=f"nothing was changed: {error}", mistakes=error.errors)
    host = Host(module)
    refused = check(host, links)
    if refused:
        module.fail_json(msg=f"nothing was changed: {'; '.join(refused)}", mistakes=refused)

    before = host.describe(links)
    host.sweep()
    for link in links:
        host.make(link)
    # After the new ones: an address that moves to another interface is never gone.
    for name in sorted(host.made - {link.name for link in links}):
        host.remove(name)
    after = host.describe(links)
    names = {"before_header": "interfaces", "after_header": "interfaces"}
    module.exit_json(
        changed=bool(host.plan),
        manager="networkd" if host.networkd else "unit",
        plan=host.plan,
        diff=[{**names, "before": before, "after": after}, *host.diff],
    )


if __name__ == "__main__":
    main()
