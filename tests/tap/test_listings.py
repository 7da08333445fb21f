"""Whatever the service makes of paging and order: all there, none twice, an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import entry

if TYPE_CHECKING:
    from .conftest import Tap

PAGINGS: list[Any] = ["honoured", "ignored", "page only", {"capped": 5}]


@pytest.mark.parametrize("paging", PAGINGS, ids=str)
@pytest.mark.parametrize("page_size", [0, 4])
def test_every_invoice_comes_once(tap: Tap, paging: Any, page_size: int) -> None:
    tap.sandbox.behave(paging=paging, order="shuffled")
    tap.sandbox.add(10)
    done = tap.sync(page_size=page_size)
    assert sorted(done.ids()) == [*range(1, 13), *range(15, 25)]
    listings = tap.listings()[2:]  # after a sample and the clock, which have limits of their own
    assert "limit" in listings[0] or page_size == 0
    assert all(int(query["limit"]) <= (page_size or 100) for query in listings if "limit" in query)
    assert not [query for query in listings if "start" in query and "limit" not in query]


@pytest.mark.parametrize("empty_page", [1, 2])
def test_a_page_that_is_empty_in_the_middle_is_no_end(tap: Tap, empty_page: int) -> None:
    tap.sandbox.behave(empty_page=empty_page)
    assert sorted(tap.sync(page_size=4).ids()) == list(range(1, 13))


def test_an_order_that_changes_with_every_request(tap: Tap) -> None:
    tap.sandbox.behave(order="random")
    assert sorted(tap.sync(page_size=4).ids()) == list(range(1, 13))


def test_a_compressed_list(tap: Tap) -> None:
    tap.sandbox.behave(gzip=True)
    assert tap.sync(page_size=4).ids() == list(range(1, 13))


def test_a_list_that_grows_while_it_is_read(tap: Tap) -> None:
    """What others book meanwhile comes now or next, and never twice."""
    for request in range(1, 7):
        tap.sandbox.during_export(request, {"do": "add", "count": 3})
    tap.sandbox.behave(order="shuffled")
    first = tap.sync(page_size=3)
    second = tap.sync(page_size=3, state=first.state)
    every = [each["id"] for each in tap.sandbox.invoices() if each["is_booked"]]
    assert sorted(first.ids() + second.ids()) == every


def test_a_list_that_shrinks_while_it_is_read(tap: Tap) -> None:
    """A full-table run has no fixed time: what is marked meanwhile leaves its list."""
    catalog = tap.discover()
    entry(catalog)["replication_method"] = "FULL_TABLE"
    tap.sandbox.behave(paging={"capped": 3})
    for request in range(1, 5):
        marked = {"do": "mark", "ids": [2 * request - 1, 2 * request], "system_id": "warehouse"}
        tap.sandbox.during_export(request, marked)
    ids = tap.sync(catalog=catalog, page_size=3).ids()
    assert len(ids) == len(set(ids))
    assert set(ids) >= set(range(9, 13))
    assert tap.sync(catalog=catalog).ids() == list(range(9, 13))


def test_an_empty_list_costs_one_request_and_moves_the_bookmark_on(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.mark(range(1, 13), at=1_000_000.0)
    tap.sandbox.clear_log()
    done = tap.sync(catalog=catalog, start_date="2020-01-01")
    assert done.ids() == []
    assert done.bookmark["replication_key_value"] > "2026"
    assert len(tap.listings()) == 1


def test_never_a_request_an_invoice(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.add(1000)
    tap.sandbox.clear_log()
    done = tap.sync(catalog=catalog)
    assert len(done.ids()) == 1012
    assert len(tap.listings()) <= 1012 // 249 + 4


def test_one_fixed_time_from_the_first_page_to_the_last(tap: Tap) -> None:
    catalog = tap.discover()
    state = tap.sync(catalog=catalog, page_size=4).state
    times = {query["not_exported_since"] for query in tap.listings() if "start" in query}
    assert len(times) == 1
    tap.sandbox.clear_log()
    tap.sync(catalog=catalog, page_size=4, state=state)
    fixed = state["bookmarks"]["invoices"]["replication_key_value"]
    assert {query["not_exported_since"] for query in tap.listings()} == {
        fixed.replace("T", " ").removesuffix("Z")
    }
