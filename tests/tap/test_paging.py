"""Whatever the server makes of `limit` and `start`: all there, none twice, an end."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_invoices.answers import Invoice
from tap_invoices.paging import pages
from tap_invoices.ranges import IdRanges

if TYPE_CHECKING:
    from tap_invoices.client import Window


class Server:
    """A list, and one of the ways in which a server may page it."""

    def __init__(self, ids: list[int], way: str, *, cap: int = 7) -> None:
        self.ids = [each for each in ids for _ in range(2 if way == "repeats" else 1)]
        self.way = way
        self.cap = cap
        self.asked: list[Window] = []

    def fetch(self, window: Window) -> list[Invoice]:
        self.asked.append(window)
        assert len(self.asked) < 500, "no end"
        return [Invoice(each, msgspec.Raw(b"{}")) for each in self.answer(window)]

    def answer(self, window: Window) -> list[int]:
        start, limit = window.start, window.limit or len(self.ids)
        match self.way:
            case "ignored":
                return self.ids
            case "capped":
                limit = min(limit, self.cap)
            case "page only":
                start = window.page * limit
            case "empty in the middle" if len(self.asked) == 3:
                return []
            case "a page always empty" if window.page == 1 and window.limit:
                return []
            case "any order":
                return random.Random(len(self.asked)).sample(self.ids, len(self.ids))[:limit]
            case _:
                pass
        return self.ids[start : start + limit]


WAYS = [
    "honoured",
    "capped",
    "ignored",
    "page only",
    "empty in the middle",
    "a page always empty",
    "any order",
    "repeats",
]


@settings(max_examples=60, deadline=None)
@given(ids=st.sets(st.integers(1, 300), max_size=60), size=st.integers(0, 12))
@pytest.mark.parametrize("way", WAYS)
def test_everything_comes_once(way: str, ids: set[int], size: int) -> None:
    server = Server(sorted(ids, key=lambda each: each * 7919 % 301), way)
    got = [each.id for page in pages(server.fetch, size, IdRanges()) for each in page]
    assert sorted(got) == sorted(ids)


def test_an_empty_list_costs_one_request() -> None:
    server = Server([], "honoured")
    assert list(pages(server.fetch, 250, IdRanges())) == []
    assert len(server.asked) == 1


def test_a_still_list_without_overlaps_is_read_twice_and_never_in_one() -> None:
    server = Server(list(range(1010)), "page only")
    assert sum(len(page) for page in pages(server.fetch, 100, IdRanges())) == 1010
    assert len(server.asked) <= 2 * 13
    assert all(window.limit for window in server.asked)


def test_without_a_page_size_no_limit_is_ever_sent() -> None:
    server = Server(list(range(50)), "capped")
    assert sum(len(page) for page in pages(server.fetch, 0, IdRanges())) == 50
    assert not any(window.limit for window in server.asked)


def test_a_still_list_is_read_once() -> None:
    server = Server(list(range(1000)), "honoured")
    assert sum(len(page) for page in pages(server.fetch, 100, IdRanges())) == 1000
    assert len(server.asked) <= 1000 // 99 + 2


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_invoices_that_stay_in_a_moving_list_all_come(data: st.DataObject) -> None:
    """Others leave or join between two requests; those that are there throughout come."""
    server = Server(list(range(0, 60, 2)), "honoured")
    always = set(server.ids)
    moves = data.draw(
        st.dictionaries(st.integers(1, 12), st.tuples(st.booleans(), st.integers(0, 60))),
    )

    def fetch(window: Window) -> list[Invoice]:
        leave, each = moves.get(len(server.asked), (False, -1))
        if each >= 0 and leave and each in server.ids:
            server.ids.remove(each)
            always.discard(each)
        elif each >= 0 and each not in server.ids:
            server.ids.insert(each % (len(server.ids) + 1), each + 1000)
        return server.fetch(window)

    got = [each.id for page in pages(fetch, 6, IdRanges()) for each in page]
    assert len(got) == len(set(got))
    assert always <= set(got)
