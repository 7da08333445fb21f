"""What a visitor of the repository finds: one address everywhere, forms, owners, a site."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from generate import files, hub, repository
from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from generate.programs import Program

GITHUB = CHECKOUT / ".github"
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
_URL = re.compile(r"https?://[^\s\"')>\]]+")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("vendor.github-issue-forms", form) for form in FORMS),
        ("vendor.github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_github_accepts_the_issue_forms(schema: str, path: Path) -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", schema]
    done = subprocess.run([*command, str(path)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_both_packages_have_the_same_authors_and_urls(program: Program) -> None:
    project: dict[str, Any] = tomllib.loads((program.folder / "pyproject.toml").read_text())
    table = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["invoices"]
    assert project["project"]["authors"] == table["authors"]
    assert project["project"]["urls"]["Repository"] == table["repository"]
    assert {"Documentation", "Issues", "Changelog"} < project["project"]["urls"].keys()


def test_the_address_is_in_one_place() -> None:
    """To move the repository, one line changes, and `python -m generate` does the rest."""
    generated = hub.files()
    files_with_it = [
        name
        for name in _tracked("*.md", "*.toml", "*.yml", "*.yaml", "*.py")
        if CHECKOUT / name not in generated
        and repository.address() in files.written_by_hand(CHECKOUT / name)
    ]
    assert files_with_it == ["pyproject.toml"]


@pytest.mark.parametrize("path", files.FILES, ids=lambda path: path.name)
def test_every_link_into_the_repository_leads_to_a_file(path: Path) -> None:
    start = f"{repository.address()}/blob/{repository.BRANCH}/"
    for url in _URL.findall(path.read_text()):
        place = url.removeprefix(start)
        assert place == url or (CHECKOUT / place).exists(), url


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_package_s_page_links_to_nothing_that_pypi_does_not_have(program: Program) -> None:
    text = (program.folder / "README.md").read_text()
    labels = set(re.findall(r"\]\[([\w-]+)\]", text))
    assert labels == set(re.findall(r"^\[([\w-]+)\]: ", text, re.MULTILINE))
    assert {"guarantee", "changelog"} <= labels
    assert re.findall(r"\]\((?!https://)", text) == []


class TestAReleaseFromAnotherRepository:
    """`.github/check_release.py` compares the address with the repository that publishes."""

    address = "https://github.com/someone/invoices"

    def test_is_refused(self) -> None:
        (problem,) = self._problems("https://github.com/someone/else")
        assert f"{self.address}, and it is" in problem

    @pytest.mark.parametrize("publisher", [None, address, address.upper()])
    def test_is_fine_from_this_one_and_by_hand(self, publisher: str | None) -> None:
        assert self._problems(publisher) == []

    def _problems(self, publisher: str | None) -> list[str]:
        script = runpy.run_path(str(GITHUB / "check_release.py"))
        found: list[str] = script["address_problems"](self.address, publisher)
        return found


def _tracked(*patterns: str) -> list[str]:
    command = ["git", "ls-files", *patterns]
    return subprocess.run(
        command, cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout.split()
