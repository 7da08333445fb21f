"""The README's guarantee: no sentence of it without a test that shows it."""

from __future__ import annotations

import ast
import re

from helpers.checkout import CHECKOUT

README = (CHECKOUT / "README.md").read_text()
SECTION = README.partition("## What is guaranteed, and what not\n")[2].partition("\n## ")[0]
ITEM = re.compile(r"^- (.+?)$(?=\n(?:- |\n))", re.MULTILINE | re.DOTALL)
PROMISES = [" ".join(item.split()) for item in ITEM.findall(SECTION)]
TESTS = dict(re.findall(r"^\[(\w+)\]: (tests/\S+)$", README, re.MULTILINE))


def test_every_sentence_of_the_guarantee_names_a_test() -> None:
    assert len(PROMISES) > 5
    for promise in PROMISES:
        for sentence in re.split(r"(?<=\.) (?=[A-Z*])", promise):
            # Of a loader's lie the next sentence says how it is found.
            assert "[test][" in sentence or "loader's word is true" in sentence, sentence


def test_every_test_that_the_guarantee_names_is_there() -> None:
    assert set(re.findall(r"\[test\]\[(\w+)\]", SECTION)) == TESTS.keys()
    for place in TESTS.values():
        path, _, name = place.partition("#")
        tree = ast.parse((CHECKOUT / path).read_text())
        assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
