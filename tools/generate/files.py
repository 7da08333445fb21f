"""`PYTHONPATH=tests:tools python -m generate`: write what the programs say into the files.

In a file, what stands between a line with `begin NAME` and one with `end NAME` is made here.
The files in `hub/` are made as a whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from generate import definitions, hub, tables
from generate.programs import TAP, TARGET
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS: dict[str, Callable[[], str]] = {
    "tap settings": lambda: tables.own(TAP),
    "tap settings of the SDK": lambda: tables.inherited(TAP),
    "tap definition": lambda: definitions.block(TAP),
    "target settings": lambda: tables.own(TARGET),
    "target settings of the SDK": lambda: tables.inherited(TARGET),
    "target definition": lambda: definitions.block(TARGET),
}
_REGION = re.compile(
    r"^(?P<begin>[^\n]*\bbegin (?P<name>[a-zA-Z ]+?)(?: -->)?\n)(?P<made>.*?)"
    r"(?P<end>^[^\n]*\bend (?P=name)\b)",
    re.DOTALL | re.MULTILINE,
)
FILES = (
    CHECKOUT / "docs" / "reference.md",
    CHECKOUT / "meltano.yml",
    CHECKOUT / "tap-invoices" / "README.md",
    CHECKOUT / "target-invoices-ack" / "README.md",
)


def regenerated(path: Path) -> str:
    """Return what the file should hold."""

    def made(region: re.Match[str]) -> str:
        space = "\n" if path.suffix == ".md" else ""  # Markdown's tables want an empty line
        return f"{region['begin']}{space}{PARTS[region['name']]()}{space}{region['end']}"

    return _REGION.sub(made, path.read_text())


def regions(path: Path) -> list[str]:
    """Return the names of the parts in a file."""
    return [region["name"] for region in _REGION.finditer(path.read_text())]


def main() -> None:
    """Write all files; says which have changed."""
    for path, text in ({path: regenerated(path) for path in FILES} | hub.files()).items():
        if not path.exists() or text != path.read_text():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(path.relative_to(CHECKOUT))
