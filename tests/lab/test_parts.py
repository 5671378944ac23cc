"""Parts of the lab that need no guest."""

from __future__ import annotations

import ipaddress
import multiprocessing
import shutil
import time
from pathlib import Path

import pytest
from lablib import host, image, network, progress
from lablib.errors import LabError


def slow_build(folder: Path, final: Path) -> None:
    """Build in two steps with a pause in which a second builder could meet the first."""
    (folder / "one").write_text("1")
    time.sleep(0.5)
    (folder / "two").write_text("2")
    with (final.parent / "builds").open("a") as file:
        file.write("built\n")


def build_once(cache: str) -> None:
    image.cached("thing", ["recipe"], slow_build)


def test_two_builders_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    processes = [multiprocessing.get_context("fork").Process(target=build_once, args=("",)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "builds").read_text() == "built\n"
    (final,) = tmp_path.glob("thing-*")
    assert sorted(path.name for path in final.iterdir()) == ["one", "two"]


def test_another_recipe_is_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    assert image.cached("thing", ["a"], slow_build) != image.cached("thing", ["b"], slow_build)


def test_a_build_that_fails_or_was_killed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))

    def fails(folder: Path, final: Path) -> None:
        (folder / "half").write_text("")
        raise OSError(28, "No space left on device")

    (tmp_path / "thing-0123.partxyz").mkdir()
    with pytest.raises(LabError, match="No space left on device"):
        image.cached("thing", ["recipe"], fails)
    assert [path.name for path in tmp_path.iterdir()] == ["thing.lock"]


def test_a_full_disk_is_said_before_anything_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(LabError, match="less than 3 GiB free"):
        image.cached("thing", ["recipe"], slow_build)


def test_addresses_are_fixed_and_in_their_range() -> None:
    assert network.address("host1") == "10.77.199.20"  # a change would break what people wrote down
    names = [f"host{number}" for number in range(3000)]
    addresses = [ipaddress.IPv4Address(network.address(name)) for name in names]
    low, high = ipaddress.IPv4Address("10.77.100.1"), ipaddress.IPv4Address("10.77.199.254")
    assert all(low <= address <= high for address in addresses)
    assert len({network.tap(name) for name in names}) == len(set(addresses))
    assert all(len(network.tap(name)) <= 15 for name in names)


def test_another_architecture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    (finding,) = host.findings()
    assert "aarch64" in finding.problem


def test_last_lines_are_readable(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"first\n\x1b[2J\rsecond\xff\r\n\n  third \n")
    assert progress.last_lines(log, 2) == "second\N{REPLACEMENT CHARACTER}\nthird"


def test_a_command_that_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(LabError, match="trying failed: no space is left in"):
        progress.run("trying", ["false"], tmp_path / "log")


def test_a_failing_command_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"trying failed \(exit status 3\)(.|\n)*out of cheese"):
        progress.run("trying", ["sh", "-c", "echo out of cheese >&2; exit 3"], tmp_path / "log")
