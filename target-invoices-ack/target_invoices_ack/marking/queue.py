"""Marking: batches of ten, several in flight, and each STATE only after its invoices."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.redact import describe_safely
from target_invoices_ack._shared.threads import start_thread
from target_invoices_ack.client import MAX_BATCH_SIZE
from target_invoices_ack.marking.isolation import mark_isolating_rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_invoices_ack._shared.id_ranges import IdRanges
    from target_invoices_ack.marking.run_counts import RunCounts
    from target_invoices_ack.shutdown import StopEvent

    Mark = Callable[[Sequence[tuple[int, str | None]]], None]

LINGER_S = 1.0
"""How long a confirmed invoice waits at most for others to share its request."""

MAX_QUEUED = 10_000

MAX_REJECTED_AT_START = 30
"""Rejected invoices, with none marked before, after which a few others are probed."""

PROBES = 5
"""How many of the invoices that wait are probed, at random and the newest among them."""

GRACE_PERIOD_S = 60.0
"""After a signal: how long marking may take, the time included that the loader took."""

_TICK_S = 0.2

_logger = logging.getLogger(PLUGIN_NAME)


@dataclass(frozen=True)
class _Queued:
    position: int
    invoice_id: int
    confirmed_at: float  # monotonic seconds


@dataclass(eq=False)
class _Batch:
    invoices: Sequence[_Queued]
    is_probe: bool = False


class MarkQueue:
    """Marks what it is given and emits STATEs, in threads of its own.

    Invoices are numbered as they come. A STATE is emitted once every invoice before it is
    finished: marked, or rejected and named. Of several STATEs that are due, only the last is
    emitted.

    The first batch goes alone: until an invoice was marked in this run, only one request is
    in flight. If the API rejects every invoice of the first batches, a few of the others are
    probed, and if those are rejected too, marking ends: something is wrong with the request
    or the account, and asking for each invoice would not help.

    Args:
        mark: Marks up to ten invoices, or raises.
        mark_alone: The same with few attempts, for an invoice of a batch that failed.
        emit: Emits a STATE; takes the rejected ids, which it must not claim.
        counts: Where marked and rejected invoices are counted.
        render_note: Returns the note of a mark, given when the invoice was confirmed (seconds of
            the epoch).
        verify: Called with the invoices of the first batch that was marked; may raise.
        parallel: Requests in flight at most.
        stop: Bounds the wait after a signal; is set when marking has failed for good.

    Attributes:
        failure: What made marking fail for good, if anything did.
    """

    def __init__(  # noqa: PLR0913 - what it connects
        self,
        mark: Mark,
        mark_alone: Mark,
        emit: Callable[[bytes, IdRanges], None],
        counts: RunCounts,
        render_note: Callable[[float], str | None],
        *,
        verify: Callable[[Sequence[int]], None],
        parallel: int,
        stop: StopEvent,
    ) -> None:
        self.failure: PluginError | None = None
        self._failed_at = math.inf  # monotonic seconds
        self._mark = mark
        self._mark_alone = mark_alone
        self._emit = emit
        self._counts = counts
        self._render_note = render_note
        self._verify = verify
        self._stop = stop
        self._epoch = time.time() - time.monotonic()
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[_Queued] = deque()
        self._in_flight: set[_Batch] = set()
        self._added = 0
        self._states: deque[tuple[int, bytes]] = deque()
        self._is_flushing = self._is_closed = False
        self._any_accepted = False  # whether an invoice was marked, and its mark verified
        self._threads = [
            threading.Thread(target=self._work, name=f"mark-{number}", daemon=True)
            for number in range(parallel)
        ]

    def start(self) -> None:
        """Start the threads.

        Raises:
            PluginError: The machine has no room for them.
        """
        for thread in self._threads:
            try:
                start_thread(thread)
            except PluginError as error:
                self.fail(error)
                raise

    def add(self, ids: Iterable[int]) -> None:
        """Take in confirmed invoices; waits while too many are not marked yet.

        Raises:
            PluginError: Marking has failed for good, or the program has to end before.
        """
        now = time.monotonic()
        for invoice_id in ids:
            with self._changed:
                self._wait_until(self._has_capacity)
                self._waiting.append(_Queued(self._added, invoice_id, now))
                self._added += 1
                if len(self._waiting) in {1, MAX_BATCH_SIZE}:
                    self._changed.notify()

    def add_state(self, state: bytes) -> None:
        """Take in a STATE, to be emitted after all invoices that were added before it.

        After a failure it is not emitted: invoices that it claims may be missing here.
        """
        with self._changed:
            if self.failure is None:
                self._states.append((self._added, state))
                self._emit_due_state()

    def flush(self) -> None:
        """Mark what waits, and wait until every invoice is marked or rejected.

        Raises:
            PluginError: Marking has failed for good, or the program has to end before.
        """
        with self._changed:
            self._is_flushing = True
            self._changed.notify_all()
            self._wait_until(lambda: not (self._waiting or self._in_flight))
            self._is_flushing = self._is_closed

    def close(self) -> None:
        """Mark what waits, and end; within the grace period after a signal or a failure."""
        with self._changed:
            self._is_closed = self._is_flushing = True
            self._changed.notify_all()
        for thread in self._threads:
            while thread.is_alive() and not self._grace_period_is_over():
                thread.join(_TICK_S)
        if self.failure is None or self._any_accepted:  # if all are rejected, the failure says so
            self._counts.log_rejected()

    def _has_capacity(self) -> bool:
        return len(self._waiting) < MAX_QUEUED

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait, with the lock held.

        Raises:
            PluginError: Marking has failed for good, or the program has to end before.
        """
        while not (self.failure or is_so()):
            self._changed.wait(_TICK_S)
            if self._grace_period_is_over():
                raise PluginError("The grace period after the signal ended before all was marked.")
        if self.failure:
            raise self.failure

    def _grace_period_is_over(self) -> bool:
        since_failure = time.monotonic() - self._failed_at
        return max(since_failure, self._stop.seconds_since_signal()) > GRACE_PERIOD_S

    def _work(self) -> None:
        while batch := self._next_batch():
            failure: PluginError | None = PluginError("Marking ended in the middle.")
            try:
                self._mark_batch(batch)
                failure = None
            except PluginError as error:
                failure = error
            except Exception as error:
                failure = PluginError(describe_safely(error))
                _logger.debug("Unexpected error.", exc_info=True)
            finally:
                # Also where something unforeseen ends this thread: no STATE may follow.
                self.fail(failure) if failure else self._complete(batch)

    def _next_batch(self) -> _Batch | None:
        """Wait for ten invoices, or for fewer that have waited long enough; None at the end."""
        with self._changed:
            while not self.failure:
                seconds = self._seconds_until_due()
                if seconds == 0.0:
                    batch = self._take_batch()
                    self._in_flight.add(batch)
                    self._changed.notify_all()
                    return batch
                if self._is_closed and not self._waiting:
                    return None
                self._changed.wait(seconds)
        return None

    def _seconds_until_due(self) -> float | None:
        """Return the seconds until a batch is due; None if nothing can be sent for now."""
        if not self._waiting or (self._in_flight and not self._any_accepted):
            return None
        if len(self._waiting) >= MAX_BATCH_SIZE or self._is_flushing:
            return 0.0
        return max(self._waiting[0].confirmed_at + LINGER_S - time.monotonic(), 0.0)

    def _take_batch(self) -> _Batch:
        if not self._any_accepted and len(self._counts.rejected) >= MAX_REJECTED_AT_START:
            return _Batch(self._take_probes(), is_probe=True)
        size = min(MAX_BATCH_SIZE, len(self._waiting))
        return _Batch([self._waiting.popleft() for _ in range(size)])

    def _take_probes(self) -> list[_Queued]:
        """Take the newest invoice and others at random.

        A run whose first invoices are all rejected goes on if any of these is accepted. They
        are chosen at random so that a later run finds those that this one has missed.
        """
        probes = [self._waiting.pop()]
        probes += random.sample(self._waiting, min(PROBES - 1, len(self._waiting)))
        for probe in probes[1:]:
            self._waiting.remove(probe)
        return probes

    def _mark_batch(self, batch: _Batch) -> None:
        marks = [
            (each.invoice_id, self._render_note(self._epoch + each.confirmed_at))
            for each in batch.invoices
        ]
        outcomes = mark_isolating_rejected(
            marks,
            self._mark,
            self._mark_alone,
            one_by_one=batch.is_probe or not self._any_accepted,
        )
        error = None
        marked: list[int] = []
        for part, error in outcomes:
            if error is None:
                marked += (invoice_id for invoice_id, _ in part)
                if self._any_accepted:
                    self._counts.add("marked", len(part))
            else:
                [(invoice_id, _)] = part
                self._counts.add_rejected(invoice_id, str(error))
                if self._any_accepted:
                    self._counts.log_rejected()
        if marked and not self._any_accepted:
            self._verify(marked)
            self._counts.add("marked", len(marked))
            self._any_accepted = True  # only now may other batches go out
            self._counts.log_rejected()
        if batch.is_probe and not self._any_accepted and error is not None:
            raise PluginError(
                f"The API rejects every invoice: {len(self._counts.rejected)} were tried, and none "
                f"was accepted. The last reason: {error} Check system_id, note and the permissions "
                "of the token.",
            )

    def fail(self, error: PluginError) -> None:
        """End marking: requests in flight end, and no other is sent."""
        with self._changed:
            if self.failure is None:
                self.failure = error
                self._failed_at = time.monotonic()
            self._changed.notify_all()
        self._stop.set()

    def _complete(self, batch: _Batch) -> None:
        with self._changed:
            self._in_flight.discard(batch)
            self._emit_due_state()
            self._changed.notify_all()

    def _emit_due_state(self) -> None:
        """Emit the newest STATE that is due, while the lock is held and so in order."""
        positions = [each.position for batch in self._in_flight for each in batch.invoices]
        positions += [self._waiting[0].position] if self._waiting else []
        finished_up_to = min(positions, default=self._added)
        due = None
        while self._states and self._states[0][0] <= finished_up_to:
            _, due = self._states.popleft()
        if due is not None:
            try:
                self._emit(due, self._counts.rejected_ids)
            except OSError as error:
                self._states.clear()  # nothing can be written after it
                self.fail(PluginError(f"No STATE can be emitted any more ({error.strerror})."))
