"""What the host must have, and the exact command that gets what it lacks."""

from __future__ import annotations

import getpass
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# command: the Debian and Ubuntu package that has it
PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "slirp4netns": "slirp4netns",
    "patchelf": "patchelf",
    "fakeroot": "fakeroot",
    "nft": "nftables",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "mke2fs": "e2fsprogs",
    "unshare": "util-linux",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TUN = Path("/dev/net/tun")
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Finding:
    """One thing the host lacks; `package` where installing it is the remedy, otherwise `remedy` says what is."""

    problem: str
    package: str = ""
    remedy: str = ""


def complete_path() -> None:
    """Let the administrator's commands be found: the PATH of an ordinary user often lacks their folders."""
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":" + SYSTEM_PATH


def findings() -> list[Finding]:
    """Everything that keeps a guest from running here."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        where = f"{platform.system()} on {platform.machine()}"
        return [Finding(f"User-Mode Linux runs on Linux on x86_64 only, this is {where}", remedy="use another machine")]
    lacks = [
        Finding(f"no command {command}", package=package)
        for command, package in PACKAGES.items()
        if not shutil.which(command)
    ]
    if not KEYRING.exists():
        lacks.append(Finding("no keys of Debian's archive", package="debian-archive-keyring"))
    if not TUN.exists():
        lacks.append(Finding(f"no {TUN}", remedy="sudo modprobe tun"))
    elif not os.access(TUN, os.R_OK | os.W_OK):
        lacks.append(Finding(f"{TUN} is closed to this user", remedy=f"sudo chmod 666 {TUN}"))
    if os.geteuid() != 0:
        lacks += ordinary_user_findings()
    return lacks


def ordinary_user_findings() -> list[Finding]:
    """What root does not need: user namespaces, and a range of user ids to build an image with."""
    lacks = []
    user = getpass.getuser()
    if not shutil.which("newuidmap"):
        lacks.append(Finding("no command newuidmap", package="uidmap"))
    for file in (Path("/etc/subuid"), Path("/etc/subgid")):
        lines = file.read_text().splitlines() if file.exists() else []
        if not any(line.split(":")[0] in (user, str(os.getuid())) for line in lines):
            remedy = f"sudo usermod --add-sub{file.name[3:]}s 100000-165535 {user}"
            lacks.append(Finding(f"user {user} has no line in {file}", remedy=remedy))
    if (
        shutil.which("unshare")
        and subprocess.run(
            ["unshare", "--user", "--map-root-user", "--net", "true"], check=False, capture_output=True
        ).returncode
    ):
        remedy = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=65536"
        lacks.append(Finding("an ordinary user may not make a user namespace here", remedy=remedy))
    return lacks


def report(lacks: list[Finding]) -> str:
    """The findings as text, ending with commands to copy."""
    lines = [f"- {lack.problem}" for lack in lacks]
    packages = sorted({lack.package for lack in lacks if lack.package})
    commands = [f"sudo apt-get install --no-install-recommends {' '.join(packages)}"] if packages else []
    commands += [lack.remedy for lack in lacks if lack.remedy]
    return "\n".join(["the lab cannot run here:", *lines, "Get it with:", *(f"  {line}" for line in commands)])
