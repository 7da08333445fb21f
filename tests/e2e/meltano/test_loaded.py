"""What `meltano run` leaves behind: every field loaded, everything marked, nothing twice."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from e2e.meltano.comparison import differences

if TYPE_CHECKING:
    from e2e.meltano.pipeline import Line

pytestmark = pytest.mark.xdist_group("pipeline")

UNUSUAL: dict[str, Any] = {
    "total": Decimal("12345678901234.123456789"),
    "exchange_rate": Decimal("0.0000000000000000000001"),
    "comment": 'quotes ", \\ and tabs\t, 🧾 and \u2028',
    "meta": {"weight": Decimal("0.1"), "nested": [{"deep": [None, True, "ø"]}]},
}
NEW_FIELD = {"webshop": {"order": 77}, "gift": True}


def test_every_field_and_digit_is_loaded_and_a_second_run_delivers_only_what_is_new(
    line: Line,
) -> None:
    line.sandbox.add(2, set=UNUSUAL)
    first = line.run()
    assert first.exit_code == 0, first.stdout
    assert_loaded_as_sent(line)
    assert_all_marked_once(line)

    before = line.table("invoices").keys()
    requests = len(line.sandbox.log("mark-as-exported"))
    new = line.sandbox.add(3, set=NEW_FIELD)  # after discovery: there is no column for it
    second = line.run()
    assert second.exit_code == 0, second.stdout
    assert_loaded_as_sent(line)
    assert_all_marked_once(line)
    assert line.table("invoices").keys() - before == set(new)
    assert len(line.sandbox.log("mark-as-exported")) == requests + 1


def test_a_run_without_anything_new_changes_nothing(line: Line) -> None:
    assert line.run().exit_code == 0
    assert_the_notes_name_one_run_and_its_time(line)
    before = line.table("invoices"), line.table("invoice_lines"), line.sandbox.marks()
    assert line.run().exit_code == 0
    assert (line.table("invoices"), line.table("invoice_lines"), line.sandbox.marks()) == before


def assert_the_notes_name_one_run_and_its_time(line: Line) -> None:
    notes = {mark["note"] for mark in line.sandbox.marks()}
    parts = [re.fullmatch(r"Loaded at (20\S+), run (\S+)", note) for note in notes]
    assert all(parts)
    assert len({part[2] for part in parts if part}) == 1


def assert_loaded_as_sent(line: Line) -> None:
    invoices, lines = line.table("invoices"), line.table("invoice_lines")
    sent = [invoice for invoice in line.sandbox.invoices() if invoice["is_booked"]]
    assert invoices.keys() == {invoice["id"] for invoice in sent}
    assert lines.keys() == {each["id"] for invoice in sent for each in invoice["lines"]}
    for invoice in sent:
        for each in invoice.pop("lines"):
            assert not differences(each, lines[each["id"]])
        assert not differences(invoice, invoices[invoice["id"]])


def assert_all_marked_once(line: Line) -> None:
    marked = sorted(mark["invoice_id"] for mark in line.sandbox.marks())
    assert marked == sorted(line.table("invoices"))
    assert line.api.pending() == 0
