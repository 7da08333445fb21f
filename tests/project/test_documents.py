"""The documents hold together: every link leads somewhere, and every page is found."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from generate import repository
from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.xdist_group("documents")  # one worker builds the site

DOCS = CHECKOUT / "docs"
OUTSIDE = [
    *CHECKOUT.glob("*.md"),
    *(program.folder / "README.md" for program in PROGRAMS),
]
_LOADED = re.compile(r"<(?:script|img|link)\b[^>]*(?:src|href)=\"?(https?:[^\"> ]+)")
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|\w+\.py)`")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(CHECKOUT / "zensical.toml", folder)
    built = subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--strict"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / ".site"


def test_the_site_is_built_and_all_its_links_lead_somewhere(site: Path) -> None:
    assert "The target marks an invoice only after" in (site / "index.html").read_text()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = _LOADED.findall(page.read_text())
        assert not [address for address in loaded if "canonical" not in address], page


def test_every_page_is_found_from_the_menu() -> None:
    menu = tomllib.loads((CHECKOUT / "zensical.toml").read_text())["project"]["nav"]
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert set(_pages_of(menu)) == pages


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_what_a_document_links_to_is_there(path: Path) -> None:
    for address in _links(path):
        assert (path.parent / address.partition("#")[0]).exists(), address


def test_the_menu_names_no_page_like_its_section() -> None:
    menu = tomllib.loads((CHECKOUT / "zensical.toml").read_text())["project"]["nav"]
    how_to = next(entry["How to"] for entry in menu if "How to" in entry)
    assert how_to[0] == {"Overview": "how-to/README.md"}


def test_a_page_links_to_the_one_before_and_after_and_to_the_repository(site: Path) -> None:
    page = (site / "how-to" / "cron" / "index.html").read_text()
    assert page.count("md-footer__link--prev") == page.count("md-footer__link--next") == 1
    assert f'href="{repository.address()}"' in page
    assert page.count('name="__palette"') == 3  # the system's choice, light, dark


def test_every_place_on_the_map_exists() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    modules = {path.name for program in PROGRAMS for path in program.folder.rglob("*.py")}
    packages = [CHECKOUT]
    for program in PROGRAMS:
        packages += [program.folder, program.folder / program.name.replace("-", "_")]
    for place in _PATH.findall(text):
        there = any((folder / place).exists() for folder in packages)
        assert there or place in modules, place


def test_the_first_screen_of_the_readme_has_the_problem_a_picture_and_a_command() -> None:
    """An editor's window of 45 lines shows what the README has to say first."""
    first = "\n".join((CHECKOUT / "README.md").read_text().splitlines()[:45])
    assert "Traede is " in first
    assert "**The problem.**" in first
    assert "](docs/images/flow.svg)" in first
    [tag] = re.findall(r"<svg[^>]+>", (CHECKOUT / "docs/images/flow.svg").read_text())
    assert " viewBox=" in tag
    assert " width=" not in tag  # as wide as the screen, on a phone too
    assert first.count("```sh") == 1
    assert "python3 run.py demo" in first


def _links(path: Path) -> Iterator[str]:
    for token in MarkdownIt().parse(path.read_text()):
        for child in token.children or ():
            address = str(child.attrs.get("href", "#"))
            if not address.startswith(("#", "http")):
                yield address


def _pages_of(menu: Any) -> Iterator[str]:
    match menu:
        case str():
            yield menu
        case list() | dict():
            for each in menu.values() if isinstance(menu, dict) else menu:
                yield from _pages_of(each)
