"""Marking: batches of ten, several in flight, and each STATE only when its turn has come."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from target_invoices_ack.api import MOST_A_REQUEST
from target_invoices_ack.errors import TargetError
from target_invoices_ack.refusals import mark_all_but_bad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_invoices_ack.note import Note
    from target_invoices_ack.stopping import Stop
    from target_invoices_ack.tally import Tally

    Batch = list[tuple[int, float]]
    Mark = Callable[[Sequence[tuple[int, str | None]]], None]

LINGER = 1.0
"""Seconds that a confirmed invoice waits at most for others to share its request."""

_MOST_WAITING = 10_000
_TICK = 0.2  # seconds

_MARK_SECONDS = 60.0
"""After a signal: how long marks may take, the time included that the loader took."""

_logger = logging.getLogger("target-invoices-ack")


class Marker:
    """Marks what it is given and prints STATEs, from threads of its own.

    Invoices are numbered as they come. A STATE is printed once everything that came
    before it is settled: marked, or refused and named. Of several that are due only the
    last is printed.
    """

    def __init__(  # noqa: PLR0913 - what it joins together
        self,
        mark: Mark,
        write_state: Callable[[bytes, frozenset[int]], None],
        tally: Tally,
        note: Note,
        *,
        in_flight: int,
        stop: Stop,
    ) -> None:
        """Start the threads.

        Args:
            mark: Marks up to ten invoices, or raises.
            write_state: Prints a STATE; takes the refused ids that it must not claim.
            tally: Counts what is marked and refused.
            note: The note of each mark.
            in_flight: Requests at the same time.
            stop: Bounds the wait once asked; is asked when marking has failed for good.
        """
        self._mark = mark
        self._write_state = write_state
        self._tally = tally
        self._note = note
        self._stop = stop
        self._epoch = time.time() - time.monotonic()
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[tuple[int, float]] = deque()
        self._added = 0
        self._under_way: list[int] = []  # a heap: the first invoice of each batch
        self._settled_batches: set[int] = set()
        self._states: deque[tuple[int, bytes]] = deque()
        self._in_hurry = self._closed = False
        self.failure: TargetError | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"mark-{number}", daemon=True)
            for number in range(in_flight)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, ids: Iterable[int]) -> None:
        """Take in confirmed invoices; waits while too many are not marked yet.

        Raises:
            TargetError: Marking has failed for good, or the program has to end before.
        """
        now = time.monotonic()
        for invoice_id in ids:
            with self._changed:
                self._wait_until(self._has_room)
                self._waiting.append((invoice_id, now))
                self._added += 1
                if len(self._waiting) in {1, MOST_A_REQUEST}:
                    self._changed.notify()

    def state(self, state: bytes) -> None:
        """Take in a STATE, to be printed after all that was added before it."""
        with self._changed:
            self._states.append((self._added, state))
            self._write_due_state()

    def flush(self) -> None:
        """Mark what waits, and wait until all is settled.

        Raises:
            TargetError: Marking has failed for good, or the program has to end before.
        """
        with self._changed:
            self._in_hurry = True
            self._changed.notify_all()
            self._wait_until(lambda: not (self._waiting or self._under_way))
            self._in_hurry = self._closed

    def close(self) -> None:
        """Mark what waits, and end; within a bound once the program was asked to stop."""
        with self._changed:
            self._closed = self._in_hurry = True
            self._changed.notify_all()
        for thread in self._threads:
            while thread.is_alive() and not self._out_of_time():
                thread.join(_TICK)

    @property
    def unsettled(self) -> int:
        """How many invoices are confirmed and neither marked nor refused."""
        with self._changed:
            return self._added - self._tally.settled

    def _has_room(self) -> bool:
        return len(self._waiting) < _MOST_WAITING

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait, with the lock held.

        Raises:
            TargetError: Marking has failed for good, or the program has to end before.
        """
        while not (self.failure or is_so()):
            self._changed.wait(_TICK)
            if self._out_of_time():
                raise TargetError("Ended by a signal before all was marked.")
        if self.failure:
            raise self.failure

    def _out_of_time(self) -> bool:
        return self._stop.seconds_since() > _MARK_SECONDS

    def _work(self) -> None:
        while batch := self._next_batch():
            number, invoices = batch
            failure = TargetError("Marking ended for a reason that is not known.")
            try:
                self._mark_batch(invoices)
            except TargetError as error:
                failure = error
            except Exception as error:
                failure = TargetError(f"Marking ended unexpectedly ({type(error).__name__}).")
                _logger.debug("Unexpected:", exc_info=True)
            else:
                self._settle(number)
                continue
            finally:
                # Also where something unforeseen ends this thread: no STATE may follow.
                if not self._is_settled(number):
                    self._fail(failure)

    def _next_batch(self) -> tuple[int, Batch] | None:
        """Wait for ten, or for fewer that have waited long enough; None at the end."""
        with self._changed:
            while not self.failure:
                pause = self._pause()
                if pause == 0.0:
                    number = self._added - len(self._waiting)
                    heapq.heappush(self._under_way, number)
                    size = min(MOST_A_REQUEST, len(self._waiting))
                    batch = [self._waiting.popleft() for _ in range(size)]
                    self._changed.notify_all()
                    return number, batch
                if self._closed and not self._waiting:
                    return None
                self._changed.wait(pause)
        return None

    def _pause(self) -> float | None:
        """Seconds until a batch is due; None where nothing waits."""
        if not self._waiting:
            return None
        if len(self._waiting) >= MOST_A_REQUEST or self._in_hurry:
            return 0.0
        return max(self._waiting[0][1] + LINGER - time.monotonic(), 0.0)

    def _mark_batch(self, invoices: Batch) -> None:
        batch = [(each, self._note.at(self._epoch + when)) for each, when in invoices]
        refused = mark_all_but_bad(batch, self._mark)
        for (invoice_id, _), error in refused:
            _logger.error("Invoice %d is refused and stays unmarked: %s", invoice_id, error)
        self._tally.settle(len(invoices), [invoice_id for (invoice_id, _), _ in refused])

    def _fail(self, error: TargetError) -> None:
        with self._changed:
            self.failure = self.failure or error
            self._changed.notify_all()
        self._stop.ask()

    def _settle(self, number: int) -> None:
        with self._changed:
            self._settled_batches.add(number)
            while self._under_way and self._under_way[0] in self._settled_batches:
                self._settled_batches.discard(heapq.heappop(self._under_way))
            self._write_due_state()
            self._changed.notify_all()

    def _is_settled(self, number: int) -> bool:
        with self._changed:
            return number not in self._under_way or number in self._settled_batches

    def _write_due_state(self) -> None:
        """Print the newest STATE that is due, while the lock is held and so in order."""
        settled = self._under_way[0] if self._under_way else self._added - len(self._waiting)
        due = None
        while self._states and self._states[0][0] <= settled:
            _, due = self._states.popleft()
        if due is not None:
            try:
                self._write_state(due, self._tally.refused)
            except OSError as error:
                self._fail(TargetError(f"No STATE can be printed any more ({error.strerror})."))
