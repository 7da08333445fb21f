"""What `meltano run` leaves behind: every field loaded, everything marked, nothing twice."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from e2e.meltano.comparison import differences

if TYPE_CHECKING:
    from e2e.meltano.pipeline import MeltanoPipeline

pytestmark = pytest.mark.xdist_group("pipeline")

UNUSUAL: dict[str, Any] = {
    "total": Decimal("12345678901234.123456789"),
    "exchange_rate": Decimal("0.0000000000000000000001"),
    "comment": 'quotes ", \\ and tabs\t, 🧾 and \u2028',
    "meta": {"weight": Decimal("0.1"), "nested": [{"deep": [None, True, "ø"]}]},
}
NEW_FIELD = {"webshop": {"order": 77}, "gift": True}


def test_everything_is_loaded_once_and_digits_are_kept(
    pipeline: MeltanoPipeline,
) -> None:
    pipeline.sandbox.add(2, set=UNUSUAL)
    first = pipeline.run()
    assert first.exit_code == 0, first.stdout
    assert_loaded_as_sent(pipeline)
    assert_all_marked_once(pipeline)

    before = pipeline.table("invoices").keys()
    requests = len(pipeline.sandbox.log("mark-as-exported"))
    new = pipeline.sandbox.add(3, set=NEW_FIELD)  # after discovery: there is no column for it
    second = pipeline.run()
    assert second.exit_code == 0, second.stdout
    assert_loaded_as_sent(pipeline)
    assert_all_marked_once(pipeline)
    assert pipeline.table("invoices").keys() - before == set(new)
    assert len(pipeline.sandbox.log("mark-as-exported")) == requests + 1


def test_a_run_with_nothing_new_changes_nothing(pipeline: MeltanoPipeline) -> None:
    assert pipeline.run().exit_code == 0
    assert_the_notes_name_one_run_and_its_time(pipeline)
    before = pipeline.table("invoices"), pipeline.table("invoice_lines"), pipeline.sandbox.marks()
    assert pipeline.run().exit_code == 0
    assert (
        pipeline.table("invoices"),
        pipeline.table("invoice_lines"),
        pipeline.sandbox.marks(),
    ) == before


def assert_the_notes_name_one_run_and_its_time(pipeline: MeltanoPipeline) -> None:
    notes = {mark["note"] for mark in pipeline.sandbox.marks()}
    parts = [re.fullmatch(r"Loaded at (20\S+), run (\S+)", note) for note in notes]
    assert all(parts)
    assert len({part[2] for part in parts if part}) == 1


def assert_loaded_as_sent(pipeline: MeltanoPipeline) -> None:
    invoices, lines = pipeline.table("invoices"), pipeline.table("invoice_lines")
    sent = [invoice for invoice in pipeline.sandbox.invoices() if invoice["is_booked"]]
    assert invoices.keys() == {invoice["id"] for invoice in sent}
    assert lines.keys() == {each["id"] for invoice in sent for each in invoice["lines"]}
    for invoice in sent:
        for each in invoice.pop("lines"):
            assert not differences(each, lines[each["id"]])
        assert not differences(invoice, invoices[invoice["id"]])


def assert_all_marked_once(pipeline: MeltanoPipeline) -> None:
    marked = sorted(mark["invoice_id"] for mark in pipeline.sandbox.marks())
    assert marked == sorted(pipeline.table("invoices"))
    assert pipeline.api.pending() == 0
