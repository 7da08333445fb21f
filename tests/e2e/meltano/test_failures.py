"""What `meltano run` leaves behind when a part of it fails: nothing marked that is not loaded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from e2e.meltano.pipeline import RUN

if TYPE_CHECKING:
    from demo.project import Meltano
    from e2e.meltano.pipeline import Line

pytestmark = pytest.mark.xdist_group("pipeline")

_WAIT_SECONDS = 60


def test_a_loader_that_cannot_reach_the_warehouse_marks_nothing(line: Line) -> None:
    ended = line.run(WAREHOUSE_PASSWORD="not this one")
    assert ended.exit_code
    assert not line.sandbox.marks()
    assert_the_next_run_makes_up_for_it(line)


def test_a_loader_that_fails_half_way_marks_nothing_that_is_not_loaded(line: Line) -> None:
    line.execute("CREATE SCHEMA invoices")
    line.execute("CREATE TABLE invoices.invoice_lines (id bigint PRIMARY KEY)")
    line.execute("ALTER TABLE invoices.invoice_lines ADD CONSTRAINT full_disk CHECK (id < 400)")
    ended = line.run(TARGET_POSTGRES_BATCH_SIZE_ROWS="10")
    assert ended.exit_code
    assert line.table("invoices")
    assert line.sandbox.marked() <= line.whole()
    assert line.api.pending() > 0
    line.execute("ALTER TABLE invoices.invoice_lines DROP CONSTRAINT full_disk")
    assert_the_next_run_makes_up_for_it(line)


def test_a_tap_that_the_api_stops_marks_nothing_that_is_not_loaded(line: Line) -> None:
    line.sandbox.fail({"kind": "status", "status": 403, "on": "export", "skip": 6, "times": None})
    ended = line.run(TAP_INVOICES_PAGE_SIZE="10")
    line.sandbox.heal()
    assert ended.exit_code
    assert set() < line.sandbox.marked() <= line.whole()
    assert line.api.pending() > 0
    assert_the_next_run_makes_up_for_it(line)


def test_a_killed_tap_marks_nothing_that_is_not_loaded(line: Line) -> None:
    line.sandbox.fail({"kind": "latency", "seconds": 0.5, "on": "export", "times": None})
    with line.project.start(*RUN, settings={"TAP_INVOICES_PAGE_SIZE": "10"}) as meltano:
        wait_for_page(line, "3")
        kill_the_tap(meltano)
        assert meltano.wait(_WAIT_SECONDS)
    line.sandbox.heal()
    assert set() < line.sandbox.marked() <= line.whole()
    assert line.api.pending() > 0
    assert_the_next_run_makes_up_for_it(line)


def wait_for_page(line: Line, page: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        if any(["page", page] in entry["query"] for entry in line.sandbox.log("export")):
            return
        time.sleep(0.05)
    pytest.fail(f"the tap never asked for page {page}")


def kill_the_tap(meltano: Meltano) -> None:
    taps = [
        process
        for process in psutil.Process(meltano.pid).children()
        if any(word.endswith("/tap-invoices") for word in process.cmdline())
    ]
    assert taps
    for tap in taps:
        tap.kill()


def assert_the_next_run_makes_up_for_it(line: Line) -> None:
    ended = line.run()
    assert ended.exit_code == 0, ended.stdout
    booked = {invoice["id"] for invoice in line.sandbox.invoices() if invoice["is_booked"]}
    assert line.sandbox.marked() == line.whole() == booked
    assert line.api.pending() == 0
