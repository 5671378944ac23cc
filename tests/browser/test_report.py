# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report in a real browser, headless Chromium: what it shows, and that it complains of nothing.

Run by `make browser`, apart from the unit tests: Chromium is large, and the machine may not have it.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from ansible_collections.highload.lvs.plugins.plugin_utils._verify.page import page

UNIT = Path(__file__).parents[1] / "unit" / "plugins" / "plugin_utils" / "test_verify.py"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, for tests run as root; the rest keeps the browser from looking for its maker's hosts.
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]


def load_unit_test():
    """Return the module that has the captured host and what to change in it."""
    spec = importlib.util.spec_from_file_location("report_data", UNIT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DATA = load_unit_test()


@pytest.fixture
def browse(tmp_path):
    """Return a function that opens a verdict's page and returns what the browser made of it, and its complaints."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.fail("Chromium is not installed: apt-get install chromium")

    def call(result, *options):
        file = tmp_path / "report.html"
        file.write_text(page(result))
        command = [program, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", *options, file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return call


@pytest.fixture
def host():
    return json.loads(DATA.CAPTURE.read_text())


def test_a_good_system(browse, host):
    shown, complaints = browse(DATA.judge(host), "--dump-dom")
    assert complaints == []
    assert "<title>Verified: host1</title>" in shown
    assert "The system does what its inventory says" in shown
    assert len(re.findall("<rect ", shown)) == 5  # clients, DNS, the virtual service, two real servers


def test_a_broken_system(browse, host):
    DATA.stop_backend(host)
    shown, complaints = browse(DATA.judge(host), "--dump-dom")
    assert complaints == []
    assert "3 of 32 checks failed" in shown
    assert "does not answer" in shown


def test_hostile_names_run_nothing(browse, host):
    shown, complaints = browse(DATA.hostile(host), "--dump-dom")
    assert complaints == []
    assert "<title>Not verified: " in shown
    assert "<script" not in shown
    assert "<img" not in shown


@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_runs_over_the_edge(browse, host, width, tmp_path):
    # Chromium has no option to tell a page's width; a script may measure it, which the page itself has none of.
    text = page(DATA.judge(host))
    probe = tmp_path / "frame.html"
    (tmp_path / "inner.html").write_text(text)
    probe.write_text(
        f"<iframe id=f src=inner.html style='width:{width}px;height:600px;border:0'></iframe>"
        "<script>onload = () => { const root = document.getElementById('f').contentDocument.documentElement;"
        "document.title = root.scrollWidth + ' of ' + root.clientWidth; }</script>"
    )
    program = next(filter(None, map(shutil.which, PROGRAMS)), None) or pytest.fail("Chromium is not installed")
    options = [*OPTIONS, "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'other'}", "--dump-dom"]
    shown = subprocess.run(
        [program, *options, probe.as_uri()], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert f"<title>{width} of {width}</title>" in shown


def first_pixel(picture):
    """Return red, green and blue of a PNG's upper left corner, which no filter changes (PNG specification, 9.2)."""
    chunks, place = b"", 8
    while place < len(picture):
        length, kind = struct.unpack("!I4s", picture[place : place + 8])
        chunks += picture[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += length + 12
    return zlib.decompress(chunks)[1:4].hex()


@pytest.mark.parametrize(("scheme", "background"), [("light", "fbfbfa"), ("dark", "14171a")])
def test_colour_schemes(browse, host, scheme, background, tmp_path):
    picture = tmp_path / f"{scheme}.png"
    dark = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    _shown, complaints = browse(DATA.judge(host), "--window-size=800,600", f"--screenshot={picture}", *dark)
    assert complaints == []
    assert first_pixel(picture.read_bytes()) == background


def test_print(browse, host, tmp_path):
    browse(DATA.judge(host), f"--print-to-pdf={tmp_path / 'report.pdf'}")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
