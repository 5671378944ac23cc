# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.highload.lvs.plugins.plugin_utils._backend_mistakes import backend_mistakes

GOOD: dict[str, Any] = {"name": "blue", "port": 8081, "content": "x"}


def but(**other: Any) -> dict[str, Any]:
    return {**GOOD, **other}


@pytest.mark.parametrize(
    "servers",
    [
        [],
        [GOOD],
        [GOOD, but(name="green", port=8082)],
        [but(bind="127.0.0.1"), but(name="green", bind="127.0.0.2")],
        [but(bind="0.0.0.0"), but(name="green", bind="::1")],
        [but(content=None, folder="site")],
        [but(content="")],
        [but(release="0123456789ab", check_path="/a%20b?c=d")],
        [but(port="8081")],
    ],
)
def test_lists_without_mistakes(servers: list[dict[str, Any]]) -> None:
    assert backend_mistakes(servers) == []


@pytest.mark.parametrize(
    ("servers", "sentence"),
    [
        ([but(name="../x")], "backend_servers[0] ../x: name '../x' cannot name"),
        ([but(name="a\n")], "name 'a\\n' cannot name"),
        ([but(name="a" * 101)], "cannot name a unit"),
        ([but(port=80)], "backend_servers[0] blue: port 80 is not within 1024 to 65535"),
        ([but(port=65536)], "port 65536 is not within"),
        ([but(bind="localhost")], "bind 'localhost' is no IP address"),
        ([but(content=None)], "no content is given: give exactly one of content, template, folder, archive"),
        ([but(folder="site")], "content and folder is given"),
        ([but(release="previous")], "release 'previous' is no id"),
        ([but(release="")], "release '' is no id"),
        ([but(check_path="a")], "check_path 'a' is no path"),
        ([but(check_path="/a b")], "check_path '/a b' is no path"),
        ([GOOD, but(port=8082)], "backend_servers[1] blue: name blue is given twice"),
        ([GOOD, but(name="green")], "backend_servers[1] green: port 8081 on 0.0.0.0 is given to blue on 0.0.0.0 too"),
        ([GOOD, but(name="green", bind="127.0.0.1")], "port 8081 on 127.0.0.1 is given to blue"),
        ([but(bind="::"), but(name="green", bind="127.0.0.1")], "port 8081 on 127.0.0.1 is given to blue"),
        ([but(bind="::1"), but(name="green", bind="0:0::1")], "port 8081 on ::1 is given to blue"),
    ],
)
def test_mistakes(servers: list[dict[str, Any]], sentence: str) -> None:
    (found,) = backend_mistakes(servers)
    assert sentence in found


@pytest.mark.parametrize("root", ["/srv", "srv/a", "/srv/../etc", "/srv/a/", "/srv/a b", "/", ""])
def test_roots_that_are_no_folder_of_their_own(root: str) -> None:
    (found,) = backend_mistakes([], root=root)
    assert found.startswith(f"backend_root: {root} is not a folder of its own")


@pytest.mark.parametrize("keep", [0, -1, 101])
def test_numbers_of_releases(keep: int) -> None:
    assert backend_mistakes([], keep_releases=keep) == [f"backend_keep_releases: {keep} is not within 1 to 100"]
