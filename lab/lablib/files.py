"""What others read of a lab: ssh's configuration and Ansible's inventory."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

from .errors import LabError
from .guest import Guest
from .state import CHECKOUT, Lab


def write_access(lab: Lab) -> None:
    """Make the key that opens the guests, and the configuration that leads ssh to them."""
    if not lab.key.exists():
        done = subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab-{lab.name}", "-f", lab.key],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise LabError(f"ssh-keygen failed: {done.stderr.strip()}")
    proxy = shlex.join([sys.executable, str(CHECKOUT / "lab" / "lab"), "--lab", lab.name, "connect"])
    lab.ssh_config.write_text(
        f"Host *.{lab.domain}\n"
        "    User root\n"
        f'    IdentityFile "{lab.key}"\n'
        "    IdentitiesOnly yes\n"
        # Every guest of an image has the same host key, and it is known to everyone who has the image.
        "    StrictHostKeyChecking no\n"
        "    UserKnownHostsFile /dev/null\n"
        "    LogLevel ERROR\n"
        f"    ProxyCommand {proxy.replace('%', '%%')} %n\n"
    )


def write_inventory(lab: Lab) -> None:
    """Replace the lab's inventory file in one step."""
    part = lab.inventory.with_suffix(".part")
    part.write_text(inventory(lab))
    os.replace(part, lab.inventory)


def inventory(lab: Lab) -> str:
    """The running guests as a YAML inventory; its values are written as JSON, which is YAML."""
    names = [name for name in lab.guests() if Guest(lab, name).running()]
    lines = ["---", "all:", "  vars:", "    ansible_user: root", "    ansible_python_interpreter: /usr/bin/python3"]
    lines.append(f"    ansible_ssh_common_args: {json.dumps(shlex.join(['-F', str(lab.ssh_config)]))}")
    lines.append("  hosts:" if names else "  hosts: {}")
    for name in names:
        guest = Guest(lab, name)
        lines += [
            f"    {name}:",
            f"      ansible_host: {name}.{lab.domain}",
            f"      lab_address: {guest.address}",
            f"      lab_release: {guest.release}",
        ]
    return "\n".join(lines) + "\n"
