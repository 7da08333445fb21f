"""Whatever the server makes of `limit` and `start`: every invoice comes, none comes twice."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Shared


class Row(NamedTuple):
    id: int | None


class Page(NamedTuple):
    rows: list[Row]


@dataclass
class Server:
    """A list, and what a server makes of a request for a part of it.

    Args:
        ids: The list, in the server's order.
        paging: How it pages.
        cap: Rows that it sends at most where it caps them.
        moves: What happens to the list before a request, by the request's number.
    """

    ids: list[Any]
    paging: str = "honoured"
    cap: int = 7
    moves: dict[int, Any] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    pages: list[list[Any]] = field(default_factory=list)

    def fetch(self, request: Any) -> Page:
        self.requests.append(request)
        assert request.limit or not (request.start or request.page), "an offset without a limit"
        assert len(self.requests) < 3000, "no end"
        self.move(len(self.requests) - 1)
        if self.paging == "any order":
            random.Random(len(self.requests)).shuffle(self.ids)
        self.pages.append(self.part(request.limit, request.start, request.page))
        return Page([Row(each) for each in self.pages[-1]])

    def move(self, number: int) -> None:
        for is_removal, at, new in self.moves.get(number, ()):
            if is_removal and self.ids:
                del self.ids[at % len(self.ids)]
            elif not is_removal:
                self.ids.insert(at % (len(self.ids) + 1), new)

    def part(self, limit: int, start: int, page: int) -> list[Any]:
        everything = len(self.ids)
        limit = min(limit or everything, self.cap if "capped" in self.paging else everything)
        if "start ignored" in self.paging:
            start = page * limit
        match self.paging:
            case "all ignored":
                start, limit = 0, everything
            case "start and page ignored":
                start = 0
            case "limit ignored":
                limit = everything
            case "second page empty" if page == 1:
                limit = 0
            case "one response empty" if len(self.requests) == 3:
                limit = 0
        return self.ids[start : start + limit]

    def read(self, shared: Shared, page_size: int) -> list[Any]:
        pages = shared.pagination.iter_pages(self.fetch, page_size, shared.id_ranges.IdRanges())
        return [row.id for rows in pages for row in rows]


PAGINGS = [
    "honoured",
    "capped",
    "all ignored",
    "start and page ignored",
    "limit ignored",
    "start ignored",
    "start ignored, capped",
    "second page empty",
    "one response empty",
]
id_lists = st.lists(st.integers(1, 10**6), unique=True, max_size=60)
sizes = st.integers(0, 12)


@given(ids=id_lists, size=sizes)
@pytest.mark.parametrize("paging", PAGINGS)
def test_everything_comes_once(shared: Shared, paging: str, ids: list[int], size: int) -> None:
    server = Server(ids, paging)
    assert sorted(server.read(shared, size)) == sorted(ids)
    pages = len(ids) // (min(max(size, 2) if size else server.cap, server.cap) - 1) + 1
    assert len(server.requests) <= 4 * pages + 20


@pytest.mark.parametrize(("count", "size"), [(3, 2), (12, 4), (12, 2), (60, 8), (1000, 50)])
def test_everything_comes_in_an_order_that_changes(shared: Shared, count: int, size: int) -> None:
    """It is read until as many have come as the list has rows."""
    server = Server(list(range(count)), "any order")
    assert sorted(server.read(shared, size)) == list(range(count))


@given(
    ids=id_lists,
    size=sizes,
    repeats=st.lists(st.integers(1, 4), min_size=1),
    paging=st.sampled_from(["honoured", "capped"]),
)
def test_rows_that_are_repeated_come_once(
    shared: Shared, ids: list[int], size: int, repeats: list[int], paging: str
) -> None:
    """As a join does, with each invoice as often as it has something else."""
    rows = [each for at, each in enumerate(ids) for _ in range(repeats[at % len(repeats)])]
    assert sorted(Server(rows, paging).read(shared, size)) == sorted(ids)


@settings(max_examples=200)
@given(data=st.data(), size=st.integers(2, 8), count=st.integers(0, 40))
@pytest.mark.parametrize("paging", ["honoured", "capped"])
def test_what_stays_in_a_moving_list_comes(
    shared: Shared, paging: str, data: st.DataObject, size: int, count: int
) -> None:
    """Others leave it or join it between two requests, as marks are set and drafts booked."""
    move = st.tuples(st.booleans(), st.integers(0, 50), st.integers(1000, 10**6))
    moves = data.draw(st.dictionaries(st.integers(1, 25), st.lists(move, max_size=9), max_size=20))
    server = Server(list(range(count)), paging, cap=5, moves=moves)

    found = server.read(shared, size)

    # A list that has moved by just a page looks as if the server ignored offsets.
    assume(all(a != b or len(a) < 2 for a, b in pairwise(server.pages)))
    assert set(range(count)) & set(server.ids) <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("removed", [1, 5, 9, 10, 11, 30])
def test_a_list_that_shrinks_with_every_request(shared: Shared, removed: int) -> None:
    """As where what was read is marked at once: what is last in the list comes all the same."""
    ids = list(range(500))
    moves = {number: [(True, 0, 0)] * removed for number in range(1, 2000)}
    server = Server(ids, moves=moves)
    found = server.read(shared, 10)
    assert found[:10] == list(range(10))
    assert len(found) == len(set(found))
    assert set(server.ids) <= set(found)


def test_a_still_list_is_read_once(shared: Shared) -> None:
    server = Server(list(range(1000)))
    assert server.read(shared, 100) == list(range(1000))
    assert len(server.requests) == 1 + 10 + 1


@pytest.mark.parametrize(
    ("paging", "size", "requests"),
    [
        ("honoured", 0, 2),
        ("honoured", 20, 2),
        ("all ignored", 0, 2),
        ("all ignored", 20, 2),
        ("all ignored", 5, 1),
        ("limit ignored", 0, 2),
        ("limit ignored", 5, 1),
        ("start and page ignored", 0, 2),
        ("start and page ignored", 20, 2),
        ("start and page ignored", 5, 4),
        ("start ignored", 20, 8),
    ],
)
def test_a_still_list_costs_few_requests(
    shared: Shared, paging: str, size: int, requests: int
) -> None:
    server = Server(list(range(9)), paging)
    assert sorted(server.read(shared, size)) == list(range(9))
    assert len(server.requests) == requests


def test_an_empty_list_costs_one_request(shared: Shared) -> None:
    server = Server([])
    assert server.read(shared, 250) == []
    assert len(server.requests) == 1


def test_a_server_without_offsets_is_never_asked_for_everything(shared: Shared) -> None:
    """A request for everything may take more memory than the service has."""
    server = Server(list(range(1010)), "start ignored")
    assert sorted(server.read(shared, 100)) == list(range(1010))
    assert all(request.limit == 100 for request in server.requests)
    assert len(server.requests) <= 2 * (11 + 3)


def test_everything_at_once_is_checked_by_one_more_request(shared: Shared) -> None:
    server = Server(list(range(50)))
    assert server.read(shared, 0) == list(range(50))
    assert [(each.limit, each.start) for each in server.requests] == [(0, 0), (50, 49)]


def test_ids_that_were_read_before_do_not_come(shared: Shared) -> None:
    seen = shared.id_ranges.IdRanges([2, 3])
    pages = shared.pagination.iter_pages(Server([1, 2, 3, 4]).fetch, 2, seen)
    assert [[row.id for row in rows] for rows in pages] == [[1], [4]]
    assert list(seen) == [1, 2, 3, 4]


@pytest.mark.parametrize("paging", ["honoured", "capped", "limit ignored", "all ignored"])
@pytest.mark.parametrize("size", [0, 2, 3, 10])
def test_rows_without_an_id_come_once_too(shared: Shared, paging: str, size: int) -> None:
    """They are named to the user, as often as there are any."""
    ids = [None, 1, None, None, 2, 3, None, 4, None]
    found = Server(list(ids), paging, cap=4).read(shared, size)
    assert sorted(each for each in found if each) == [1, 2, 3, 4]
    assert found.count(None) >= 1


def test_a_list_that_never_stops_moving_is_given_up(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read at most twenty times; the next run lists what was missed."""
    moves = {number: [(True, 0, 0), (False, 19, 10**6 + number)] for number in range(1, 3000, 5)}
    server = Server(list(range(20)), moves=moves)
    server.read(shared, 5)
    assert "The list kept changing" in caplog.text


@pytest.mark.parametrize("limit", [5, 20])
def test_nothing_is_missed_where_the_order_changes_and_start_is_ignored(
    shared: Shared, limit: int
) -> None:
    """Bruno before 4.1.1 has `page` alone, and nothing promises an order."""
    for seed in range(20):
        choose = random.Random(seed)

        def fetch(request: Any, choose: random.Random = choose) -> Page:
            ids = choose.sample(range(60), 60)
            part = ids[request.page * request.limit :][: request.limit]
            return Page([Row(each) for each in part])

        pages = shared.pagination.iter_pages(fetch, limit, shared.id_ranges.IdRanges())
        assert sorted(row.id for rows in pages for row in rows) == list(range(60))
