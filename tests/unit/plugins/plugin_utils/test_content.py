# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.module_utils._release import ReleaseError, identify, read_folder, unpack
from ansible_collections.highload.lvs.plugins.plugin_utils import _content

# Name, and what it is: content, or where it links to.
Members = list[tuple[str, "bytes | str"]]


def make_tar(path: Path, members: Members, hard: bool = False) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, what in members:
            member = tarfile.TarInfo(name)
            if isinstance(what, str):
                member.type, member.linkname = tarfile.LNKTYPE if hard else tarfile.SYMTYPE, what
                archive.addfile(member)
            else:
                member.size = len(what)
                archive.addfile(member, io.BytesIO(what))
    return path


def make_zip(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, what in members:
            member = zipfile.ZipInfo(name)
            if isinstance(what, str):
                member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, what)
    return path


def make_folder(path: Path, members: Members) -> Path:
    for name, what in members:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            file.symlink_to(what)
        else:
            file.write_bytes(what)
    return path


def read_archive(path: Path) -> dict[str, str]:
    with ExitStack() as stack:
        return _content.digests(_content.archive(str(path), stack))


SITE: Members = [("./index.html", b"page"), ("css/a.css", b"h1 {}"), ("css/home.html", "../index.html")]


def test_the_same_site_is_the_same_release_however_it_comes(tmp_path: Path) -> None:
    folder = _content.digests(_content.folder(str(make_folder(tmp_path / "site", SITE))))
    assert sorted(folder) == ["css/a.css", "css/home.html", "index.html"]
    assert folder["css/home.html"] == folder["index.html"]
    assert read_archive(make_tar(tmp_path / "site.tgz", SITE)) == folder
    assert read_archive(make_zip(tmp_path / "site.zip", SITE)) == folder


def test_a_page_is_an_index() -> None:
    assert list(_content.page("text")) == ["index.html"]


def test_what_is_packed_has_the_same_id_on_the_host(tmp_path: Path) -> None:
    files = _content.folder(str(make_folder(tmp_path / "site", SITE)))
    _content.pack(files, str(tmp_path / "packed"))
    (tmp_path / "host").mkdir()
    unpack(str(tmp_path / "packed"), tmp_path / "host")
    assert identify(read_folder(tmp_path / "host")) == identify(_content.digests(files))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../x", b"")], "../x would leave the root"),
        ([("a/../../x", b"")], "would leave the root"),
        ([("/etc/x", b"")], "/etc/x is an absolute path"),
        ([("a", "/etc/passwd")], "a is a link that does not lead to a file"),
        ([("a", "../../etc/passwd")], "a is a link that does not lead to a file"),
        ([("a", "b"), ("b", "a")], "a is a link that does not lead to a file"),
        ([("up", ".."), ("up/passwd", b"")], "up is a link that does not lead to a file"),
        ([("a", b""), ("a/b", b"")], "a is a file, and a folder that has a/b"),
        ([], "it has no files"),
    ],
)
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_archives_that_are_refused(make: object, members: Members, message: str, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(ReleaseError) as error:
        read_archive(make(tmp_path / "archive", members))
    assert message in str(error.value)


def test_a_hard_link_counts_from_the_root(tmp_path: Path) -> None:
    found = read_archive(make_tar(tmp_path / "a.tgz", [("css/a", b"x"), ("css/b", "css/a")], hard=True))
    assert found["css/a"] == found["css/b"]


def test_a_device_in_an_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("null")
        member.type = tarfile.CHRTYPE
        archive.addfile(member)
    with pytest.raises(ReleaseError, match="null is neither a file nor a folder"):
        read_archive(tmp_path / "a.tar")


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_a_damaged_archive(make: object, tmp_path: Path) -> None:
    assert callable(make)
    path = make(tmp_path / "archive", [("index.html", bytes(range(256)) * 400)])
    data = bytearray(path.read_bytes())
    for place in range(40, len(data) // 2):
        data[place] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(ReleaseError):
        read_archive(path)


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    with pytest.raises(ReleaseError, match="neither a tar nor a zip"):
        read_archive(tmp_path / "text")


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "css", "nowhere"])
def test_folders_with_links_that_are_refused(target: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    site = make_folder(tmp_path / "site", [("css/a", b""), ("link", target)])
    with pytest.raises(ReleaseError, match=f"link is a link to {target}"):
        _content.folder(str(site))


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="it has no files"):
        _content.folder(str(tmp_path))
