# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils import _release
from ansible_collections.highload.lvs.plugins.module_utils._release import ReleaseError, Site, digest, identify

KEEP = 2


def pack(path: Path, files: dict[str, bytes]) -> str:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(path)


def id_of(files: dict[str, bytes]) -> str:
    return identify({name: digest(io.BytesIO(data)) for name, data in files.items()})


class Host:
    """A site, and a way to deploy to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = Site(str(folder / "root"), "blue")

    def deploy(self, text: str, keep: int = KEEP) -> bool:
        files = {"index.html": text.encode(), "css/style.css": b"h1 {}"}
        plan = self.site.plan(id_of(files), keep)
        self.site.apply(plan, id_of(files), "" if plan.serve else pack(self.folder / "site.tar.gz", files))
        return plan.changed

    def page(self) -> Path:
        return self.site.link / "index.html"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_id_follows_from_names_and_content_alone() -> None:
    one = {"a": "1", "b": "2"}
    assert identify(one) == identify(dict(reversed(one.items())))
    assert len({identify(one), identify({"a": "2", "b": "1"}), identify({"a": "1"}), identify({})}) == 4


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a/..", "..", "", ".", "./", "a\nb", "a\0b"])
def test_paths_that_leave_the_root_or_name_no_file(path: str) -> None:
    with pytest.raises(ReleaseError):
        _release.check_path(path)


@pytest.mark.parametrize(("path", "plain"), [("a", "a"), ("./a//b", "a/b"), ("..a/b..", "..a/b..")])
def test_paths_inside(path: str, plain: str) -> None:
    assert _release.check_path(path) == plain


def test_deploy_again_changes_nothing(host: Host) -> None:
    assert host.deploy("one")
    before = {path: path.lstat().st_mtime_ns for path in host.folder.rglob("*")}
    assert not host.deploy("one")
    assert {path: path.lstat().st_mtime_ns for path in host.folder.rglob("*")} == before
    assert host.page().read_text() == "one"
    assert host.page().stat().st_mode & 0o777 == 0o644
    assert (host.site.link / "css").stat().st_mode & 0o777 == 0o755


def test_the_link_is_never_missing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.deploy("one")
    seen = []
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        seen.append(host.page().read_text())
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    host.deploy("two")
    assert (seen, host.page().read_text()) == (["one"], "two")


def test_old_releases_are_kept_by_when_they_were_served_and_pruned(host: Host) -> None:
    for text in ("one", "two", "three"):
        host.deploy(text)
    one, two, three = (
        id_of({"index.html": text.encode(), "css/style.css": b"h1 {}"}) for text in ("one", "two", "three")
    )
    assert host.site.names() == [three, two, one]
    host.deploy("one")
    assert host.site.names() == [one, three, two]
    host.deploy("four")
    assert host.site.names()[1:] == [one, three]


def test_what_is_served_later_is_younger_also_within_a_second(host: Host) -> None:
    times = []
    for text in ("one", "two", "one", "two"):
        host.deploy(text)
        times.append(int(host.page().stat().st_mtime))
    assert times == sorted(set(times))


@pytest.mark.parametrize("damage", ["content", "mode", "more", "less", "link"])
def test_a_damaged_release_is_unpacked_anew_and_served_until_then(host: Host, damage: str) -> None:
    host.deploy("one")
    page = host.page().resolve()
    if damage == "content":
        page.write_text("eno")
    elif damage == "mode":
        page.chmod(0o600)
    elif damage == "more":
        (page.parent / "more.html").touch()
    elif damage == "less":
        (page.parent / "css" / "style.css").unlink()
    else:
        page.unlink()
        page.symlink_to("/etc/passwd")
    assert host.deploy("one")
    assert host.page().read_text() == "one"
    assert len(host.site.names()) == 1
    assert not host.deploy("one")


def test_what_a_killed_run_left_is_removed(host: Host) -> None:
    host.deploy("one")
    (host.site.releases / ".new-half").mkdir()
    (host.site.folder / ".new-link").symlink_to("releases/half")
    assert host.deploy("one")
    assert not list(host.site.releases.glob(".new*"))
    assert host.deploy("two")
    assert sorted(path.name for path in host.site.folder.iterdir()) == ["current", "releases"]


def test_a_full_disk_leaves_what_is_served(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.deploy("one")

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(ReleaseError, match=r"blue: release \w+ .*No space left on device; release \w+ is still served"):
        host.deploy("two")
    assert host.page().read_text() == "one"
    assert len(list(host.site.releases.iterdir())) == 1


def test_an_archive_that_is_not_what_it_should_be(host: Host) -> None:
    archive = pack(host.folder / "other.tar.gz", {"index.html": b"other"})
    with pytest.raises(ReleaseError, match="the archive that arrived has the release"):
        host.site.apply(host.site.plan("0123456789ab", KEEP), "0123456789ab", archive)
    assert not host.site.link.is_symlink()


def test_unpack_writes_nothing_outside(tmp_path: Path) -> None:
    archive = pack(tmp_path / "evil.tar.gz", {"../out.html": b"out"})
    (tmp_path / "in").mkdir()
    with pytest.raises(ReleaseError, match="would leave the root"):
        _release.unpack(archive, tmp_path / "in")
    assert not (tmp_path / "out.html").exists()
