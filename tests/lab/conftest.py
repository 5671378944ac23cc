"""The lab under test: its command, a lab of its own, and what it leaves on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "lab"))

from lablib.state import Lab  # noqa: E402  (found on the path that the line above extends)


class LabUnderTest:
    """Runs `lab/lab` for one lab and looks at what it leaves."""

    def __init__(self, name: str) -> None:
        self.state = Lab(name)
        self.command = [sys.executable, str(CHECKOUT / "lab" / "lab"), "--lab", name]

    def run(
        self, *words: str, env: dict[str, str] | None = None, timeout: float = 600, **how: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run the command with these words, for at most timeout seconds; what it writes is in the result."""
        how |= {"env": {**os.environ, **(env or {})}, "timeout": timeout}
        return subprocess.run([*self.command, *words], check=False, capture_output=True, text=True, **how)

    def ok(self, *words: str, **how: Any) -> str:
        """Run the command, which must succeed; return its standard output."""
        done = self.run(*words, **how)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the command and let it run."""
        return subprocess.Popen([*self.command, *words], stderr=subprocess.PIPE, text=True, start_new_session=True)

    def processes(self) -> list[str]:
        """The command lines of all living processes that belong to this lab, whichever way they were started."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                    opened = [os.readlink(link) for link in (folder / "fd").iterdir()]
                except OSError:
                    continue  # ended just now, or not ours to look at
                if words and any(str(self.state.folder) in text for text in [words, *opened]):
                    found.append(words)
        return found

    def assert_nothing_left(self) -> None:
        """Neither folder nor process of the lab remains; what was killed gets two seconds to go."""
        deadline = time.monotonic() + 2
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.processes() == []
        assert not self.state.folder.exists()


@pytest.fixture
def lab() -> Iterator[LabUnderTest]:
    """A lab of its own, taken down afterwards."""
    under_test = LabUnderTest(f"pytest-{os.getpid()}")
    yield under_test
    under_test.run("down")
