"""The README: each guarantee has a test, and no claim contradicts a measurement."""

from __future__ import annotations

import ast
import json
import re
from statistics import median
from typing import Any

from helpers.checkout import CHECKOUT

RESULTS = CHECKOUT / "docs" / "performance.json"
README = (CHECKOUT / "README.md").read_text()
SECTION = README.partition("## What is guaranteed, and what is not\n")[2].partition("\n## ")[0]
ITEM = re.compile(r"^- (.+?)$(?=\n(?:- |\n))", re.MULTILINE | re.DOTALL)
PROMISES = [" ".join(item.split()) for item in ITEM.findall(SECTION)]
TESTS = {
    label: (path, test)
    for label, path, test in re.findall(r'^\[(\w+)\]: (tests/\S+) "(\w+)"$', README, re.MULTILINE)
}


def test_each_sentence_of_the_guarantee_names_a_test() -> None:
    assert len(PROMISES) > 5
    for promise in PROMISES:
        for sentence in re.split(r"(?<=\.) (?=[A-Z*\[])", promise):
            # A page explains the others; how a loader's loss is found, the next sentence says.
            has_proof = "[test][" in sentence or "](docs/" in sentence
            assert has_proof or "cannot detect a loader" in sentence, sentence


def test_each_test_that_the_guarantee_names_exists() -> None:
    assert set(re.findall(r"\[test\]\[(\w+)\]", SECTION)) == TESTS.keys()
    for path, test in TESTS.values():
        tree = ast.parse((CHECKOUT / path).read_text())
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert test in functions, f"{path} has no {test}: correct the link in README.md"


def test_the_claim_about_speed_says_from_which_size_it_holds() -> None:
    """The saved measurement shows what the README says of large and of small accounts."""
    match = re.search(
        r"With ([\d,]+) invoices or more on a local server, the tap takes at most "
        r"a tenth longer .*?"
        r"With ([\d,]+) invoices it takes ([\d.]+) seconds longer",
        " ".join(README.split()),
    )
    assert match, "the README makes no such claim"
    large, small = (int(match[number].replace(",", "")) for number in (1, 2))
    tap, loop = (_seconds(name) for name in ("tap-invoices", "bare loop"))
    assert large in tap
    assert small in tap
    for size, seconds in tap.items():
        if size >= large:
            assert seconds < 1.1 * loop[size], size
    assert round(tap[small] - loop[small], 1) <= float(match[3])


def _seconds(contestant: str) -> dict[int, float]:
    """Return the median seconds of an extraction in pages, without latency, by size."""
    saved: list[dict[str, Any]] = json.loads(RESULTS.read_text())["series"]
    return {
        series["case"]["invoices"]: median(run["wall"] for run in series["runs"])
        for series in saved
        if series["group"] == "extraction" and series["contestant"] == contestant
        if series["case"]["page_size"] and not series["case"]["latency"]
    }
