"""What a loader's STATE confirms, held against a loader that knows what it has written."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from target_invoices_ack.confirm import Confirmed, Ledger, States

INVOICES, LINES, OTHER = STREAMS = ("invoices", "invoice_lines", "orders")


def encode(bookmarks: dict[str, Any]) -> bytes:
    return json.dumps({"bookmarks": bookmarks}).encode()


class LoaderAndTap(RuleBasedStateMachine):
    """A tap that sends what it likes, and a loader that writes it in its own time.

    The loader never lies: it prints a stream's bookmark only when it has written all of
    that stream's records before the STATE from which it takes the bookmark. Apart from
    that it prints what it likes, as often as it likes. The tap may let a bookmark stay
    while records pass, or set it back.
    """

    @initialize(
        streams=st.sampled_from([{INVOICES}, {INVOICES, LINES}, {INVOICES, OTHER}, {*STREAMS}]),
        renamed=st.booleans(),
        early_schemas=st.booleans(),
    )
    def begin(self, streams: set[str], *, renamed: bool, early_schemas: bool) -> None:
        """Choose the selected streams, and whether a stream map renames the lines."""
        self.ledger = Ledger()
        self.name = {each: each for each in STREAMS} | ({LINES: "renamed"} if renamed else {})
        self.selected = streams
        self.records: dict[str, list[int]] = {each: [] for each in STREAMS}  # invoice ids
        self.written = dict.fromkeys(STREAMS, 0)
        self.states: list[tuple[dict[str, int], dict[str, int], int]] = []
        self.invoices: list[int] = []  # as they came
        self.confirmed: list[int] = []
        self.printed = 0
        self.bookmarks: dict[str, list[int]] = {each: [] for each in STREAMS}
        self.proven = dict.fromkeys(STREAMS, 0)
        self.told: set[str] = set()
        if early_schemas:
            for stream in streams:
                self.tell(stream)

    def tell(self, stream: str) -> None:
        self.ledger.schema(self.name[stream])
        self.told.add(stream)

    def send(self, stream: str, invoice_id: int) -> None:
        if stream not in self.selected:
            return
        if stream not in self.told:
            self.tell(stream)
        self.records[stream].append(invoice_id)

    @rule(invoice_id=st.integers(1, 12), lines=st.integers(0, 2))
    def invoice(self, invoice_id: int, lines: int) -> None:
        self.send(INVOICES, invoice_id)
        self.ledger.invoice(invoice_id)
        self.invoices.append(invoice_id)
        for _ in range(lines):
            self.send(LINES, invoice_id)

    @rule()
    def order(self) -> None:
        self.send(OTHER, 0)

    @rule(
        moves=st.fixed_dictionaries(
            {each: st.sampled_from(["on", "stays", "back"]) for each in STREAMS}
        ),
        keys=st.sets(st.sampled_from(STREAMS)) | st.just(set[str]()),
    )
    def state(self, moves: dict[str, str], keys: set[str]) -> None:
        """Every selected stream has a bookmark; one that is not may have one of old."""
        had = self.states[-1][0].keys() if self.states else set()
        now = {key: self.bookmark(key, moves[key]) for key in sorted(self.selected | keys | had)}
        needs = {stream: len(records) for stream, records in self.records.items()}
        self.states.append((now, needs, len(self.invoices)))
        self.ledger.sent(encode(now))

    def bookmark(self, key: str, move: str) -> int:
        past = self.bookmarks[key]
        if move == "on" or not past:
            past.append(max(past, default=0) + 1)
        else:
            past.append(past[-1] if move == "stays" else past[len(past) // 2])
        return past[-1]

    @rule(stream=st.sampled_from(STREAMS), share=st.floats(0, 1))
    def flush(self, stream: str, share: float) -> None:
        left = len(self.records[stream]) - self.written[stream]
        self.written[stream] += round(left * share)

    def is_written(self, number: int, streams: tuple[str, ...] = STREAMS) -> bool:
        needs = self.states[number - 1][1]
        return all(self.written[each] >= needs[each] for each in streams)

    @precondition(lambda self: self.states)
    @rule(lag=st.integers(0, 2))
    def print_whole(self, lag: int) -> None:
        """Print the newest STATE of which everything is written, or an older one."""
        whole = [n for n in range(1, len(self.states) + 1) if self.is_written(n)]
        for number in whole[-1 - lag :][:1]:
            self.hear(self.states[number - 1][0])

    @precondition(lambda self: self.states)
    @rule(data=st.data(), omitted=st.sets(st.sampled_from(STREAMS)))
    def print_merged(self, data: st.DataObject, omitted: set[str]) -> None:
        """Print of each stream how far it has come, or less."""
        merged = {}
        for key in self.states[-1][0]:
            # A renamed stream has no bookmark that the loader could know for its own.
            own = (key,) if self.name[key] == key else STREAMS
            proven = [
                n
                for n in range(1, len(self.states) + 1)
                if key in self.states[n - 1][0] and self.is_written(n, own)
            ]
            if proven and key not in omitted:
                merged[key] = self.states[data.draw(st.sampled_from(proven)) - 1][0][key]
        self.hear(merged)

    @rule(bookmarks=st.sampled_from([{}, {INVOICES: 999}, {INVOICES: None}, {"customers": 1}]))
    def print_what_the_tap_never_sent(self, bookmarks: dict[str, Any]) -> None:
        assert self.ledger.heard(encode(bookmarks)) is None

    def hear(self, bookmarks: dict[str, int]) -> None:
        confirmed = self.ledger.heard(encode(bookmarks))
        if not bookmarks:
            assert confirmed is None
            return
        assert confirmed is not None
        self.check(confirmed)
        for key, bookmark in bookmarks.items():
            first = next(
                n for n, (was, _, _) in enumerate(self.states, 1) if was.get(key) == bookmark
            )
            self.proven[key] = max(self.proven[key], first)
        self.check_nothing_is_late(min(self.proven[key] for key in self.states[-1][0]))

    def check(self, confirmed: Confirmed) -> None:
        self.check_nothing_is_early(confirmed)
        self.confirmed += confirmed.ids
        assert len(set(self.confirmed)) == len(self.confirmed)
        if confirmed.state is not None:
            self.check_state(confirmed.state)

    def check_nothing_is_early(self, confirmed: Confirmed) -> None:
        """Everything of an invoice that came before the next STATE is written."""
        for invoice_id in confirmed.ids:
            last = len(self.invoices) - 1 - self.invoices[::-1].index(invoice_id)
            followed = [n for n, (_, _, count) in enumerate(self.states, 1) if count > last]
            assert followed
            for stream in STREAMS:
                needs = self.states[followed[0] - 1][1][stream]
                assert invoice_id not in self.records[stream][self.written[stream] : needs]

    def check_state(self, state: bytes) -> None:
        """It is one of the tap's, no older one, and all before it is confirmed."""
        value = json.loads(state)["bookmarks"]
        numbers = [n for n, (was, _, _) in enumerate(self.states, 1) if was == value]
        number = next(n for n in numbers if n >= self.printed)
        assert set(self.invoices[: self.states[number - 1][2]]) <= set(self.confirmed)
        self.printed = number

    def check_nothing_is_late(self, number: int) -> None:
        count = self.states[number - 1][2] if number else 0
        coming_again = set(self.invoices[count:])
        assert set(self.invoices[:count]) - coming_again <= set(self.confirmed)

    def teardown(self) -> None:
        """The loader writes all that is left, and exits with 0."""
        if not hasattr(self, "ledger") or not self.states:
            return
        self.written = {stream: len(records) for stream, records in self.records.items()}
        confirmed = self.ledger.ended()
        self.check(confirmed)
        self.check_nothing_is_late(len(self.states))
        tail = set(self.invoices[self.states[-1][2] :])
        before = set(self.invoices[: self.states[-1][2]]) & tail - set(self.confirmed)
        assert self.ledger.waiting == len(tail - set(self.confirmed))
        assert self.ledger.received == len(set(self.invoices))
        if not before:
            last = self.states[-1][0]
            assert self.states[self.printed - 1][0] == last if self.printed else not last


TestLoaderAndTap = LoaderAndTap.TestCase
TestLoaderAndTap.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def sent(*said: object) -> Ledger:
    """Return a ledger after what a tap said: ids, names of streams, and bookmarks."""
    ledger = Ledger()
    for each in said:
        match each:
            case int():
                ledger.invoice(each)
            case str():
                ledger.schema(each)
            case dict():
                ledger.sent(encode(each))
    return ledger


def heard(ledger: Ledger, **bookmarks: object) -> tuple[list[int], Any]:
    """Return what a loader's STATE confirms: ids, and the bookmarks of the STATE to print."""
    confirmed = ledger.heard(encode(bookmarks))
    assert confirmed is not None
    state = json.loads(confirmed.state)["bookmarks"] if confirmed.state else None
    return list(confirmed.ids), state


def test_an_invoice_counts_only_when_every_streams_bookmark_has_passed_it() -> None:
    ledger = sent("a", "b", 1, {"a": 1, "b": 1}, 2, {"a": 2, "b": 2}, 3, {"a": 3, "b": 3})

    assert heard(ledger, a=3, b=1) == ([1], {"a": 1, "b": 1})
    assert heard(ledger, a=3, b=2) == ([2], {"a": 2, "b": 2})
    assert heard(ledger, a=1, b=3) == ([3], {"a": 3, "b": 3})


def test_an_invoice_whose_lines_are_in_a_later_state_waits_for_that() -> None:
    ledger = sent("a", "b", {"a": 0, "b": 0}, 1, {"a": 1, "b": 0}, {"a": 1, "b": 1})

    assert heard(ledger, a=1, b=0) == ([], {"a": 0, "b": 0})
    assert heard(ledger, a=1, b=1) == ([1], {"a": 1, "b": 0})


def test_a_deselected_stream_with_a_bookmark_of_old_holds_nothing_up() -> None:
    ledger = sent("a", 1, {"a": 1, "b": 7}, 2, {"a": 2, "b": 7})

    assert heard(ledger, a=2, b=7) == ([1, 2], {"a": 2, "b": 7})


def test_no_state_is_printed_past_an_invoice_that_came_again_and_waits() -> None:
    """It is confirmed with its last coming, and the first STATE claims it too."""
    ledger = sent("a", 1, 2, {"a": 1}, 3, 1, {"a": 2}, 4, {"a": 3})

    assert heard(ledger, a=1) == ([2], None)
    assert heard(ledger, a=2) == ([3, 1], {"a": 2})
    assert heard(ledger, a=3) == ([4], {"a": 3})


def test_an_invoice_that_comes_again_after_it_was_confirmed_is_not_marked_again() -> None:
    ledger = sent("a", 1, {"a": 1})
    assert heard(ledger, a=1) == ([1], {"a": 1})

    ledger.invoice(1)
    ledger.sent(encode({"a": 2}))

    assert heard(ledger, a=2) == ([], {"a": 2})
    assert ledger.received == 1


def test_a_state_without_bookmarks_is_one_bookmark() -> None:
    ledger = Ledger()
    ledger.invoice(1)
    ledger.sent(b'{"invoices": 4, "more": [1.0, {"x": "y"}]}')

    assert ledger.heard(b'{"more": 3}') is None
    confirmed = ledger.heard(b'{ "more" : [1.0,{"x":"y"}], "invoices":4}')
    assert confirmed is not None
    assert list(confirmed.ids) == [1]


MANY = 1_000_000
PAGE = 250


def test_a_million_waiting_invoices_take_a_few_dozen_bytes_each() -> None:
    """Measured, from the first one to the confirmation of all."""
    ledger = Ledger()
    ledger.schema("a")
    tracemalloc.start()
    for first in range(0, MANY, PAGE):
        for number in range(first, first + PAGE):
            ledger.invoice(number * 7)
        ledger.sent(encode({"a": first}))
    waiting, _ = tracemalloc.get_traced_memory()
    confirmed = ledger.ended()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(confirmed.ids) == MANY
    assert waiting < 24 * MANY
    assert peak < 48 * MANY


def test_of_too_many_states_to_keep_every_other_one_goes_and_the_newest_stays() -> None:
    states = States(most=1000)
    for number in range(1, 501):
        states.add(number, b"%020d" % number)

    assert states.take(0) is None
    some = states.take(400)
    assert some is not None
    assert 300 < int(some) <= 400
    assert states.take(400) is None
    assert states.take(500) == b"%020d" % 500


def test_a_bookmark_that_comes_back_proves_only_its_first_place() -> None:
    ledger = sent("a", 1, {"a": 1}, 2, {"a": 2}, 3, {"a": 1})

    assert heard(ledger, a=1) == ([1], {"a": 1})
    assert heard(ledger, a=2) == ([2], {"a": 2})
    assert heard(ledger, a=1) == ([], None)


def test_a_stream_whose_first_bookmark_comes_late_is_not_taken_for_loaded() -> None:
    ledger = sent("a", "b", 1, {"a": 1}, 2, {"a": 2, "b": 1})

    assert heard(ledger, a=2) == ([], None)
    assert heard(ledger, b=1) == ([1, 2], {"a": 2, "b": 1})


def test_a_stream_that_a_map_has_renamed_may_be_any_that_has_a_bookmark() -> None:
    """A bookmark that stays proves nothing then, and one that comes late neither."""
    ledger = sent("a", "renamed", 1, {"a": 1, "b": 1}, 2, {"a": 2, "b": 1}, 3, {"a": 3, "b": 3})
    assert heard(ledger, a=2, b=1) == ([1], {"a": 1, "b": 1})
    assert heard(ledger, a=3, b=3) == ([2, 3], {"a": 3, "b": 3})

    ledger = sent("a", "renamed", 1, {"a": 1}, 2, {"a": 2, "b": 1})
    assert heard(ledger, a=2) == ([], None)
    assert heard(ledger, a=2, b=1) == ([1, 2], {"a": 2, "b": 1})


def test_an_invoice_that_comes_three_times_holds_back_all_states_in_between() -> None:
    ledger = sent("a", 1, {"a": 1}, 1, {"a": 2}, 1, {"a": 3})

    assert heard(ledger, a=1) == ([], None)
    assert heard(ledger, a=2) == ([], None)
    assert heard(ledger, a=3) == ([1], {"a": 3})
