"""Messages that a person can follow, and the SDK's metrics."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tap_invoices._shared.http import RequestStats
from tap_invoices.sync_counts import SyncCounts

if TYPE_CHECKING:
    from .conftest import Tap


def test_the_log_tells_what_is_asked_what_came_and_what_is_next(tap: Tap) -> None:
    first = tap.sync()
    assert "pending for system warehouse" in first.stderr
    lines = len(first.records("invoice_lines"))
    assert f"Delivered 12 invoices with {lines} lines; skipped 0" in first.stderr
    next_time = first.bookmark["replication_key_value"]
    assert f"The next run lists from {next_time}" in first.stderr
    second = tap.sync(state=first.state)
    assert (
        f"marked at or after {next_time.replace('T', ' ').removesuffix('Z')} UTC" in second.stderr
    )
    assert "Delivered 0 invoices with 0 lines; skipped 12" in second.stderr


def test_one_of_a_thing_is_told_in_the_singular() -> None:
    counts = SyncCounts(delivered=1, lines=1, stats=RequestStats(sent=1))
    assert counts.summary() == (
        "Delivered 1 invoice with 1 line; skipped 0 that the last run had delivered; "
        "0 cannot be delivered; 1 request, 0 of them retried."
    )


def test_records_are_counted_as_the_sdk_counts_them(tap: Tap) -> None:
    done = tap.sync()
    counted = {"invoices": 0, "invoice_lines": 0}
    for text in re.findall(r"METRIC: (\{.*\})", done.stderr):
        metric = json.loads(text)
        if metric["metric"] == "record_count":
            counted[metric["tags"]["stream"]] += metric["value"]
    assert counted == {stream: len(done.ids(stream)) for stream in counted}
    assert '"metric":"sync_duration"' in done.stderr.replace(" ", "")


def test_a_long_run_tells_how_far_it_is_and_how_fast(tap: Tap) -> None:
    """A page that takes longer than the pause between two such lines brings one."""
    tap.sandbox.fail({"kind": "latency", "seconds": 11, "on": "export", "skip": 4})
    done = tap.sync(page_size=4)
    assert re.search(r"\d+ invoices and \d+ lines so far, \d+ records a second", done.stderr)
