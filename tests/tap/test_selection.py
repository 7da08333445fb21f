"""Which streams, which columns, from which catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import deselect, entry, set_metadata

if TYPE_CHECKING:
    from .conftest import Tap

STREAMS = ("invoices", "invoice_lines")


@pytest.fixture
def catalog(tap: Tap) -> dict[str, Any]:
    found = tap.discover()
    tap.sandbox.clear_log()
    return found


@pytest.mark.parametrize("only", STREAMS)
def test_one_stream_alone_is_all_that_is_written(
    tap: Tap, catalog: dict[str, Any], only: str
) -> None:
    other = next(each for each in STREAMS if each != only)
    deselect(catalog, other)
    done = tap.sync(catalog=catalog, page_size=5)
    assert done.ids(only)
    assert {each["stream"] for each in done.messages if "stream" in each} == {only}
    assert len(done.states) == 4
    assert set(done.state["bookmarks"]) == set(STREAMS)


def test_lines_are_not_asked_for_when_they_are_not_wanted(
    tap: Tap, catalog: dict[str, Any]
) -> None:
    deselect(catalog, "invoice_lines")
    tap.sync(catalog=catalog)
    assert not any("includes[]" in query for query in tap.listings())


def test_nothing_selected_asks_for_nothing_and_keeps_the_state(
    tap: Tap, catalog: dict[str, Any]
) -> None:
    state = tap.sync(catalog=catalog).state
    tap.sandbox.clear_log()
    for stream in STREAMS:
        deselect(catalog, stream)
    assert tap.sync(catalog=catalog).messages == []
    assert tap.sync(catalog=catalog, state=state).states == [state]
    assert tap.listings() == []


def test_keys_and_what_a_target_relies_on_cannot_be_deselected(
    tap: Tap, catalog: dict[str, Any]
) -> None:
    for stream, columns in (("invoices", ("id", "non_booked")), ("invoice_lines", ("id",))):
        for column in columns:
            set_metadata(catalog, stream, "properties", column, inclusion="available")
            deselect(catalog, stream, column)
    deselect(catalog, "invoice_lines", "invoice_id")
    done = tap.sync(catalog=catalog)
    assert {"id", "non_booked"} <= set(done.records()[0])
    assert {"id", "invoice_id"} <= set(done.records("invoice_lines")[0])


def test_a_catalog_of_an_older_version_still_works(tap: Tap, catalog: dict[str, Any]) -> None:
    """It lacks columns that came later, the tap's own among them, and metadata for them."""
    for stream in STREAMS:
        old = entry(catalog, stream)
        for column in ("_extra", "non_booked", "total", "invoice_id"):
            old["schema"]["properties"].pop(column, None)
            crumb = ["properties", column]
            old["metadata"] = [each for each in old["metadata"] if each["breadcrumb"] != crumb]
    done = tap.sync(catalog=catalog, include_non_booked=True)
    held = {each["id"]: each for each in tap.sandbox.invoices()}
    for record in done.records():
        assert record["_extra"]["total"] == held[record["id"]]["total"]
        assert record["non_booked"] is not held[record["id"]]["is_booked"]
    assert all(each["invoice_id"] for each in done.records("invoice_lines"))
    schema = done.of_type("SCHEMA")[0]["schema"]["properties"]
    assert {"_extra", "non_booked"} <= set(schema)


def test_extra_can_be_deselected(tap: Tap, catalog: dict[str, Any]) -> None:
    deselect(catalog, "invoices", "_extra")
    tap.sandbox.change(1, new="value")
    done = tap.sync(catalog=catalog)
    assert "_extra" not in done.records()[0]
    assert "_extra" not in done.of_type("SCHEMA")[0]["schema"]["properties"]


@pytest.mark.parametrize("where", ["entry", "metadata"])
def test_full_table_delivers_what_is_pending_whatever_the_state_says(
    tap: Tap, catalog: dict[str, Any], where: str
) -> None:
    state = tap.sync(catalog=catalog).state
    tap.sandbox.mark([1, 2, 3])
    if where == "entry":
        entry(catalog)["replication_method"] = "FULL_TABLE"
    else:
        set_metadata(catalog, "invoices", **{"replication-method": "FULL_TABLE"})
    tap.sandbox.clear_log()
    done = tap.sync(catalog=catalog, state=state, start_date="2020-01-01", page_size=4)
    assert done.ids() == list(range(4, 13))
    assert not any("not_exported_since" in query for query in tap.listings())
    bookmarks = [each["bookmarks"]["invoices"] for each in done.states]
    assert len({each["sequence"] for each in bookmarks}) == len(bookmarks)
    assert bookmarks[-1].keys() == state["bookmarks"]["invoices"].keys()
