"""The queue by itself: batches, a bound on what waits, STATEs in their turn, and the counts."""

from __future__ import annotations

import io
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from operator import length_hint
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.run import adds_up, parse_summary
from helpers.target_process import wait_for
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.http import HttpStatusError
from target_invoices_ack._shared.status import Purpose
from target_invoices_ack.marking import queue as queue_module
from target_invoices_ack.marking.isolation import mark_isolating_rejected
from target_invoices_ack.marking.queue import MAX_REJECTED_AT_START, PROBES, MarkQueue
from target_invoices_ack.marking.run_counts import RunCounts
from target_invoices_ack.shutdown import StopEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_invoices_ack._shared.id_ranges import IdRanges

MAX_BATCH = 10


def rejection(places: Sequence[int] = (), status: int = 422) -> HttpStatusError:
    """Return the error for a rejection by the API, with the places that it names."""
    response = requests.Response()
    response.status_code = status
    errors = ", ".join(f'"invoices.{at}.invoice_id": ["No."]' for at in places)
    response.raw = io.BytesIO(f'{{"message": "Rejected.", "errors": {{{errors}}}}}'.encode())
    return HttpStatusError(response, Purpose(is_mark=True))


@dataclass
class Service:
    """Marks in its own time, and rejects some.

    Attributes:
        pauses: How long each request takes, in milliseconds, over and over.
        bad: What it rejects.
        names_places: Whether its errors name places in the batch.
        fails_at: The request from which on it answers 401.
        marked: What it has marked.
        emitted: Each STATE, with what was marked and what it must not claim.
    """

    pauses: Sequence[int] = (0,)
    bad: frozenset[int] = frozenset()
    names_places: bool = False
    fails_at: int | None = None
    marked: list[int] = field(default_factory=list)
    requests: int = 0
    emitted: list[tuple[bytes, set[int], set[int]]] = field(default_factory=list)
    counts: RunCounts = field(default_factory=RunCounts)
    stop: StopEvent = field(default_factory=StopEvent)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
        with self.lock:
            pause = self.pauses[self.requests % len(self.pauses)]
            self.requests += 1
            number = self.requests
        time.sleep(pause / 1000)
        ids = [invoice_id for invoice_id, _ in batch]
        assert len(ids) <= MAX_BATCH
        if self.fails_at is not None and number >= self.fails_at:
            raise rejection(status=401)
        if self.bad.intersection(ids):
            places = [at for at, each in enumerate(ids) if each in self.bad]
            raise rejection(places if self.names_places else ())
        with self.lock:
            self.marked += ids

    def emit(self, state: bytes, rejected: IdRanges) -> None:
        with self.lock:
            self.emitted.append((state, set(self.marked), set(rejected)))

    def queue(self, *, parallel: int = 4) -> MarkQueue:
        queue = MarkQueue(
            self.mark,
            self.mark,
            self.emit,
            self.counts,
            lambda _: None,
            verify=lambda _: None,
            parallel=parallel,
            stop=self.stop,
        )
        queue.start()
        return queue

    def confirm(self, queue: MarkQueue, ids: Sequence[int]) -> None:
        """Count invoices as the acknowledger does, then queue them."""
        for _ in ids:
            self.counts.add("received")
        self.counts.add("confirmed", len(ids))
        with suppress(PluginError):  # where marking fails meanwhile; `flush` raises it too
            queue.add(ids)


STEPS = st.lists(st.integers(0, 25), max_size=12)
"""How many invoices are confirmed before each STATE."""

BAD = st.frozensets(st.integers(0, 60), max_size=3) | st.frozensets(st.integers(0, 300))


@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    pauses=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    bad=st.frozensets(st.integers(0, 60), max_size=3),
)
def test_a_state_follows_all_marks_before_it_in_order(
    steps: list[int], pauses: list[int], bad: frozenset[int]
) -> None:
    """It is emitted once each invoice before it is marked, or rejected and not claimed."""
    service = Service(pauses, bad)
    queue = service.queue()
    before: dict[bytes, range] = {}
    count = 0
    for number, step in enumerate(steps):
        service.confirm(queue, range(count, count + step))
        count += step
        state = b"%d" % number
        before[state] = range(count)
        queue.add_state(state)
    queue.close()

    for state, marked, rejected in service.emitted:
        assert set(before[state]) <= marked | rejected
    emitted = [int(state) for state, _, _ in service.emitted]
    assert emitted == sorted(set(emitted))
    assert emitted[-1:] == ([len(steps) - 1] if steps else [])
    assert sorted(service.marked) == [each for each in range(count) if each not in bad]


@settings(max_examples=150, deadline=None)
@given(
    steps=STEPS,
    pauses=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    bad=BAD,
    names_places=st.booleans(),
    fails_at=st.none() | st.integers(1, 40),
    signal_after=st.none() | st.integers(0, 12),
    unconfirmed=st.integers(0, 5),
)
def test_the_counts_add_up_whatever_fails_at_whatever_moment(  # noqa: PLR0913
    steps: list[int],
    pauses: list[int],
    bad: frozenset[int],
    *,
    names_places: bool,
    fails_at: int | None,
    signal_after: int | None,
    unconfirmed: int,
) -> None:
    """And what it calls marked is what the API has marked."""
    service = Service(pauses, bad, names_places, fails_at)
    queue = service.queue()
    count = 0
    for _ in range(unconfirmed):
        service.counts.add("received")
    for number, step in enumerate(steps):
        if number == signal_after:
            service.stop.on_signal(15)
            service.stop.signalled_at = time.monotonic() - 3600  # as if an hour ago
        ids = range(count, count + step)
        count += step
        try:
            service.confirm(queue, ids)
        except PluginError:
            break
        queue.add_state(b"%d" % number)
    queue.close()

    summary = parse_summary(service.counts.summary())
    assert adds_up(summary)
    assert summary["received"] == sum(steps[: number + 1]) + unconfirmed if steps else True
    assert summary["not confirmed"] == unconfirmed
    if signal_after is None:  # after that, a request may still be under way
        assert summary["marked"] == len(service.marked)
    assert set(service.counts.rejected) <= bad
    assert all(each >= 0 for each in summary.values())


def test_after_a_failure_no_state_is_emitted_and_nothing_more_is_marked() -> None:
    service = Service(fails_at=2)
    queue = service.queue(parallel=1)
    service.confirm(queue, range(10))
    queue.add_state(b"1")
    queue.flush()
    service.confirm(queue, range(10, 20))
    with pytest.raises(PluginError, match="401"):
        queue.flush()
    queue.add_state(b"2")
    queue.close()

    assert [state for state, _, _ in service.emitted] == [b"1"]
    assert service.marked == list(range(10))
    assert service.counts.not_marked == 10
    assert service.stop.is_set


def test_something_unforeseen_is_a_failure_too_without_its_words() -> None:
    class Broken(Service):
        def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
            raise ValueError(f"Bearer token-17 {batch}")

    service = Broken()
    queue = service.queue()
    queue.add([1])
    with pytest.raises(PluginError, match="Unexpected ValueError") as failure:
        queue.flush()
    queue.add_state(b"1")
    queue.close()

    assert "token-17" not in str(failure.value)
    assert not service.emitted


@dataclass
class Stuck(Service):
    """A service that answers nothing until it is told to."""

    released: threading.Event = field(default_factory=threading.Event)

    def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
        self.released.wait(60)
        super().mark(batch)


def test_what_waits_is_bounded() -> None:
    """A loader may confirm a million at once: no more is taken than can be marked soon."""
    service = Stuck()
    queue = service.queue(parallel=2)
    ids = iter(range(50_000))
    adding = threading.Thread(target=queue.add, args=[ids])
    adding.start()
    wait_for(lambda: length_hint(ids) < 40_000)
    adding.join(0.5)
    assert adding.is_alive()
    assert length_hint(ids) > 39_000

    service.released.set()
    adding.join(60)
    queue.close()
    assert len(service.marked) == 50_000


def test_a_full_queue_does_not_outlast_the_grace_period() -> None:
    service = Stuck()
    queue = service.queue(parallel=1)
    service.stop.on_signal(15)
    service.stop.signalled_at = time.monotonic() - 3600  # as if an hour ago
    with pytest.raises(PluginError, match="grace period"):
        queue.add(range(20_000))
    queue.close()
    service.released.set()


def test_marks_that_hang_do_not_outlast_the_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "GRACE_PERIOD_S", 0.3)
    service = Stuck()
    queue = service.queue(parallel=1)
    service.confirm(queue, range(10))
    queue.add_state(b"1")
    service.stop.on_signal(15)
    with pytest.raises(PluginError, match="grace period"):
        queue.flush()
    queue.close()

    assert not service.marked  # it still hangs
    assert not service.emitted
    assert service.counts.not_marked == 10
    service.released.set()


@pytest.mark.parametrize("parallel", [1, 64])
@pytest.mark.parametrize("names_places", [True, False])
def test_an_account_that_rejects_everything_costs_a_few_dozen_requests(
    parallel: int, *, names_places: bool
) -> None:
    service = Service(bad=frozenset(range(5000)), names_places=names_places)
    queue = service.queue(parallel=parallel)
    service.confirm(queue, range(5000))
    with pytest.raises(PluginError, match="rejects every invoice: 35 were tried"):
        queue.flush()
    queue.close()

    assert service.requests <= 1.2 * (MAX_REJECTED_AT_START + PROBES)
    assert len(service.counts.rejected) == MAX_REJECTED_AT_START + PROBES
    assert service.counts.not_marked == 5000 - MAX_REJECTED_AT_START - PROBES
    assert adds_up(parse_summary(service.counts.summary()))


def test_a_wrong_request_costs_one_whatever_the_number_of_invoices() -> None:
    service = Service(fails_at=1)
    queue = service.queue(parallel=64)
    service.confirm(queue, range(5))
    with pytest.raises(PluginError, match="401"):
        queue.flush()
    queue.close()

    assert service.requests == 1


def test_rejected_invoices_that_come_first_do_not_keep_the_others_from_being_marked() -> None:
    """The newest of those that wait is always probed: here it is accepted."""
    service = Service(bad=frozenset(range(40)))
    queue = service.queue()
    service.confirm(queue, range(200))
    queue.add_state(b"1")
    queue.close()

    assert sorted(service.marked) == list(range(40, 200))
    assert [(state, rejected) for state, _, rejected in service.emitted] == [(b"1", {*range(40)})]


def test_scattered_rejections_cost_linear_time_and_requests() -> None:
    """Measured: twice as many may take at most thrice the time."""
    seconds = []
    for size in (10_000, 20_000):
        ids = list(range(size * 2))
        random.Random(1).shuffle(ids)
        service = Service(bad=frozenset(range(0, size * 2, 2)), names_places=True)
        started = time.process_time()
        queue = service.queue()
        for first in range(0, len(ids), 250):
            service.confirm(queue, ids[first : first + 250])
            queue.add_state(b"%d" % first)
        queue.close()
        seconds.append(time.process_time() - started)
        assert len(service.counts.rejected) == size
        assert service.requests < 1.5 * size
    assert seconds[1] < 3 * seconds[0]


def outcomes(batch: Sequence[int], service: _Isolated) -> dict[bool, list[int]]:
    """Return the ids that were marked (True) and rejected (False)."""
    found: dict[bool, list[int]] = {True: [], False: []}
    for part, error in mark_isolating_rejected(batch, service.mark):
        found[error is None] += part
    return found


@dataclass
class _Isolated:
    """Rejects batches with bad ones, and names places: all, or some at random."""

    bad: frozenset[int]
    lies: Iterable[int] | None = None
    requests: list[list[int]] = field(default_factory=list)

    def mark(self, part: Sequence[int]) -> None:
        self.requests.append(list(part))
        places = [at for at, each in enumerate(part) if each in self.bad]
        if places:
            raise rejection(places if self.lies is None else sorted(self.lies))


@given(
    bad=st.frozensets(st.integers(0, 9)),
    size=st.integers(1, 10),
    lies=st.none() | st.frozensets(st.integers(0, 12)),
)
def test_whatever_places_a_response_names_only_the_bad_ones_stay_unmarked(
    bad: frozenset[int], size: int, lies: frozenset[int] | None
) -> None:
    found = outcomes(range(size), _Isolated(bad, lies))

    assert sorted(found[False]) == sorted(bad & set(range(size)))
    assert sorted(found[True]) == sorted(set(range(size)) - bad)


def test_where_the_response_names_the_bad_one_nine_of_ten_take_two_requests() -> None:
    service = _Isolated(frozenset({3}))

    outcomes(range(10), service)

    assert service.requests == [list(range(10)), [0, 1, 2, *range(4, 10)], [3]]
