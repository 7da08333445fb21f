"""T and the delivered ids, against a service that keeps to `not_exported_since`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from helpers.singer import merge_states
from tap_invoices._shared import times
from tap_invoices._shared.errors import StateError
from tap_invoices.bookmark import Bookmark, Progress

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECONDS = st.integers(0, 99).map(lambda hundredths: hundredths / 100)


def start(bookmark: Bookmark, replay: str | None = None) -> Progress:
    return Progress(bookmark, system_id="warehouse", has_lines=True, replay=replay)


class Service:
    """What the documentation promises: never marked, or marked at or after a time."""

    def __init__(self, began: datetime, *, whole_seconds: bool) -> None:
        self.now = began
        self.whole_seconds = whole_seconds
        self.marks: dict[int, datetime | None] = {}

    def mark(self, invoice: int) -> None:
        self.marks[invoice] = self.now.replace(microsecond=0) if self.whole_seconds else self.now

    def listed(self, since: datetime) -> list[int]:
        return [each for each, mark in self.marks.items() if mark is None or mark >= since]


class Deliveries(RuleBasedStateMachine):
    """Runs, cut off or whole; marks in time, late, lost, by others; any order of these."""

    unmarked = Bundle("unmarked")

    @initialize(fraction=SECONDS, whole_seconds=st.booleans())
    def begin(self, fraction: float, whole_seconds: bool) -> None:  # noqa: FBT001 - drawn
        began = START + timedelta(seconds=fraction)
        self.service = Service(began, whole_seconds=whole_seconds)
        self.state: dict[str, Any] = {}
        self.delivered: dict[int, list[int]] = {}
        self.run = 0
        self.sequences: list[int] = []
        self.troubled: set[int] = set()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.service.now += timedelta(seconds=seconds)

    @rule(count=st.integers(1, 5))
    def add(self, count: int) -> None:
        for _ in range(count):
            self.service.marks[len(self.service.marks) + 1] = None

    @rule(
        target=unmarked,
        pages=st.integers(1, 4),
        whole=st.booleans(),
        age=st.sampled_from([0.3, 0.9, 1.0]),
        lost=st.sets(st.integers(1, 40), max_size=3),
    )
    def sync(self, pages: int, whole: bool, age: float, lost: set[int]) -> Any:  # noqa: FBT001 - drawn
        """Run: T is the second after the listing where the program is no second old then."""
        self.run += 1
        self.time_passes(age)
        bookmark = Bookmark.from_state(self.state)
        began = self.service.now
        since = times.parse_time(bookmark.since) if bookmark.since else began.replace(microsecond=0)
        progress = start(bookmark, replay=bookmark.since if bookmark.is_replay else None)
        progress.next_since = times.format_bookmark(began + timedelta(seconds=1 if age < 1 else 0))
        self.listed = self.service.listed(since)
        cut = self.listed if whole else self.listed[: pages * 3]
        waiting = []
        for each in cut:
            self.time_passes(0.01)
            if not progress.should_deliver(each):
                continue
            self.delivered.setdefault(each, []).append(self.run)
            progress.record(each, lines=1, is_draft=False)
            if each in lost:
                self.troubled.add(each)
                waiting.append(each)
            else:
                self.service.mark(each)
        if whole:
            progress.complete()
        state = {"bookmarks": progress.bookmarks()}
        self.sequences.append(state["bookmarks"]["invoices"]["sequence"])
        self.state = merge_states(self.state, state)
        return multiple(*waiting)

    @rule(late=consumes(unmarked))
    def mark_late(self, late: int) -> None:
        self.service.mark(late)

    @rule(each=st.integers(1, 40))
    def marked_by_another_program(self, each: int) -> None:
        if each in self.delivered and each in self.service.marks:
            self.troubled.add(each)
            self.service.mark(each)

    @invariant()
    def an_invoice_without_trouble_is_delivered_once(self) -> None:
        for each, runs in self.delivered.items():
            assert each in self.troubled or len(runs) == 1, (each, runs)

    @invariant()
    def no_sequence_comes_twice(self) -> None:
        assert len(set(self.sequences)) == len(self.sequences)

    def teardown(self) -> None:
        """Whatever happened: two whole runs later nothing is pending that was not delivered.

        And the list does not grow: after those it is empty.
        """
        if not hasattr(self, "service"):
            return
        lost = {each for each, mark in self.service.marks.items() if mark is None}
        before = self.run
        for _ in range(2):
            self.sync(pages=1, whole=True, age=1.0, lost=set())
        assert all(max(self.delivered[each]) > before for each in lost)
        assert not [each for each, mark in self.service.marks.items() if mark is None]
        for _ in range(2):
            self.sync(pages=1, whole=True, age=1.0, lost=set())
        assert self.listed == []


TestDeliveries = Deliveries.TestCase
TestDeliveries = pytest.mark.slow(TestDeliveries)
TestDeliveries.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"bookmarks": {"invoice_lines": {}}}])
def test_without_a_bookmark_nothing_is_skipped(state: dict[str, Any]) -> None:
    assert Bookmark.from_state(state) == Bookmark()


def test_a_time_that_a_user_set_stands_alone_whatever_ids_survive_a_merge() -> None:
    progress = start(Bookmark())
    progress.next_since = "2026-11-23T10:00:00Z"
    progress.record(7, lines=2, is_draft=False)
    ran = {"bookmarks": progress.bookmarks()}
    assert 7 in Bookmark.from_state(ran).delivered
    replay = {"bookmarks": {"invoices": {"replication_key_value": "2026-01-01T00:00:00Z"}}}
    bookmark = Bookmark.from_state(merge_states(ran, replay))
    assert bookmark.since == "2026-01-01T00:00:00Z"
    assert 7 not in bookmark.delivered


@given(cuts=st.lists(st.integers(0, 9), max_size=6), marked=st.booleans(), by_hand=st.booleans())
def test_a_replay_that_is_cut_off_brings_everything_once_all_the_same(
    cuts: list[int],
    marked: bool,  # noqa: FBT001 - drawn
    by_hand: bool,  # noqa: FBT001 - drawn
) -> None:
    """Each run is cut off after so many invoices, the last one is not."""
    service = Service(START, whole_seconds=True)
    service.marks = dict.fromkeys(range(10), START - timedelta(days=1))
    beginning = "2026-11-01T00:00:00Z"
    ran = {"replication_key_value": START.isoformat(), "delivered": [START.isoformat(), "0..9"]}
    old = {"bookmarks": {"invoices": ran}} if by_hand else {}
    back = {"bookmarks": {"invoices": {"replication_key_value": beginning}}} if by_hand else {}
    state = merge_states(old, back)
    delivered: list[int] = []
    for cut in [*cuts, None]:
        service.now += timedelta(minutes=1)
        bookmark = Bookmark.from_state(state)
        since = bookmark.since or beginning
        replays = bookmark.is_replay or bookmark.since is None
        progress = start(bookmark, replay=since if replays else None)
        progress.next_since = times.format_bookmark(service.now)
        wanted = [
            each
            for each in service.listed(times.parse_time(since))
            if progress.should_deliver(each)
        ]
        for each in wanted[:cut]:
            delivered.append(each)
            progress.record(each, lines=0, is_draft=False)
            if marked:
                service.mark(each)
        if cut is None:
            progress.complete()
        state = merge_states(state, {"bookmarks": progress.bookmarks()})
    assert delivered == list(range(10))
    after = Bookmark.from_state(state)
    assert after.since == times.format_bookmark(service.now)
    assert not after.is_replay


def test_drafts_are_not_remembered() -> None:
    progress = start(Bookmark())
    progress.next_since = "2026-11-23T10:00:00Z"
    progress.record(7, lines=2, is_draft=True)
    assert 7 not in Bookmark.from_state({"bookmarks": progress.bookmarks()}).delivered


@given(st.booleans(), st.booleans())
def test_every_state_has_the_same_keys(full_table: bool, delivered: bool) -> None:  # noqa: FBT001 - drawn
    progress = start(Bookmark())
    progress.next_since = None if full_table else "2026-11-23T10:00:00Z"
    if delivered:
        progress.record(1, lines=0, is_draft=False)
    keys = {stream: set(each) for stream, each in progress.bookmarks().items()}
    assert keys == {
        "invoices": {
            "replication_key_value",
            "sequence",
            "delivered",
            "replay",
            "system_id",
            "has_lines",
        },
        "invoice_lines": {"replication_key_value", "sequence"},
    }


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"bookmarks": {"users": {"id": 1}}}, "users"),
        ({"bookmarks": {"invoices": {"replication_key_value": "soon"}}}, "soon"),
        ({"bookmarks": {"invoices": {"replication_key_value": 5}}}, "5"),
        (
            {
                "bookmarks": {
                    "invoices": {
                        "replication_key_value": "2026-01-01T00:00:00Z",
                        "delivered": ["2026-01-01T00:00:00Z", "5..1"],
                    },
                },
            },
            "delivered",
        ),
        (
            {
                "bookmarks": {
                    "invoices": {"replication_key_value": "2026-01-01", "delivered": {"a": 1}},
                },
            },
            "delivered",
        ),
        ({"bookmarks": {"invoices": {"sequence": "x"}}}, "sequence"),
        ({"bookmarks": {"invoices": "2026-01-01"}}, "invoices"),
        ({"bookmarks": {"invoices": {}, "invoice_lines": []}}, "invoice_lines"),
        ({"bookmarks": ["invoices"]}, "bookmarks"),
        ({"users": "2026-01-01"}, "users"),
        (
            {"bookmarks": {"invoices": {"replication_key_value": "0001-01-01T00:00:00+01:00"}}},
            "0001",
        ),
    ],
)
def test_a_state_that_is_not_ours_is_refused_by_name(state: dict[str, Any], word: str) -> None:
    with pytest.raises(StateError, match=word):
        Bookmark.from_state(state)


def test_a_state_is_due_after_every_page_however_small_while_its_ids_are_few() -> None:
    progress = start(Bookmark())
    for each in range(500):
        progress.record(each * 7, lines=0, is_draft=False)
        assert progress.should_emit()
        progress.bookmarks()


def test_scattered_ids_do_not_make_the_states_quadratic() -> None:
    progress = start(Bookmark())
    progress.next_since = "2026-11-23T10:00:00Z"
    written = 0
    for page in range(400):
        for each in range(250):
            progress.record((page * 250 + each) * 3, lines=0, is_draft=False)
        if progress.should_emit():
            written += progress.delivered.range_count
            progress.bookmarks()
    assert written < 20 * 400 * 250
