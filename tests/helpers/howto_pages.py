"""The how-to pages: what a reader pastes from them, types, and is told to see."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = CHECKOUT / "docs" / "how-to"

MELTANO_YML = "meltano.yml"
ENVIRONMENT = ".env"


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: `sh` is typed, `text` is what the reader sees after it.
        title: The file whose whole content it is, if it is one; of `.env`, a part.
        text: What it holds.
    """

    language: str
    title: str | None
    text: str


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        name: Its file's name, without the ending.
    """

    name: str

    @property
    def blocks(self) -> list[Block]:
        """Its blocks of code, in order."""
        return blocks_of(FOLDER / f"{self.name}.md")

    @property
    def commands(self) -> list[str]:
        """What is typed, in order."""
        return [block.text for block in self.blocks if block.language == "sh"]


def blocks_of(path: Path) -> list[Block]:
    """Return a document's blocks of code, in order."""
    return list(_blocks(path.read_text()))


def _blocks(text: str) -> Iterator[Block]:
    for token in MarkdownIt().parse(text):
        if token.type == "fence":
            language, *rest = shlex.split(token.info) or [""]
            options = dict(word.split("=", 1) for word in rest)
            yield Block(language, options.get("title"), token.content)


def rows_of(path: Path, first_head: str) -> list[list[str]]:
    """Return the rows of a document's table, found by its first heading, without backticks."""
    lines = iter(path.read_text().splitlines())
    for line in lines:
        if line.startswith(f"| {first_head} |"):
            next(lines)
            break
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


def pages() -> list[Page]:
    """Return all pages but the list of them."""
    return [Page(path.stem) for path in sorted(FOLDER.glob("*.md")) if path.stem != "README"]


def is_seen(expected: str, words: str) -> bool:
    """Whether lines stand in what a program said, in order; `…` stands for anything."""
    position = 0
    for part in (each for line in expected.splitlines() for each in line.split("…")):
        position = words.find(part.strip(), position)
        if position < 0:
            return False
        position += len(part.strip())
    return True
