"""`PYTHONPATH=tests:tools python -m generate` writes the generated parts of files.

A part stands between a line with `begin NAME` and one with `end NAME`. The files in `hub/` are
generated as a whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generate import definitions, hub, repository, tables
from generate.programs import PROGRAMS, TAP, TARGET
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS: dict[str, Callable[[str], str]] = {
    "tap settings": lambda _: tables.own(TAP),
    "tap settings of the SDK": lambda _: tables.inherited(TAP),
    "tap definition": lambda _: definitions.block(TAP),
    "target settings": lambda _: tables.own(TARGET),
    "target settings of the SDK": lambda _: tables.inherited(TARGET),
    "target definition": lambda _: definitions.block(TARGET),
    "package metadata": lambda _: repository.metadata(),
    "owners": lambda _: repository.owners(),
    "repository": lambda _: repository.site(),
    "links": repository.links,
    "proofs": lambda _: repository.proofs(),
}
_REGION = re.compile(
    r"^(?P<begin>[^\n]*\bbegin (?P<name>[a-zA-Z ]+?)(?: -->)?\n)(?P<made>.*?)"
    r"(?P<end>^[^\n]*\bend (?P=name)\b)",
    re.DOTALL | re.MULTILINE,
)
FILES = (
    CHECKOUT / ".github" / "CODEOWNERS",
    CHECKOUT / "docs" / "guarantee.md",
    CHECKOUT / "docs" / "reference.md",
    CHECKOUT / "docs" / "security.md",
    CHECKOUT / "docs" / "troubleshooting.md",
    CHECKOUT / "docs" / "upgrading.md",
    CHECKOUT / "meltano.yml",
    *(program.folder / name for program in PROGRAMS for name in ("README.md", "pyproject.toml")),
    CHECKOUT / "zensical.toml",
)


def regenerated(path: Path) -> str:
    """Return what the file should hold."""
    text = path.read_text()

    def made(region: re.Match[str]) -> str:
        space = "\n" if path.suffix == ".md" else ""  # Markdown's tables want an empty line
        return f"{region['begin']}{space}{PARTS[region['name']](text)}{space}{region['end']}"

    return _REGION.sub(made, text)


def regions(path: Path) -> list[str]:
    """Return the names of the parts in a file."""
    return [region["name"] for region in _REGION.finditer(path.read_text())]


def written_by_hand(path: Path) -> str:
    """Return a file's text without its generated parts."""
    return _REGION.sub("", path.read_text())


def main() -> None:
    """Write all files; says which have changed."""
    for path, text in ({path: regenerated(path) for path in FILES} | hub.files()).items():
        if not path.exists() or text != path.read_text():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(path.relative_to(CHECKOUT))
