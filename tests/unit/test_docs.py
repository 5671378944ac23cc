"""The examples that documents show are the files that were run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
SHOWN = re.compile(r"<!-- example: (\S+) -->\n```yaml\n(.*?)```\n", re.DOTALL)
EXAMPLES = [(page, *match) for page in [CHECKOUT / "README.md"] for match in SHOWN.findall(page.read_text())]


@pytest.mark.parametrize(("page", "file", "text"), EXAMPLES, ids=lambda value: Path(str(value)[:60]).name)
def test_shown_example_is_the_file(page: Path, file: str, text: str) -> None:
    assert "---\n" + text == (CHECKOUT / file).read_text()


def test_every_example_is_shown_and_is_yaml() -> None:
    files = sorted(str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "docs/examples").glob("*.yml"))
    assert sorted(file for _page, file, _text in EXAMPLES) == files
    for file in files:
        assert yaml.safe_load((CHECKOUT / file).read_text())
