"""What `meltano run` leaves behind when a part of it fails: nothing marked that is not loaded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from e2e.meltano.pipeline import RUN

if TYPE_CHECKING:
    from demo.project import Meltano
    from e2e.meltano.pipeline import MeltanoPipeline

pytestmark = pytest.mark.xdist_group("pipeline")

_WAIT_SECONDS = 60


def test_a_loader_without_its_warehouse_marks_nothing(pipeline: MeltanoPipeline) -> None:
    pipeline.sandbox.add(100, set={"comment": "x" * 5000})  # more than the pipes hold
    ended = pipeline.run(WAREHOUSE_PASSWORD="not this one")
    assert ended.exit_code
    assert not pipeline.sandbox.marks()
    assert_the_reason_comes_last(ended.stdout)
    assert_the_next_run_makes_up_for_it(pipeline)


def test_a_loader_that_fails_midway_marks_only_loaded_invoices(pipeline: MeltanoPipeline) -> None:
    pipeline.execute("CREATE SCHEMA invoices")
    pipeline.execute("CREATE TABLE invoices.invoice_lines (id bigint PRIMARY KEY)")
    pipeline.execute("ALTER TABLE invoices.invoice_lines ADD CONSTRAINT full_disk CHECK (id < 400)")
    ended = pipeline.run(TARGET_POSTGRES_BATCH_SIZE_ROWS="10")
    assert ended.exit_code
    assert pipeline.table("invoices")
    assert pipeline.sandbox.marked() <= pipeline.whole()
    assert pipeline.api.pending() > 0
    pipeline.execute("ALTER TABLE invoices.invoice_lines DROP CONSTRAINT full_disk")
    assert_the_next_run_makes_up_for_it(pipeline)


def test_a_tap_that_fails_midway_marks_only_loaded_invoices(pipeline: MeltanoPipeline) -> None:
    pipeline.sandbox.fail(
        {"kind": "status", "status": 403, "on": "export", "skip": 6, "times": None}
    )
    ended = pipeline.run(TAP_INVOICES_PAGE_SIZE="10")
    pipeline.sandbox.heal()
    assert ended.exit_code
    assert set() < pipeline.sandbox.marked() <= pipeline.whole()
    assert pipeline.api.pending() > 0
    assert_the_next_run_makes_up_for_it(pipeline)


def test_a_killed_tap_marks_only_loaded_invoices(pipeline: MeltanoPipeline) -> None:
    pipeline.sandbox.fail({"kind": "latency", "seconds": 0.5, "on": "export", "times": None})
    with pipeline.project.start(*RUN, settings={"TAP_INVOICES_PAGE_SIZE": "10"}) as meltano:
        wait_for_page(pipeline, "3")
        kill_the_tap(meltano)
        assert meltano.wait(_WAIT_SECONDS)
    pipeline.sandbox.heal()
    assert set() < pipeline.sandbox.marked() <= pipeline.whole()
    assert pipeline.api.pending() > 0
    assert_the_next_run_makes_up_for_it(pipeline)


def assert_the_reason_comes_last(stdout: str) -> None:
    """Only what Meltano itself says of the run comes after it."""
    assert "Traceback" not in stdout
    assert "target-invoices-ack target-postgres v" in stdout  # not wrapped in a second log line
    *_, error, summary = (line for line in stdout.splitlines() if " target-invoices-ack " in line)
    assert "password authentication failed" in error
    assert "Received" in summary
    assert stdout.partition(summary)[2].count("\n") < 5


def wait_for_page(pipeline: MeltanoPipeline, page: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        if any(["page", page] in entry["query"] for entry in pipeline.sandbox.log("export")):
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


def assert_the_next_run_makes_up_for_it(pipeline: MeltanoPipeline) -> None:
    ended = pipeline.run()
    assert ended.exit_code == 0, ended.stdout
    booked = {invoice["id"] for invoice in pipeline.sandbox.invoices() if invoice["is_booked"]}
    assert pipeline.sandbox.marked() == pipeline.whole() == booked
    assert pipeline.api.pending() == 0
