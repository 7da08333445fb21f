"""Every page is of a form that can be followed, and is followed by a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from helpers.howto_pages import FOLDER, MELTANO_YML, Page, is_seen, pages

_E2E = Path(__file__).parents[1]
_TYPED_OR_SEEN = {"sh", "text"}
_SHOWN = {"crontab", "sql"}  # what no shell takes; a test of the page reads it
_OUTSIDE = {"shell"}  # typed before a project is there, or where a server stays in the foreground
every_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)


@every_page
def test_every_block_of_a_page_can_be_tested(page: Page) -> None:
    assert page.commands
    for block in page.blocks:
        assert block.title or block.language in _TYPED_OR_SEEN | _SHOWN | _OUTSIDE


@every_page
def test_a_file_on_a_page_can_be_pasted_as_a_whole(page: Page) -> None:
    """Only the first page writes `meltano.yml`: a second `plugins:` in it would be an error."""
    for block in page.blocks:
        assert block.title != MELTANO_YML or page.name == "project"
        if block.title and block.title.endswith(f".{MELTANO_YML}"):
            assert yaml.safe_load(block.text).keys() <= {"plugins", "jobs", "schedules"}


@every_page
def test_the_text_before_a_block_names_its_file(page: Page) -> None:
    """A Git host does not show the title of a block."""
    before = ""
    for part in (FOLDER / f"{page.name}.md").read_text().split("```"):
        if title := re.match(r'\w+ title="(.+)"\n', part):
            assert f"`{title[1]}`" in " ".join(before.split()), title[1]
        before = part


@every_page
def test_every_page_has_a_test(page: Page) -> None:
    tests = (path.read_text() for path in _E2E.glob("*/test_*.py"))
    assert any(f'("{page.name}"' in text for text in tests)


@every_page
def test_every_page_is_listed(page: Page) -> None:
    assert f"({page.name}.md)" in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("path", list(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("expected", "seen"),
    [
        ("the API has … pending", True),
        ("one\nthree", True),
        ("three\none", False),
        ("four", False),
    ],
)
def test_output_is_matched_in_order(expected: str, seen: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_seen(expected, "one\nthe API has 7: 3 pending\nthree") is seen
