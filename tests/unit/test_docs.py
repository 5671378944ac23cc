"""The documents show the files that were run, lead somewhere, and say the same in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for pattern in ("*.md", "docs/**/*.md", "roles/*/README.md") for page in CHECKOUT.glob(pattern))
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
FENCES = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINKS = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADINGS = re.compile(r"^(#+) ", re.MULTILINE)
SHOWN = re.compile(r"<!-- example: (\S+) -->\n```yaml\n(.*?)```\n", re.DOTALL)
EXAMPLES = [(page, *match) for page in PAGES for match in SHOWN.findall(page.read_text())]
PART = re.compile(r"<!-- part of: (\S+) -->\n```yaml\n(.*?)```\n", re.DOTALL)
PARTS = [(page, *match) for page in PAGES for match in PART.findall(page.read_text())]
TUTORIALS = [CHECKOUT / "docs/tutorial.md", CHECKOUT / "docs/ru/tutorial.md"]
# Made when the site is built, and by the release.
MADE_LATER = {CHECKOUT / "docs/reference/index.rst"}


def name_of(value: object) -> str:
    return str(value.relative_to(CHECKOUT)) if isinstance(value, Path) else str(value)[:40]


@pytest.mark.parametrize(("page", "file", "text"), EXAMPLES, ids=name_of)
def test_shown_example_is_the_file(page: Path, file: str, text: str) -> None:
    assert "---\n" + text == (CHECKOUT / file).read_text()


def test_every_example_is_shown_or_linked_and_is_yaml() -> None:
    files = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "docs/examples").rglob("*.yml")}
    linked = {(page.parent / link).resolve() for page in PAGES for link in LINKS.findall(page.read_text())}
    assert {file for _page, file, _text in EXAMPLES} | {file for file in files if CHECKOUT / file in linked} == files
    for file in files:
        assert yaml.safe_load((CHECKOUT / file).read_text())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_yaml_in_a_page_can_be_read(page: Path) -> None:
    for language, text in FENCES.findall(page.read_text()):
        if language == "yaml":
            assert yaml.safe_load(text) is not None, text


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINKS.findall(CODE.sub("", page.read_text())):
        url = urlsplit(link)
        if url.scheme:
            assert url.scheme == "https", link
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", url.netloc), link
        elif url.path:
            target = (page.parent / url.path).resolve()
            assert target.is_relative_to(CHECKOUT), link
            assert target.exists() or target in MADE_LATER, link


def test_tutorials_have_the_same_structure() -> None:
    english, russian = (path.read_text() for path in TUTORIALS)
    assert HEADINGS.findall(CODE.sub("", english)) == HEADINGS.findall(CODE.sub("", russian))
    assert [block[0] for block in FENCES.findall(english)] == [block[0] for block in FENCES.findall(russian)]
    for (kind, text), (_kind, translated) in zip(FENCES.findall(english), FENCES.findall(russian), strict=True):
        if kind in ("console", "yaml"):
            assert text == translated


@pytest.mark.parametrize("picture", sorted((CHECKOUT / "docs/images").glob("*.svg")), ids=name_of)
def test_pictures_are_xml_with_a_title(picture: Path) -> None:
    root = ElementTree.parse(picture).getroot()
    assert root.findtext("{http://www.w3.org/2000/svg}title")


def holds(whole: object, part: object) -> bool:
    """Tell whether all of the part is found in the whole: each key of a dictionary, each entry of a list."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and holds(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and all(one in whole for one in part)
    return whole == part


@pytest.mark.parametrize(("page", "file", "text"), PARTS, ids=name_of)
def test_shown_part_is_in_the_file(page: Path, file: str, text: str) -> None:
    assert holds(yaml.safe_load((CHECKOUT / file).read_text()), yaml.safe_load(text))
