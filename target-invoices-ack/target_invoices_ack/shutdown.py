"""Shutting down, because of a signal or a failure, wherever the program waits."""

from __future__ import annotations

import os
import signal
import time

from target_invoices_ack._shared.command import SIGNAL_EXIT


class StopEvent:
    """An event that also wakes whoever waits with `poll`.

    Attributes:
        signum: The signal that set it, if one did.
        set_at: When it was set (monotonic seconds), if it was.
        signalled_at: When a signal came (monotonic seconds), if one did.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.set_at: float | None = None
        self.signalled_at: float | None = None
        self._reader, self._writer = os.pipe()
        self._signal_reader, self._signal_writer = os.pipe()

    @property
    def is_set(self) -> bool:
        """Whether the program is to end."""
        return self.set_at is not None

    @property
    def is_signalled(self) -> bool:
        """Whether a signal has come."""
        return self.signalled_at is not None

    @property
    def signal_name(self) -> str:
        """The signal's name; empty without one."""
        return "" if self.signum is None else signal.Signals(self.signum).name

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells have it; 0 without a signal."""
        return 0 if self.signum is None else SIGNAL_EXIT + self.signum

    def fileno(self) -> int:
        """Return what becomes readable once the event is set, and stays so."""
        return self._reader

    def signal_fileno(self) -> int:
        """Return what becomes readable once a signal has come, and stays so."""
        return self._signal_reader

    def on_signal(self, signum: int) -> None:
        """Set the event; a signal handler may call this, as it takes no lock."""
        if self.signalled_at is None:
            self.signum, self.signalled_at = signum, time.monotonic()
            os.write(self._signal_writer, b"!")
        self.set()

    def set(self) -> None:
        """Set the event."""
        if self.set_at is None:
            self.set_at = time.monotonic()
            os.write(self._writer, b"!")

    def seconds_since_set(self) -> float:
        """Return how long ago the event was set; 0 if it was not."""
        return 0.0 if self.set_at is None else time.monotonic() - self.set_at

    def seconds_since_signal(self) -> float:
        """Return how long ago a signal came; 0 if none did."""
        return 0.0 if self.signalled_at is None else time.monotonic() - self.signalled_at
