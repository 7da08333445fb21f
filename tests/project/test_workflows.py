"""The workflows, hooks and the release are sound, as far as that shows without running them."""

from __future__ import annotations

import re
import runpy
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from uv import find_uv_bin

from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT
from helpers.run import run

if TYPE_CHECKING:
    from collections.abc import Callable

GITHUB = CHECKOUT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
_BIN = Path(sys.executable).parent


def test_zizmor_finds_nothing() -> None:
    _passes("zizmor", "--offline", "--pedantic", "--strict-collection", str(GITHUB))


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("vendor.github-workflows", path) for path in WORKFLOWS),
        ("vendor.dependabot", GITHUB / "dependabot.yml"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_workflows_match_the_schema_of_github(schema: str, path: Path) -> None:
    _passes("check-jsonschema", "--builtin-schema", schema, str(path))


def test_ci_covers_every_python_that_the_packages_support() -> None:
    workflow = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
    tested = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    for program in PROGRAMS:
        project = _project(program.folder)
        promised = [text.rpartition(" ")[2] for text in project["classifiers"] if ":: 3." in text]
        assert promised == tested


def test_hooks_use_the_locked_tools() -> None:
    config = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] if repo["repo"] == "local" for hook in repo["hooks"]]
    tools = re.findall(r"\.venv/bin/(\S+)", " ".join(hook["entry"] for hook in hooks))
    assert set(tools) >= {"ruff", "mypy", "zizmor"}
    assert all((_BIN / tool).exists() for tool in tools)


class TestARelease:
    """`.github/check_release.py`, which the release workflow asks before it publishes."""

    built = frozenset(
        f"{name}-1.2.3{end}"
        for name in ("tap_invoices", "target_invoices_ack")
        for end in (".tar.gz", "-py3-none-any.whl")
    )
    changelog = "## [1.2.3] - 2026-11-24"

    @pytest.fixture
    def problems(self) -> Callable[..., list[str]]:
        found: Callable[..., list[str]] = runpy.run_path(str(GITHUB / "check_release.py"))[
            "problems"
        ]
        return found

    def test_is_accepted_if_tag_packages_and_changelog_agree(
        self, problems: Callable[..., list[str]]
    ) -> None:
        assert problems("v1.2.3", self.built, self.changelog) == []

    @pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3.dev4", "v1.2.4"])
    def test_is_rejected_for_another_tag(
        self, problems: Callable[..., list[str]], tag: str
    ) -> None:
        assert problems(tag, self.built, self.changelog)

    def test_is_rejected_with_a_missing_or_extra_package(
        self, problems: Callable[..., list[str]]
    ) -> None:
        for name in self.built:
            assert problems("v1.2.3", self.built - {name}, self.changelog)
        assert problems("v1.2.3", self.built | {"other-1.2.3.tar.gz"}, self.changelog)

    def test_is_rejected_without_a_section_in_the_changelog(
        self, problems: Callable[..., list[str]]
    ) -> None:
        assert problems("v1.2.3", self.built, "## [Unreleased]")


@pytest.mark.slow
def test_one_tag_gives_both_packages_its_version(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    _git("clone", "--quiet", str(CHECKOUT), str(clone))
    _git("-C", str(clone), "tag", "v98.7.6")
    changelog = clone / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("[Unreleased]", "[98.7.6] - 2026-11-24"))
    # A version is that of a commit as it is, so the changelog would be committed before the tag.
    _git("-C", str(clone), "update-index", "--assume-unchanged", "CHANGELOG.md")
    run([find_uv_bin(), "build", "--quiet", "--all-packages"], cwd=clone).check()
    run([sys.executable, ".github/check_release.py", "v98.7.6"], cwd=clone).check()


def _git(*arguments: str) -> None:
    run(["git", *arguments]).check()


def _passes(program: str, *arguments: str) -> None:
    run([str(_BIN / program), *arguments], cwd=CHECKOUT, merge_stderr=True).check()


def _project(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project
