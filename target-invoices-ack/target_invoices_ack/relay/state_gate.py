"""Which STATEs of a loader count, given that a signal may have interrupted it.

An interrupted loader may emit a STATE for what it has not written, and then ends. So a STATE
counts at once only if all processes of the loader block the signals when it comes. Otherwise
it counts once the loader has shown that it goes on, by reading more of its input, and some time
has passed in which no signal came to the target; or if the loader exits with 0 after it has
consumed everything. After a signal to the target, nothing counts that a loader says which
does not block the signals.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from target_invoices_ack._shared import PLUGIN_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_invoices_ack.shutdown import StopEvent

SETTLE_S = 0.5
"""How long a signal to all processes of a service may take to arrive at the target too."""

_MAX_CHECK_AGE_S = 0.05
_MAX_HELD = 1000

_logger = logging.getLogger(PLUGIN_NAME)


class StateGate:
    """Holds back a loader's STATEs until they count.

    Args:
        find_unmasked_process: Names a process of the loader that does not block the signals, if
            there is one.
        consumed: Returns how many bytes of its input the loader has read.
        stop: Tells whether a signal has come to the target.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        find_unmasked_process: Callable[[], str | None],
        consumed: Callable[[], int],
        stop: StopEvent,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_unmasked_process = find_unmasked_process
        self._consumed = consumed
        self._stop = stop
        self._clock = clock
        self._held: deque[tuple[bytes, float, int]] = deque(maxlen=_MAX_HELD)
        self._checked_at = float("-inf")
        self._unmasked_process: str | None = ""
        self._was_interruptible = False
        self._has_warned = False

    def receive(self, line: bytes) -> list[bytes]:
        """Take in a line of the loader.

        Returns:
            The lines that count from now on.
        """
        if self._check():
            self._held.clear()  # what this one says includes what those said
            return [line]
        if not self._stop.is_signalled:
            self._held.append((line, self._clock(), self._consumed()))
            self._warn()
        return self.release_due()

    def release_due(self) -> list[bytes]:
        """Return the lines that have come to count since the last call."""
        if self._stop.is_signalled:
            self._check()
            self._held.clear()
        trusted = []
        while self._held:
            line, came_at, consumed_then = self._held[0]
            if self._clock() - came_at < SETTLE_S or self._consumed() <= consumed_then:
                break
            trusted.append(line)
            self._held.popleft()
        return trusted

    def finish(self, *, is_orderly: bool) -> list[bytes]:
        """Return the lines that count now that the loader has exited.

        Args:
            is_orderly: Whether it exited with 0 after it had consumed all its input.
        """
        held = [line for line, _, _ in self._held]
        self._held.clear()
        return held if is_orderly and not self._stop.is_signalled else []

    def is_exit_trusted(self) -> bool:
        """Whether an exit with 0 counts; the loader has ended and is not reaped yet."""
        if self._check():
            return not self._was_interruptible
        deadline = self._clock() + SETTLE_S
        while not self._stop.is_signalled and (left := deadline - self._clock()) > 0:
            time.sleep(min(left, 0.05))
        return not self._stop.is_signalled

    def _check(self) -> bool:
        """Whether all processes of the loader block the signals, now or a moment ago.

        After a signal to the target, one that did not may have been interrupted by it.
        """
        now = self._clock()
        signalled_at = self._stop.signalled_at
        is_due = now - self._checked_at > _MAX_CHECK_AGE_S
        if is_due or (signalled_at is not None and signalled_at >= self._checked_at):
            self._unmasked_process = self._find_unmasked_process()
            self._checked_at = now
        all_masked = self._unmasked_process is None
        if signalled_at is not None and not all_masked:
            self._was_interruptible = True
        return all_masked and not self._was_interruptible

    def _warn(self) -> None:
        if self._unmasked_process and not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "The loader's process %s does not keep SIGINT and SIGTERM blocked. What the "
                "loader says counts later than usual, and not at all after a signal. Start it "
                "directly or with `exec`, not behind a shell or a script.",
                self._unmasked_process,
            )
