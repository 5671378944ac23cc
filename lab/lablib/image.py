"""What a guest boots from: a kernel and a file system, built once from Debian's packages and kept in a cache.

Each lives in a folder named by a hash of everything it is built from. It is built beside its place and renamed into it,
under a lock: two builders do not meet, and what is in its place is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError
from .progress import HEARTBEAT, run, say

RELEASES = ("trixie", "bookworm")
SIZE = "6G"  # of the guest's disk; the file is sparse
NEEDED = 3 << 30  # bytes: what building an image needs at its worst, rounded up

# User-Mode Linux 6.1 and 6.12, of Debian 12 and 13, die on CPUs with AMX; 7.2 does not. Hence a newer Debian's kernel.
KERNEL_SUITE = "testing"
KERNEL_FILES = (
    "./usr/bin/linux.uml",
    "./usr/lib/uml/modules",
    "./usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "./usr/lib/x86_64-linux-gnu/libc.so.6",
)
GUEST_PACKAGES = (
    "systemd,systemd-sysv,systemd-resolved,libnss-resolve,dbus,udev,kmod,openssh-server,python3,python3-apt,"
    "iproute2,iputils-ping,procps,ca-certificates"
)
GUEST_SETUP = Path(__file__).with_name("guest.sh").read_text()
HINT = "\nIs a Debian mirror in reach? LAB_MIRROR=URL names another one than mmdebstrap's default."


@dataclass(frozen=True)
class Kernel:
    """A folder with User-Mode Linux, the C library it needs, and its modules."""

    folder: Path

    @property
    def program(self) -> Path:
        return self.folder / "linux"

    @property
    def modules(self) -> Path:
        return self.folder / "usr/lib/uml/modules"


def cache() -> Path:
    """The folder of the cache: LAB_CACHE, or a place under the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "highload-lab"
    return Path(os.environ.get("LAB_CACHE") or default).resolve()


def kernel() -> Kernel:
    """The kernel, built if it is not there."""
    # The C library's place is written into the program, so the place is part of what it is built from.
    recipe = [KERNEL_SUITE, KERNEL_FILES, mirror(), str(cache())]
    return Kernel(cached("kernel", recipe, lambda folder, final: build_kernel(folder, final)))


def image(release: str) -> Path:
    """The file system of a Debian release, built if it is not there."""
    parts = kernel()
    recipe = [release, GUEST_PACKAGES, GUEST_SETUP, SIZE, mirror(), parts.folder.name]
    return cached(release, recipe, lambda folder, final: build_image(folder, release, parts)) / "root.ext4"


def mirror() -> list[str]:
    """A mirror for mmdebstrap; none lets it use its own default."""
    return [os.environ["LAB_MIRROR"]] if os.environ.get("LAB_MIRROR") else []


def cached(name: str, recipe: object, build: Callable[[Path, Path], None]) -> Path:
    """The folder of the cache that holds what `recipe` describes; `build` fills it if it is not there."""
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    final = cache() / f"{name}-{key}"
    if final.is_dir():
        return final
    with building(name):
        if not final.is_dir():
            began = time.monotonic()
            say(f"building {final.name} in {cache()}, once")
            for remains in cache().glob(f"{name}-*.part*"):  # of a build that was killed: its lock was free
                shutil.rmtree(remains)
            part = Path(tempfile.mkdtemp(prefix=final.name + ".part", dir=cache()))
            try:
                build(part, final)
                part.rename(final)
            except OSError as error:
                raise LabError(f"building {final.name} failed: {error}") from error
            finally:
                shutil.rmtree(part, ignore_errors=True)
            say(f"built {final.name} in {time.monotonic() - began:.0f} s")
    return final


@contextlib.contextmanager
def building(name: str) -> Iterator[None]:
    """Hold the lock for building `name`; say so while another process has it."""
    try:
        cache().mkdir(mode=0o755, parents=True, exist_ok=True)
        file = (cache() / f"{name}.lock").open("w")
    except OSError as error:
        raise LabError(f"cannot write to the cache: {error}. LAB_CACHE=FOLDER names another place") from error
    with file:
        said = 0.0
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - said >= HEARTBEAT:
                    said = time.monotonic()
                    say(f"waiting for another process that builds {name}")
                time.sleep(0.5)
        if shutil.disk_usage(cache()).free < NEEDED:
            raise LabError(f"{cache()} has less than {NEEDED >> 30} GiB free. LAB_CACHE=FOLDER names another place")
        yield


def build_kernel(folder: Path, final: Path) -> None:
    """Fetch the kernel's package with all it depends on, keep the few files that are used."""
    tar, log = folder / "kernel.tar", folder / "log"
    bootstrap("fetching the kernel", ["--variant=extract", "--include=user-mode-linux"], KERNEL_SUITE, tar, log)
    run(
        "unpacking the kernel", ["tar", "--extract", "--file", str(tar), "--directory", str(folder), *KERNEL_FILES], log
    )
    tar.unlink()
    program = (folder / "usr/bin/linux.uml").rename(folder / "linux")
    # It needs a newer C library than an older host has, and dies when it is started through ld.so.
    library = final / "usr/lib/x86_64-linux-gnu"
    interpreter = ["--set-interpreter", str(library / "ld-linux-x86-64.so.2"), "--set-rpath", str(library)]
    run("patching the kernel", ["patchelf", *interpreter, str(program)], log)


def build_image(folder: Path, release: str, kernel: Kernel) -> None:
    """Install the guest's packages into a tar file, and turn that, with the kernel's modules, into a file system."""
    tar, log = folder / "root.tar", folder / "log"
    options = ["--variant=minbase", f"--include={GUEST_PACKAGES}", f"--customize-hook={GUEST_SETUP}"]
    bootstrap(f"installing {release}", options, release, tar, log)
    # fakeroot lets an ordinary user unpack files of root and device nodes, and mke2fs -d see them as such.
    script = """
        set -eu
        cd "$1"
        mkdir root
        tar --extract --numeric-owner --file root.tar --directory root
        rm root.tar
        mkdir -p root/usr/lib/modules
        cp -r "$2"/. root/usr/lib/modules/
        mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 -d root root.ext4 "$3"
        rm -r root
    """
    command = ["fakeroot", "sh", "-c", script, "sh", str(folder), str(kernel.modules), SIZE]
    run(f"making the file system of {release}", command, log)
    (folder / "root.ext4").chmod(0o444)


def bootstrap(label: str, options: Sequence[str], suite: str, tar: Path, log: Path) -> None:
    """Run mmdebstrap with the host's own opinion on stale mirrors, and with patience that has an end."""
    format_ = '%f "%v";%n'
    validity = subprocess.run(
        ["apt-config", "dump", "--no-empty", "--format", format_, "Acquire::Check-Valid-Until"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    aptopts = ['Acquire::Retries "2"', 'Acquire::http::Timeout "20"', 'Acquire::Languages "none"', *validity]
    command = ["mmdebstrap", *options, *(f"--aptopt={option}" for option in aptopts), "--format=tar", suite, str(tar)]
    run(label, [*command, *mirror()], log, HINT)
