"""`docs/troubleshooting.md`: every message on the page is one that a program has."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = CHECKOUT / "docs" / "troubleshooting.md"
_OURS = PAGE.read_text().partition("## Meltano")[0]
MESSAGES = re.findall(r"^\| (`.+?`(?: … `.+?`)?) \|", _OURS, re.MULTILINE)
SHORTEST = 8  # characters; what is shorter is in many messages


@pytest.fixture(scope="module")
def texts() -> str:
    """Return all texts of both programs, each on a line; those of f-strings in their parts."""
    modules = (path for program in PROGRAMS for path in program.folder.rglob("*.py"))
    return "\n".join(text for path in modules for text in _texts(ast.parse(path.read_text())))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_page_has_messages() -> None:
    assert len(MESSAGES) > 20


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_one_of_the_programs(texts: str, message: str) -> None:
    parts = [part.strip(" `") for part in message.split("…")]
    for part in filter(None, parts):
        assert len(part) >= SHORTEST or len(parts) > 1
        assert part in texts, part
