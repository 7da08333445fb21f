"""The benchmarks work, and who is compared delivers the same. How long it takes is not asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from benchmarks import __main__ as bench
from benchmarks import (
    contestants,
    data,
    extraction,
    installed,
    marking,
    nothing_new,
    path,
    report,
)
from benchmarks.api import serving
from benchmarks.measure import Command
from benchmarks.results import Results
from helpers.checkout import PYTHONPATH
from helpers.run import run, unmeasured_environment

if TYPE_CHECKING:
    from pathlib import Path

# The others build packages, or install and run Meltano, as tests of those do.
QUICK_GROUPS = sorted({*bench.GROUPS} - {installed.GROUP, path.GROUP, nothing_new.GROUP})


@pytest.mark.slow
def test_a_short_run_measures_and_reports_every_contestant(tmp_path: Path) -> None:
    """That contestants deliver the same, and that all is marked, is seen to by the run itself."""
    (tmp_path / "performance.md").write_text(f"before {report.BEGIN}{report.END} after")
    command = [sys.executable, "-m", "benchmarks", "--short", "--docs", str(tmp_path)]
    run([*command, *QUICK_GROUPS], env=unmeasured_environment(PYTHONPATH=PYTHONPATH)).check()
    _, series = data.load(tmp_path / "performance.json")
    assert all(each.runs for each in series)
    for group in QUICK_GROUPS:
        assert len({each.contestant for each in series if each.group == group}) > 1
    page = (tmp_path / "performance.md").read_text()
    names = [each.contestant.replace("|", "\\|") for each in series if each.group != marking.GROUP]
    assert all(f"| {name}" in page for name in names)
    assert page.startswith("before ")
    assert page.endswith(" after")
    ET.parse(tmp_path / "performance.svg")  # noqa: S314 - we have just written it


@pytest.mark.slow
def test_a_contestant_that_drops_records_is_an_error(tmp_path: Path) -> None:
    with serving(3, tmp_path) as api:
        script = 'print(\'{"type":"RECORD","stream":"invoices","record":{"id":1}}\')'
        other = {contestants.TAP: Command([sys.executable, "-c", script])}
        with pytest.raises(AssertionError, match="delivers not all records"):
            extraction.check(other, api)


def test_the_page_is_generated_from_the_saved_results() -> None:
    about, series = data.load(bench.DOCS / "performance.json")
    page = bench.DOCS / "performance.md"
    before = page.read_text()
    assert report.filled(before, about, Results(series)) == before


@pytest.mark.slow
def test_the_chart_is_reproducible(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        bench.draw(bench.DOCS / "performance.json", tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
