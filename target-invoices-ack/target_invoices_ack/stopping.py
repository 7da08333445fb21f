"""Being asked to stop, by a signal or by a failure, wherever the program waits just then."""

from __future__ import annotations

import os
import time

_SIGNAL_EXIT = 128


class Stop:
    """A flag that also wakes whoever waits with `select`.

    Attributes:
        signum: The signal that asked, or None.
        asked_at: When it was asked (monotonic seconds), or None.
    """

    def __init__(self) -> None:
        """Start with nothing asked."""
        self.signum: int | None = None
        self.asked_at: float | None = None
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    @property
    def asked(self) -> bool:
        """Whether the program is to end."""
        return self.asked_at is not None

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells have it; 0 without a signal."""
        return 0 if self.signum is None else _SIGNAL_EXIT + self.signum

    def fileno(self) -> int:
        """Return what becomes readable once it is asked, and stays so."""
        return self._reader

    def on_signal(self, signum: int) -> None:
        """Ask for an end; async-signal-safe, as it takes no lock."""
        self.signum = self.signum or signum
        self.ask()

    def ask(self) -> None:
        """Ask for an end."""
        if self.asked_at is None:
            self.asked_at = time.monotonic()
            os.write(self._writer, b"!")

    def seconds_since(self) -> float:
        """Return how long ago it was asked; 0 where it was not."""
        return 0.0 if self.asked_at is None else time.monotonic() - self.asked_at
