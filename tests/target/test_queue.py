"""The marker by itself: batches, a bound on what waits, and STATEs in their turn."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from operator import length_hint
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk import metrics

from helpers.target_process import wait_for
from target_invoices_ack.errors import RefusedError, TargetError
from target_invoices_ack.marker import Marker
from target_invoices_ack.note import Note
from target_invoices_ack.refusals import mark_all_but_bad
from target_invoices_ack.stopping import Stop
from target_invoices_ack.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 10


def refusal(places: Sequence[int] = (), status: int = 422) -> RefusedError:
    """Return what the API's refusal becomes, with the places that it names."""
    response = requests.Response()
    response.status_code = status
    errors = ", ".join(f'"invoices.{at}.invoice_id": ["No."]' for at in places)
    response._content = f'{{"message": "Refused.", "errors": {{{errors}}}}}'.encode()  # noqa: SLF001 - to have an answer without a server
    return RefusedError(response)


@dataclass
class Service:
    """Marks in its own time, and refuses some.

    Attributes:
        pauses: How long each request takes, in milliseconds, over and over.
        bad: What it refuses.
        marked: What it has marked.
    """

    pauses: Sequence[int] = (0,)
    bad: frozenset[int] = frozenset()
    marked: list[int] = field(default_factory=list)
    requests: int = 0
    printed: list[tuple[bytes, set[int], frozenset[int]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
        with self.lock:
            pause = self.pauses[self.requests % len(self.pauses)]
            self.requests += 1
        time.sleep(pause / 1000)
        ids = [invoice_id for invoice_id, _ in batch]
        assert len(ids) <= MOST
        if self.bad.intersection(ids):
            raise refusal()
        with self.lock:
            self.marked += ids

    def write(self, state: bytes, refused: frozenset[int]) -> None:
        with self.lock:
            self.printed.append((state, set(self.marked), refused))

    def marker(self, *, in_flight: int = 4, stop: Stop | None = None) -> Marker:
        tally = Tally(metrics.record_counter("invoices"))
        return Marker(
            self.mark, self.write, tally, Note(None, ""), in_flight=in_flight, stop=stop or Stop()
        )


STEPS = st.lists(st.integers(0, 25), max_size=12)
"""How many invoices are confirmed before each STATE."""


@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    pauses=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    bad=st.frozensets(st.integers(0, 60), max_size=3),
)
def test_a_state_is_printed_once_all_before_it_is_marked_or_refused_and_in_order(
    steps: list[int], pauses: list[int], bad: frozenset[int]
) -> None:
    service = Service(pauses, bad)
    marker = service.marker()
    before: dict[bytes, range] = {}
    count = 0
    for number, step in enumerate(steps):
        marker.add(range(count, count + step))
        count += step
        state = b"%d" % number
        before[state] = range(count)
        marker.state(state)
    marker.close()

    for state, marked, refused in service.printed:
        assert set(before[state]) <= marked | refused
    printed = [int(state) for state, _, _ in service.printed]
    assert printed == sorted(set(printed))
    assert printed[-1:] == ([len(steps) - 1] if steps else [])
    assert sorted(service.marked) == [each for each in range(count) if each not in bad]


def test_after_a_failure_no_state_is_printed_and_nothing_more_is_marked() -> None:
    class Withdrawn(Service):
        def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
            if self.requests:
                raise refusal(status=401)
            super().mark(batch)

    service, stop = Withdrawn(), Stop()
    marker = service.marker(in_flight=1, stop=stop)
    marker.add(range(10))
    marker.state(b"1")
    marker.flush()
    marker.add(range(10, 20))
    with pytest.raises(TargetError, match="401"):
        marker.flush()
    marker.state(b"2")
    marker.close()

    assert [state for state, _, _ in service.printed] == [b"1"]
    assert service.marked == list(range(10))
    assert marker.unsettled == 10
    assert stop.asked


def test_something_unforeseen_is_a_failure_too_without_its_words() -> None:
    class Broken(Service):
        def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
            raise ValueError(f"Bearer token-17 {batch}")

    service = Broken()
    marker = service.marker()
    marker.add([1])
    with pytest.raises(TargetError, match=r"unexpectedly \(ValueError\)"):
        marker.flush()
    marker.state(b"1")
    marker.close()

    assert not service.printed


def test_what_waits_is_bounded() -> None:
    """A loader may confirm a million at once: no more is taken than can be marked soon."""
    blocked = threading.Event()

    class Stuck(Service):
        def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
            blocked.wait(60)
            super().mark(batch)

    service = Stuck()
    marker = service.marker(in_flight=2)
    ids = iter(range(50_000))
    adding = threading.Thread(target=marker.add, args=[ids])
    adding.start()
    wait_for(lambda: length_hint(ids) < 40_000)
    adding.join(0.5)
    assert adding.is_alive()
    assert length_hint(ids) > 39_000

    blocked.set()
    adding.join(60)
    marker.close()
    assert len(service.marked) == 50_000


def test_a_full_queue_does_not_outlast_the_time_that_a_signal_leaves() -> None:
    blocked = threading.Event()

    class Stuck(Service):
        def mark(self, batch: Sequence[tuple[int, str | None]]) -> None:
            blocked.wait(60)
            super().mark(batch)

    stop = Stop()
    marker = Stuck().marker(in_flight=1, stop=stop)
    stop.ask()
    stop.asked_at = time.monotonic() - 3600  # as if asked an hour ago
    with pytest.raises(TargetError, match="Ended by a signal"):
        marker.add(range(20_000))
    marker.close()
    blocked.set()


@given(
    bad=st.frozensets(st.integers(0, 9)),
    size=st.integers(1, 10),
    lies=st.frozensets(st.integers(0, 12)),
    honest=st.booleans(),
)
def test_whatever_places_an_answer_names_the_bad_ones_alone_stay_unmarked(
    bad: frozenset[int], size: int, lies: frozenset[int], *, honest: bool
) -> None:
    marked: list[int] = []

    def mark(part: Sequence[int]) -> None:
        places = [at for at, each in enumerate(part) if each in bad]
        if places:
            raise refusal(places if honest else sorted(lies))
        marked.extend(part)

    refused = mark_all_but_bad(range(size), mark)

    assert sorted(each for each, _ in refused) == sorted(bad & set(range(size)))
    assert sorted(marked) == sorted(set(range(size)) - bad)
    assert all(error.words.startswith("Refused.") for _, error in refused)


def test_where_the_answer_names_the_bad_one_nine_of_ten_take_two_requests() -> None:
    asked: list[list[int]] = []

    def mark(part: Sequence[int]) -> None:
        asked.append(list(part))
        if 3 in part:
            raise refusal([part.index(3)])

    mark_all_but_bad(range(10), mark)

    assert asked == [list(range(10)), [0, 1, 2, *range(4, 10)], [3]]
