"""The commands."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from . import files, host, network, relay
from .errors import LabError
from .guest import Guest
from .image import RELEASES, image, kernel
from .progress import say
from .state import Lab, checked_name

BOOT_LIMIT = 120.0  # seconds from start to ssh
DEFAULT_GUEST = "host1"  # the only host of inventory/single_host


def main() -> int:
    host.complete_path()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is taken down, as for Ctrl-C
    arguments = parser().parse_args()
    try:
        lab = Lab(checked_name(arguments.lab, "lab"))
        status: int = arguments.run(lab, arguments)
        return status
    except LabError as error:
        say(f"lab: {error}")
        return 1
    except KeyboardInterrupt:
        say("lab: interrupted")
        return 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="lab", description="Throw-away Linux machines with a kernel of their own.")
    name = os.environ.get("LAB_NAME") or "default"
    top.add_argument("--lab", metavar="NAME", default=name, help="which lab, default: LAB_NAME or 'default'")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(run: Callable[[Lab, argparse.Namespace], int], text: str, name: str = "") -> argparse.ArgumentParser:
        sub = commands.add_parser(name or run.__name__, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    sub = command(up, "start guests, fresh ones, and wait until ssh answers")
    sub.add_argument("names", nargs="*", metavar="NAME", help=f"default: {DEFAULT_GUEST}")
    sub.add_argument("--release", choices=RELEASES, default=RELEASES[0], help="of Debian, default: %(default)s")
    sub.add_argument("--memory", type=memory, default="512M", metavar="SIZE", help="default: %(default)s")
    sub = command(down, "end guests and remove all that is left of them")
    sub.add_argument("names", nargs="*", metavar="NAME", help="default: all, and the network with them")
    command(status, "show the guests")
    sub = command(execute, "run a command in a guest, with its arguments, input and exit status as they are", "exec")
    sub.add_argument("name", metavar="NAME")
    sub.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    for run, text in (
        (ssh, "log in to a guest"),
        (log, "show the console of a guest"),
        (reboot, "restart a guest and wait until ssh answers"),
    ):
        command(run, text).add_argument("name", metavar="NAME", nargs="?", default=DEFAULT_GUEST)
    command(inventory, "print an Ansible inventory of the running guests")
    sub = command(doctor, "tell what this host lacks, and the command that gets it")
    sub.add_argument("--packages", action="store_true", help="only the names of missing packages, one a line")
    command(connect, "reach a guest for ssh, which calls this").add_argument("name", metavar="HOST")
    return top


def memory(text: str) -> str:
    """A size for the kernel's command line, in MiB."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([MG])", text)
    size = int(match[1]) * (1024 if match[2] == "G" else 1) if match else 0
    if not 256 <= size <= 65536:
        raise argparse.ArgumentTypeError(f"{text!r}: write a whole number with M or G, from 256M to 64G")
    return f"{size}M"


def up(lab: Lab, arguments: argparse.Namespace) -> int:
    guests = [Guest(lab, checked_name(name, "guest")) for name in dict.fromkeys(arguments.names or [DEFAULT_GUEST])]
    if lacks := host.findings():
        raise LabError(host.report(lacks))
    parts, root = kernel(), image(arguments.release)
    began = time.monotonic()
    started: list[Guest] = []
    try:
        with lab.locked():
            files.write_access(lab)
            with network.network(lab, member(lab)) as process:
                for guest in guests:
                    if guest.running():
                        say(f"{guest.name}: runs already, with {guest.release}")
                        continue
                    say(f"{guest.name}: starting {arguments.release} with {arguments.memory}")
                    started.append(guest)
                    guest.start(parts, root, arguments.release, arguments.memory, process)
            files.write_inventory(lab)
        for guest in guests:
            guest.await_ssh(1, BOOT_LIMIT, began)
            say(f"{guest.name}: ssh answers at {guest.address} after {time.monotonic() - began:.1f} s")
    except BaseException:
        # Half of what was asked for is of no use: for an error as for Ctrl-C, what this call started goes again.
        if started:
            say(f"taking down {', '.join(guest.name for guest in started)} again")
        remove(lab, started)
        raise
    return 0


def down(lab: Lab, arguments: argparse.Namespace) -> int:
    known = lab.guests()
    names = arguments.names or known
    if unknown := [name for name in names if name not in known]:
        raise LabError(f"no guest {', '.join(unknown)} in lab {lab.name!r}; {there_are(lab)}")
    remove(lab, [Guest(lab, name) for name in names])
    return 0


def remove(lab: Lab, guests: list[Guest]) -> None:
    """Take guests down, and the lab with the last of them."""
    if not lab.folder.exists():
        return
    with lab.locked():
        for guest in guests:
            guest.stop()
        if member(lab) is not None:
            files.write_inventory(lab)
            return
        if not network.uplink_ended(lab):
            raise LabError(f"slirp4netns still serves {lab.folder}, which stays")
        lab.remove()


def member(lab: Lab) -> int | None:
    """A process in the lab's network, if any guest runs."""
    return next((pid for name in lab.guests() if (pid := Guest(lab, name).pid())), None)


def status(lab: Lab, arguments: argparse.Namespace) -> int:
    for name in lab.guests():
        guest = Guest(lab, name)
        state = "up" if guest.boots else "booting" if guest.running() else "ended"
        print(f"{guest.name:<16} {guest.release:<9} {guest.address:<15} {state}")
    return 0


def execute(lab: Lab, arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise LabError(f"what is to be run? Write: lab exec {arguments.name} -- COMMAND ...")
    guest = running(lab, arguments.name)
    return subprocess.call(guest.ssh(*command))


def ssh(lab: Lab, arguments: argparse.Namespace) -> int:
    return subprocess.call(running(lab, arguments.name).ssh())


def log(lab: Lab, arguments: argparse.Namespace) -> int:
    sys.stdout.write(existing(lab, arguments.name).read("console.log"))
    return 0


def inventory(lab: Lab, arguments: argparse.Namespace) -> int:
    sys.stdout.write(files.inventory(lab))
    return 0


def reboot(lab: Lab, arguments: argparse.Namespace) -> int:
    guest = running(lab, arguments.name)
    boots, began = guest.boots, time.monotonic()
    if not boots:
        raise LabError(f"{guest.name} is on its way up; wait until `lab status` says up")
    say(f"{guest.name}: rebooting")
    # The connection may break before ssh hears of success; that the guest comes up again is what counts.
    subprocess.run(guest.ssh("systemctl", "reboot"), check=False, stdin=subprocess.DEVNULL, capture_output=True)
    guest.await_ssh(boots + 1, BOOT_LIMIT, began)
    say(f"{guest.name}: ssh answers again after {time.monotonic() - began:.1f} s")
    return 0


def doctor(lab: Lab, arguments: argparse.Namespace) -> int:
    lacks = host.findings()
    if arguments.packages:
        for package in sorted({lack.package for lack in lacks if lack.package}):
            print(package)
    else:
        print(host.report(lacks) if lacks else "the lab can run here")
    return 1 if lacks else 0


def connect(lab: Lab, arguments: argparse.Namespace) -> int:
    guest = running(lab, arguments.name.split(".")[0])
    supervisor = guest.pid()
    if supervisor is None:
        raise LabError(f"{guest.name} ended just now")
    command = [sys.executable, "-S", relay.__file__, guest.address, "22", str(supervisor)]
    os.execvp("nsenter", network.enter(supervisor, command))


def existing(lab: Lab, name: str) -> Guest:
    if name not in lab.guests():
        raise LabError(f"no guest {name!r} in lab {lab.name!r}; {there_are(lab)}")
    return Guest(lab, name)


def running(lab: Lab, name: str) -> Guest:
    guest = existing(lab, name)
    if not guest.running():
        raise LabError(f"{name} does not run any more: see `lab log {name}`; `lab up {name}` starts a fresh one")
    return guest


def there_are(lab: Lab) -> str:
    names = lab.guests()
    return f"there are {', '.join(names)}" if names else "there are none: start one with `lab up NAME`"
