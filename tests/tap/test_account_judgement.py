"""The pure parts of `--check`: counting by few pages, and concluding from what came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_invoices._shared.response import RawInvoice
from tap_invoices.account_check.content_checks import lines_shape, time_format
from tap_invoices.account_check.counting import MAX_REQUESTS, Count, count_rows
from tap_invoices.account_check.facts import (
    LimitSeen,
    Use,
    created_at,
    is_sorted_by_creation,
    limit_use,
    start_use,
)
from tap_invoices.account_check.paging_checks import PageCost, recommend_page_size
from tap_invoices.account_check.probe import ListResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = st.one_of(st.integers(0, 2_000), st.integers(0, 10**6), st.integers(0, 10**9))


@given(rows=ROWS, size=st.integers(1, 250), slack=st.none() | st.integers(0, 10**9))
def test_any_list_is_counted_by_few_pages(rows: int, size: int, slack: int | None) -> None:
    """Whatever its size, and whether or not a number is known that it cannot exceed."""
    pages: list[int] = []

    def read_page(number: int) -> int:
        pages.append(number)
        return min(max(rows - number * size, 0), size)

    size = min(size, rows) or size
    at_most = None if slack is None else rows + slack
    counted = count_rows(min(rows, size), read_page, at_most=at_most)
    assert len(pages) == len({*pages}) <= MAX_REQUESTS
    assert 0 not in pages
    if counted.is_exact:
        assert counted.value == rows
    else:
        assert rows > 4_096 * size
        assert counted.value == pytest.approx(rows, rel=0.05)


def test_a_number_that_is_not_exact_says_so() -> None:
    assert str(Count(1_234, is_exact=False)) == "about 1,234"
    assert str(Count(1_234)) == "1,234"


@given(
    total=st.integers(0, 300),
    cap=st.none() | st.integers(1, 300),
    limits=st.lists(st.integers(1, 260), min_size=1, max_size=5),
)
def test_a_cap_is_found_or_nothing_is_claimed(
    total: int, cap: int | None, limits: Sequence[int]
) -> None:
    """A server that honours limits is never said to cap, and the other way round."""
    seen = [LimitSeen(each, min(each, cap or each, total), total) for each in limits]
    use = limit_use(seen)
    assert use.kind in {None, Use.HONOURED, Use.CAPPED}
    if use.kind == Use.CAPPED:
        assert use.cap == cap
    if cap is None and min(limits) < total:
        assert use.kind == Use.HONOURED
    if cap is not None and cap < min(max(limits), total):
        assert use.kind == Use.CAPPED


@given(returned=st.integers(1, 249))
def test_a_short_page_of_an_unknown_number_proves_nothing(returned: int) -> None:
    """It may be the last, or the server may cap."""
    filled = LimitSeen(1, 1, returned, is_exact=False)
    short = LimitSeen(250, returned, returned, is_exact=False)
    assert limit_use([filled, short]).kind is None


@given(total=st.integers(2, 300), limit=st.integers(1, 299))
def test_more_than_the_limit_means_that_it_is_ignored(total: int, limit: int) -> None:
    use = limit_use([LimitSeen(limit, total, total), LimitSeen(total, total, total)])
    assert use.kind == (Use.IGNORED if limit < total else None)


@given(ids=st.lists(st.integers(1, 10**6), unique=True, max_size=60))
def test_start_is_told_from_page(ids: list[int]) -> None:
    """One invoice does to see that the first is not repeated."""
    first, second = response(ids[:1]), response(ids[1:2])
    page = ids[:50]
    known = bool(ids)
    assert start_use([1, 1], response([1]), response([1])) is None  # a row is repeated
    assert start_use(page, second, first) == (Use.HONOURED if known else None)
    assert start_use(page, first, second) == (Use.PAGE_ONLY if known else None)
    assert start_use(page, first, first) == (Use.IGNORED if known else None)
    assert start_use(page, response(ids), response(ids)) == (Use.IGNORED if known else None)


@given(minutes=st.lists(st.integers(0, 50), max_size=120), way=st.sampled_from(["own", "back"]))
def test_an_order_that_is_there_anyway_is_no_sort(minutes: list[int], way: str) -> None:
    """A server that ignores the sort gives the same order twice, whichever that is."""
    own = sorted(minutes, reverse=way == "back")
    oldest, newest = created(sorted(minutes)[:50]), created(sorted(minutes)[::-1][:50])
    has_two = len({*sorted(minutes)[:50], *sorted(minutes)[::-1][:50]}) > 1
    assert is_sorted_by_creation(oldest, newest) is (True if has_two else None)
    for page, halves in ((oldest, (oldest, created([]))), (newest, (created([]), newest))):
        has_two = len({created_at(row) for row in page.rows}) > 1
        assert is_sorted_by_creation(*halves) is (False if has_two else None)
    ignored = created(own[:50])
    assert is_sorted_by_creation(ignored, ignored) is (False if len({*own[:50]}) > 1 else None)


@given(
    cost=st.builds(
        PageCost,
        invoices=st.integers(1, 250),
        size=st.integers(100, 10**8),
        seconds=st.floats(0, 300),
        latency=st.floats(0, 5),
    ),
    page_size=st.integers(0, 1_000),
    cap=st.none() | st.integers(1, 500),
)
def test_a_recommended_page_is_within_the_setting_and_the_cap(
    cost: PageCost, page_size: int, cap: int | None
) -> None:
    """It is small and quick too, unless even ten invoices are not."""
    recommended = recommend_page_size(cost, page_size, cap)
    assert 1 <= recommended <= max(page_size or 250, 10)
    assert recommended <= (cap or 1_000)
    if recommended > 10:
        assert recommended * cost.size / cost.invoices <= 4 << 20
        assert cost.latency + recommended * cost.seconds_each <= 10


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2026-11-23 10:00:00", "YYYY-MM-DD hh:mm:ss"),
        ("2026-11-23T10:00:00.000000Z", "YYYY-MM-DDThh:mm:ss.fZ"),
        ("2026-11-23T10:00:00+02:00", "YYYY-MM-DDThh:mm:ss+02:00"),
        ("2026-11-23", None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_the_form_of_a_time_holds_none_of_its_digits(text: str, form: str | None) -> None:
    assert time_format([text]) == form


@pytest.mark.parametrize(
    ("invoice", "shape"),
    [
        ({"lines": []}, "list"),
        ({"lines": {"1": {"id": 1}, "4": {"id": 2}}}, "object"),
        ({"lines": {"data": []}}, "other"),
        ({"lines": None}, "null"),
        ({"lines": "Array"}, "other"),
        ({}, "missing"),
    ],
)
def test_only_a_list_or_an_object_of_lines_holds_lines(invoice: dict[str, Any], shape: str) -> None:
    assert lines_shape(invoice) == shape


def response(ids: Sequence[int]) -> ListResponse:
    rows = [RawInvoice(each, msgspec.Raw(b"{}")) for each in ids]
    return ListResponse(rows, size=0, is_complete=True)


def created(minutes: Sequence[int]) -> ListResponse:
    rows = []
    for number, minute in enumerate(minutes):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        text = moment.strftime("%Y-%m-%d %H:%M:%S")
        raw = msgspec.json.encode({"id": number, "created_at": text})
        rows.append(RawInvoice(number, msgspec.Raw(raw)))
    return ListResponse(rows, size=0, is_complete=True)
