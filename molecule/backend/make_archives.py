#!/usr/bin/env python3
"""Make the archives of the scenario: the site as tar and zip, and archives that must be refused.

Usage: make_archives.py SITE FOLDER
"""

from __future__ import annotations

import io
import stat
import sys
import tarfile
import zipfile
from pathlib import Path

# File name, member, and where the member links to; empty for a file.
EVIL = [
    ("parent.tar", "css/../../out.html", ""),
    ("absolute.tar", "/etc/highload-evil", ""),
    ("link.tar", "passwd.html", "../../../etc/passwd"),
    ("absolute_link.tar", "passwd.html", "/etc/passwd"),
]


def main() -> None:
    """Make them."""
    site, folder = Path(sys.argv[1]), Path(sys.argv[2])
    files = sorted(path for path in site.rglob("*") if path.is_file())
    with tarfile.open(folder / "site.tar.gz", "w:gz") as tar, zipfile.ZipFile(folder / "site.zip", "w") as zip_file:
        for path in files:
            tar.add(path, path.relative_to(site))
            zip_file.write(path, path.relative_to(site))
    for name, member, target in EVIL:
        with tarfile.open(folder / name, "w") as tar:
            tar.add(site / "index.html", "index.html")
            info = tarfile.TarInfo(member)
            info.type, info.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            tar.addfile(info, io.BytesIO())
    with zipfile.ZipFile(folder / "link.zip", "w") as zip_file:
        link = zipfile.ZipInfo("passwd.html")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zip_file.writestr(link, "../../etc/passwd")
    (folder / "text.tar").write_text("no archive\n")


if __name__ == "__main__":
    main()
