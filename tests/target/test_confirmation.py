"""What a loader's STATE confirms, held against taps and loaders that know what is written."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from target_invoices_ack.relay.confirmation import (
    Confirmation,
    ConfirmationTracker,
    PendingStates,
)

INVOICES, LINES, OTHER = STREAMS = ("invoices", "invoice_lines", "orders")
KINDS = ("tap-invoices", "interleaved", "by stream")


def encode(bookmarks: dict[str, Any]) -> bytes:
    return json.dumps({"bookmarks": bookmarks}).encode()


def emit(tracker: ConfirmationTracker, bookmarks: dict[str, Any]) -> None:
    """Let the tap emit a STATE."""
    tracker.on_tap_state(encode(bookmarks), {"bookmarks": bookmarks})


class LoaderAndTap(RuleBasedStateMachine):
    """A tap that keeps what is asked of it, and a loader that writes in its own time.

    The tap is `tap-invoices`, or one that sends each invoice's lines directly after it, or one
    that sends all lines later. The last kind may announce the lines late, and their bookmark
    may be absent, stay as it was before the run until lines are sent, or move with each part of
    them. Apart from that the tap may let a bookmark stay while records pass, or set it back.

    The loader never lies: it emits a stream's bookmark only when it has written all of that
    stream's records before the STATE from which it takes the bookmark. Apart from that it
    emits what it likes, as often as it likes. Both may die at any moment.
    """

    @initialize(
        kind=st.sampled_from(KINDS),
        streams=st.sampled_from([{INVOICES}, {INVOICES, LINES}, {INVOICES, OTHER}, {*STREAMS}]),
        renamed=st.booleans(),
        early_schemas=st.booleans(),
        lines_have_bookmark=st.booleans(),
        tap_dies=st.booleans(),
        loader_dies=st.booleans(),
    )
    def begin(  # noqa: PLR0913
        self,
        kind: str,
        streams: set[str],
        *,
        renamed: bool,
        early_schemas: bool,
        lines_have_bookmark: bool,
        tap_dies: bool,
        loader_dies: bool,
    ) -> None:
        """Choose the tap, the selected streams, and whether a stream map renames the lines."""
        self.tracker = ConfirmationTracker(INVOICES)
        self.kind = kind
        self.name = {each: each for each in STREAMS} | ({LINES: "renamed"} if renamed else {})
        self.selected = streams - ({OTHER} if kind == "tap-invoices" else set())
        self.without_bookmark = set() if lines_have_bookmark or kind == "tap-invoices" else {LINES}
        self.tap_dies, self.loader_dies = tap_dies, loader_dies
        self.records: dict[str, list[int]] = {each: [] for each in STREAMS}  # invoice ids
        self.owed: list[int] = []  # invoices of lines that are to be sent
        self.written = dict.fromkeys(STREAMS, 0)
        self.states: list[tuple[dict[str, Any], dict[str, int], int]] = []
        self.invoices: list[int] = []  # as they came
        self.confirmed: list[int] = []
        self.emitted = 0
        self.bookmarks: dict[str, list[int]] = {each: [] for each in STREAMS}
        self.lines_before: dict[str, int] = {}
        self.proven = dict.fromkeys(STREAMS, 0)
        self.announced: set[str] = set()
        self.ends_with_state = False
        if early_schemas or kind != "by stream":
            for stream in sorted(self.selected):
                self.announce(stream)

    def announce(self, stream: str) -> None:
        self.tracker.on_schema(self.name[stream])
        self.announced.add(stream)
        self.ends_with_state = False

    def send(self, stream: str, invoice_id: int) -> None:
        if stream not in self.announced:
            self.announce(stream)
        self.records[stream].append(invoice_id)
        self.ends_with_state = False
        if stream == INVOICES:
            self.tracker.on_invoice(invoice_id)
            self.invoices.append(invoice_id)
        else:
            self.tracker.on_other_record(invoice_id if stream == LINES else None)

    @rule(invoice_id=st.integers(1, 12), lines=st.integers(0, 2))
    def invoice(self, invoice_id: int, lines: int) -> None:
        self.send(INVOICES, invoice_id)
        if LINES not in self.selected:
            return
        if self.kind == "by stream":
            self.owed += [invoice_id] * lines
        else:
            for _ in range(lines):
                self.send(LINES, invoice_id)

    @precondition(lambda self: self.owed)
    @rule(data=st.data())
    def lines(self, data: st.DataObject) -> None:
        """Send lines that are owed, in any order."""
        for _ in range(data.draw(st.integers(1, len(self.owed)))):
            at = data.draw(st.integers(0, len(self.owed) - 1))
            self.send(LINES, self.owed.pop(at))

    @precondition(lambda self: OTHER in self.selected)
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
        """A stream that is not selected may have a bookmark of old."""
        had = self.states[-1][0].keys() if self.states else set()
        wanted = (self.selected | keys | had) - self.without_bookmark
        now = {key: self.bookmark(key, moves[key]) for key in sorted(wanted)}
        needs = {stream: len(records) for stream, records in self.records.items()}
        self.states.append((now, needs, len(self.invoices)))
        self.ends_with_state = True
        emit(self.tracker, now)

    def bookmark(self, key: str, move: str) -> Any:
        past = self.bookmarks[key]
        if self.kind == "tap-invoices" and key in self.selected:
            move = "on"
        elif key == LINES and self.kind == "by stream":
            # It moves only with lines: those before it are sent.
            sent = len(self.records[LINES])
            move = "on" if sent > self.lines_before.get(key, 0) else "stays"
            self.lines_before[key] = sent
        if move == "on" or not past:
            past.append(max(past, default=0) + 1)
        else:
            past.append(past[-1] if move == "stays" else past[len(past) // 2])
        if self.kind == "tap-invoices" and key == INVOICES:
            return {"replication_key_value": past[-1], "delivered": ["", ""]}
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
        """Emit the newest STATE of which everything is written, or an older one."""
        whole = [n for n in range(1, len(self.states) + 1) if self.is_written(n)]
        for number in whole[-1 - lag :][:1]:
            self.hear(self.states[number - 1][0])

    @precondition(lambda self: self.states)
    @rule(data=st.data(), omitted=st.sets(st.sampled_from(STREAMS)))
    def print_merged(self, data: st.DataObject, omitted: set[str]) -> None:
        """Emit of each stream how far it has come, or less."""
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
        before = dict(self.proven)
        confirmation = self.tracker.on_loader_state(encode(bookmarks))
        assert confirmation is None or not confirmation.ids or self.has_evidence()
        if confirmation is not None:
            self.check(confirmation)
        assert self.proven == before

    def hear(self, bookmarks: dict[str, Any]) -> None:
        confirmation = self.tracker.on_loader_state(encode(bookmarks))
        if not bookmarks:
            assert confirmation is None
            return
        assert confirmation is not None
        self.check(confirmation)
        for key, bookmark in bookmarks.items():
            first = next(
                n for n, (was, _, _) in enumerate(self.states, 1) if was.get(key) == bookmark
            )
            self.proven[key] = max(self.proven[key], first)
        if self.has_evidence():
            self.check_nothing_is_late(min(self.proven[key] for key in self.states[-1][0]))

    def has_evidence(self) -> bool:
        """Whether STATEs count at once: of tap-invoices, and of a tap that interleaves."""
        named = self.announced <= {key for key in self.states[-1][0] if self.name[key] == key}
        return self.kind == "tap-invoices" or (
            self.kind == "interleaved"
            and named
            and bool(self.records[LINES])
            and not self.records[OTHER]
        )

    def check(self, confirmation: Confirmation) -> None:
        self.check_nothing_is_early(confirmation)
        self.confirmed += confirmation.ids
        assert len(set(self.confirmed)) == len(self.confirmed)
        if confirmation.state is not None:
            self.check_state(confirmation.state)

    def check_nothing_is_early(self, confirmation: Confirmation) -> None:
        """A STATE follows it, all its lines were sent, and all that came before is written."""
        for invoice_id in confirmation.ids:
            assert invoice_id not in self.owed
            last = len(self.invoices) - 1 - self.invoices[::-1].index(invoice_id)
            followed = [n for n, (_, _, count) in enumerate(self.states, 1) if count > last]
            assert followed
            for stream in STREAMS:
                needs = self.states[followed[0] - 1][1][stream]
                assert invoice_id not in self.records[stream][self.written[stream] : needs]
            assert invoice_id not in self.records[LINES][self.written[LINES] :]

    def check_state(self, state: bytes) -> None:
        """It is one of the tap's, no older one, and all before it is confirmed."""
        value = json.loads(state)["bookmarks"]
        numbers = [n for n, (was, _, _) in enumerate(self.states, 1) if was == value]
        number = next(n for n in numbers if n >= self.emitted)
        assert set(self.invoices[: self.states[number - 1][2]]) <= set(self.confirmed)
        self.emitted = number

    def check_nothing_is_late(self, number: int) -> None:
        count = self.states[number - 1][2] if number else 0
        coming_again = set(self.invoices[count:])
        assert set(self.invoices[:count]) - coming_again <= set(self.confirmed)

    def teardown(self) -> None:
        """The tap sends what it owes, or dies; the loader writes what is left, or dies.

        A tap that sends its lines later must not end with a STATE before it has sent them.
        """
        if not hasattr(self, "tracker") or not self.states:
            return
        if not self.tap_dies or (self.owed and self.ends_with_state):
            while self.owed:
                self.send(LINES, self.owed.pop())
        if not self.tap_dies and not self.ends_with_state:
            self.state(dict.fromkeys(STREAMS, "on"), set())
        self.tracker.on_input_end()
        if self.loader_dies:
            self.check(self.tracker.on_loader_exit(is_orderly=False))
            return
        self.written = {stream: len(records) for stream, records in self.records.items()}
        self.check(self.tracker.on_loader_exit(is_orderly=True))
        if self.has_evidence() or (self.ends_with_state and not self.lines_seem_to_be_missing()):
            self.check_everything_is_confirmed()

    def lines_seem_to_be_missing(self) -> bool:
        """Whether no record of another stream came, and one that was announced never moved."""
        return not (self.records[LINES] or self.records[OTHER]) and any(
            len({str(state.get(stream)) for state, _, _ in self.states}) == 1
            or self.name[stream] != stream
            for stream in self.announced - {INVOICES}
            if len(self.states) > 1
            or stream not in self.states[-1][0]
            or self.name[stream] != stream
        )

    def check_everything_is_confirmed(self) -> None:
        self.check_nothing_is_late(len(self.states))
        tail = set(self.invoices[self.states[-1][2] :])
        before = set(self.invoices[: self.states[-1][2]]) & tail - set(self.confirmed)
        assert self.tracker.without_state == len(tail - set(self.confirmed))
        if not before:
            last = self.states[-1][0]
            assert self.states[self.emitted - 1][0] == last if self.emitted else not last


TestLoaderAndTap = LoaderAndTap.TestCase
TestLoaderAndTap = pytest.mark.slow(TestLoaderAndTap)
TestLoaderAndTap.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def sent(*messages: object) -> ConfirmationTracker:
    """Return a tracker after what a tap sent.

    An id is an invoice, a list of ids the lines of these invoices, a name the SCHEMA of a
    stream, a dictionary the bookmarks of a STATE.
    """
    tracker = ConfirmationTracker("a")
    for each in messages:
        match each:
            case int():
                tracker.on_invoice(each)
            case list():
                for invoice_id in each:
                    tracker.on_other_record(invoice_id)
            case str():
                tracker.on_schema(each)
            case dict():
                emit(tracker, each)
    return tracker


def confirmed(confirmation: Confirmation | None) -> tuple[list[int], Any]:
    """Return what was confirmed: ids, and the bookmarks of the STATE to emit."""
    assert confirmation is not None
    state = json.loads(confirmation.state)["bookmarks"] if confirmation.state else None
    return list(confirmation.ids), state


def heard(tracker: ConfirmationTracker, **bookmarks: object) -> tuple[list[int], Any]:
    """Return what a loader's STATE confirms."""
    return confirmed(tracker.on_loader_state(encode(bookmarks)))


def exited(tracker: ConfirmationTracker, *, input_ends: bool = True) -> list[int]:
    """Return what an orderly exit of the loader confirms."""
    if input_ends:
        tracker.on_input_end()
    return confirmed(tracker.on_loader_exit(is_orderly=True))[0]


def test_an_invoice_counts_only_when_every_streams_bookmark_has_passed_it() -> None:
    tracker = sent("a", "b", 1, [1], {"a": 1, "b": 1}, 2, {"a": 2, "b": 2}, 3, {"a": 3, "b": 3})

    assert heard(tracker, a=3, b=1) == ([1], {"a": 1, "b": 1})
    assert heard(tracker, a=3, b=2) == ([2], {"a": 2, "b": 2})
    assert heard(tracker, a=1, b=3) == ([3], {"a": 3, "b": 3})


def test_a_deselected_stream_with_a_bookmark_of_old_holds_nothing_up() -> None:
    tracker = sent("a", "c", 1, [1], {"a": 1, "b": 7, "c": 1}, 2, {"a": 2, "b": 7, "c": 2})

    assert heard(tracker, a=2, b=7, c=2) == ([1, 2], {"a": 2, "b": 7, "c": 2})


def test_no_state_is_emitted_past_an_invoice_that_came_again_and_waits() -> None:
    """It is confirmed with its last coming, and the first STATE claims it too."""
    b = {"b": 1}
    tracker = sent("a", 1, [1], 2, {"a": 1} | b, 3, 1, {"a": 2} | b, 4, {"a": 3} | b)

    assert heard(tracker, a=1, b=1) == ([2], None)
    assert heard(tracker, a=2, b=1) == ([3, 1], {"a": 2, "b": 1})
    assert heard(tracker, a=3, b=1) == ([4], {"a": 3, "b": 1})


def test_an_invoice_that_comes_again_after_it_was_confirmed_is_not_marked_again() -> None:
    tracker = sent("a", 1, [1], {"a": 1})
    assert heard(tracker, a=1) == ([1], {"a": 1})

    assert not tracker.on_invoice(1)
    emit(tracker, {"a": 2})

    assert heard(tracker, a=2) == ([], {"a": 2})


def test_a_bookmark_that_comes_back_proves_only_its_first_place() -> None:
    tracker = sent("a", 1, [1], {"a": 1}, 2, {"a": 2}, 3, {"a": 1})

    assert heard(tracker, a=1) == ([1], {"a": 1})
    assert heard(tracker, a=2) == ([2], {"a": 2})
    assert heard(tracker, a=1) == ([], None)


def test_a_bookmark_that_was_confirmed_proves_nothing_when_it_comes_back() -> None:
    """The proofs of what is confirmed are forgotten; that it was there is not."""
    tracker = sent("a", 1, [1], {"a": 1})
    assert heard(tracker, a=1) == ([1], {"a": 1})
    for each in ({"a": 2}, {"a": 3}):
        emit(tracker, each)
    assert heard(tracker, a=3) == ([], {"a": 3})

    tracker.on_invoice(2)
    emit(tracker, {"a": 1})

    assert heard(tracker, a=1) == ([], None)


def test_a_stream_whose_first_bookmark_comes_late_is_not_taken_for_loaded() -> None:
    tracker = sent("a", "b", 1, [1], {"a": 1}, 2, {"a": 2, "b": 1})

    assert heard(tracker, a=2) == ([], None)
    assert heard(tracker, b=1) == ([1, 2], {"a": 2, "b": 1})


def test_an_invoice_that_comes_three_times_holds_back_all_states_in_between() -> None:
    tracker = sent("a", 1, [1], {"a": 1}, 1, {"a": 2}, 1, {"a": 3})

    assert heard(tracker, a=1) == ([], None)
    assert heard(tracker, a=2) == ([], None)
    assert heard(tracker, a=3) == ([1], {"a": 3})


STREAM_BY_STREAM: dict[str, list[object]] = {
    "bookmarks of an earlier run": [
        *("a", "b", 1, 2, {"a": 1, "b": 0}, 3, {"a": 2, "b": 0}),
        *([1, 2], {"a": 2, "b": 1}, [3], {"a": 2, "b": 2}),
    ],
    "no bookmark for the lines": [
        *("a", "b", 1, 2, {"a": 1}, 3, {"a": 2}),
        *([1, 2], {"a": 2}, [3], {"a": 2}),
    ],
    "a late SCHEMA": [
        *("a", 1, 2, {"a": 1}, 3, {"a": 2}),
        *("b", [1, 2], {"a": 2, "b": 1}, [3], {"a": 2, "b": 2}),
    ],
    "lines of the last invoice behind a STATE": [
        *("a", "b", 1, {"a": 1, "b": 0}, [1], {"a": 1, "b": 1}),
    ],
    "lines that do not name their invoice": [
        *("a", "b", 1, [None], {"a": 1, "b": 1}),
    ],
    "another stream in between": [
        *("a", "b", "c", 1, [1], [None], 2, [2], {"a": 1, "b": 1, "c": 1}),
    ],
}


@pytest.mark.parametrize("kind", STREAM_BY_STREAM)
def test_behind_a_tap_that_does_not_interleave_only_the_end_counts(kind: str) -> None:
    """Whatever the loader says before, and though it has written all that it was sent."""
    messages = STREAM_BY_STREAM[kind]
    invoices = [each for each in messages if isinstance(each, int)]
    for length in range(1, len(messages) + 1):
        tracker = sent(*messages[:length])
        if isinstance(messages[length - 1], dict):
            tracker.on_loader_state(encode(messages[length - 1]))  # type: ignore[arg-type]
        assert not confirmed(tracker.on_loader_exit(is_orderly=False))[0]

    assert exited(sent(*messages), input_ends=False) == []
    assert exited(sent(*messages)) == invoices


DEAD: dict[str, list[object]] = {
    "before the lines, which have no bookmark": ["a", "b", 1, {"a": 1}],
    "before the lines, whose bookmark has stayed": [
        "a",
        "b",
        1,
        {"a": 1, "b": 0},
        {"a": 2, "b": 0},
    ],
    "before the first line": ["a", 1, {"a": 1}, "b"],
    "between two lines": ["a", "b", 1, 2, {"a": 1, "b": 0}, [1]],
    "between two invoices": ["a", "b", 1, {"a": 1, "b": 0}, 2],
}


@pytest.mark.parametrize("moment", DEAD)
def test_such_a_tap_that_dies_has_nothing_marked(moment: str) -> None:
    assert exited(sent(*DEAD[moment])) == []


def test_a_tap_with_a_single_stream_is_believed_once_its_input_is_complete() -> None:
    tracker = sent("a", 1, {"a": 1}, 2, {"a": 2})
    assert heard(tracker, a=1) == ([], None)

    tracker.on_input_end()

    assert heard(tracker, a=1) == ([1], {"a": 1})
    assert confirmed(tracker.on_loader_exit(is_orderly=True)) == ([2], {"a": 2})


def test_a_single_stream_that_does_not_end_with_a_state_is_incomplete() -> None:
    assert exited(sent("a", 1, {"a": 1}, 2)) == []
    assert exited(sent("a", 1, {"a": 1}, "b")) == []


def test_a_stream_that_a_map_has_renamed_holds_everything_until_the_end() -> None:
    tracker = sent("a", "renamed", 1, [1], {"a": 1, "b": 1}, 2, [2], {"a": 2, "b": 2})

    assert heard(tracker, a=2, b=2) == ([], None)
    assert exited(tracker) == [1, 2]


def test_streams_of_tap_invoices_may_be_renamed() -> None:
    """It sends lines before the next STATE, and both bookmarks move with each."""
    own = {"delivered": ["", ""]}
    tracker = sent("x", "y", 1, [None], {"a": own, "b": 1}, 2, {"a": own | {"t": 2}, "b": 2})

    assert heard(tracker, a=own, b=1) == ([1], {"a": own, "b": 1})


def test_a_state_without_bookmarks_counts_at_the_end() -> None:
    tracker = ConfirmationTracker("a")
    tracker.on_schema("a")
    tracker.on_invoice(1)
    value = {"invoices": 4, "more": [1.0, {"x": "y"}]}
    tracker.on_tap_state(json.dumps(value).encode(), value)

    confirmation = tracker.on_loader_state(b'{ "more" : [1.0,{"x":"y"}], "invoices":4}')
    assert confirmation is not None
    assert not confirmation.ids
    tracker.on_input_end()
    assert list(tracker.on_loader_exit(is_orderly=True).ids) == [1]


def test_no_state_is_emitted_behind_an_invoice_that_cannot_be_marked() -> None:
    tracker = sent("a", 1, [1], {"a": 1})
    tracker.on_unmarkable()
    tracker.on_invoice(2)
    emit(tracker, {"a": 2})

    assert heard(tracker, a=2) == ([1, 2], {"a": 1})


@pytest.mark.parametrize("line", [b"{", b"[" * 100_000, b"\xff", b'{"bookmarks": null}', b"17"])
def test_what_is_not_a_state_of_the_tap_is_none(line: bytes) -> None:
    assert sent("a", 1, [1], {"a": 1}).on_loader_state(line) is None


MANY = 200_000
PAGE = 250


@pytest.mark.slow
def test_waiting_invoices_take_a_few_dozen_bytes_each() -> None:
    """Measured, from the first one to the confirmation of all."""
    tracker = ConfirmationTracker("a")
    tracker.on_schema("a")
    tracemalloc.start()
    for first in range(0, MANY, PAGE):
        for number in range(first, first + PAGE):
            tracker.on_invoice(number * 7)
        emit(tracker, {"a": first})
    waiting, _ = tracemalloc.get_traced_memory()
    tracker.on_input_end()
    assert len(tracker.on_loader_exit(is_orderly=True).ids) == MANY
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert waiting < 24 * MANY
    assert peak < 48 * MANY


@pytest.mark.slow
@pytest.mark.parametrize("is_prompt", [True, False])
def test_states_cost_hardly_any_memory(*, is_prompt: bool) -> None:
    """Neither those that were confirmed, nor those of a loader that says nothing until its end."""
    count = 20_000
    tracker = sent("a", 1, [1])
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        emit(tracker, {"a": number})
        if is_prompt:
            heard(tracker, a=number)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < (40 * count if is_prompt else 20 * count + (20 << 20))


def test_of_too_many_states_to_keep_every_other_one_goes_and_the_newest_stays() -> None:
    states = PendingStates(max_bytes=1000)
    for number in range(1, 501):
        states.add(number, b"%020d" % number)

    assert states.take(0) is None
    some = states.take(400)
    assert some is not None
    assert 300 < int(some) <= 400
    assert states.take(400) is None
    assert states.take(500) == b"%020d" % 500
