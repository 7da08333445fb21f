"""Signals: the tap ends between two invoices, never inside a line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNAL_EXIT = 128


class Stopping:
    """Holds a signal back while an invoice is being written."""

    def __init__(self) -> None:
        """Start with no signal seen."""
        self._held: int | None = None
        self._writing = 0

    def on_signal(self, signum: int) -> None:
        """Take a signal: end at once, or as soon as the invoice is whole.

        Raises:
            SystemExit: Nothing is being written.
        """
        self._held = signum
        if not self._writing:
            self.end_if_asked()

    def end_if_asked(self) -> None:
        """End if a signal was held back.

        Raises:
            SystemExit: With 128 and the signal's number, as shells have it.
        """
        if self._held is not None:
            raise SystemExit(_SIGNAL_EXIT + self._held)

    @property
    def asked(self) -> bool:
        """Whether a signal is held back."""
        return self._held is not None

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Hold signals back inside this block, or several; the caller asks for them after it."""
        self._writing += 1
        try:
            yield
        finally:
            self._writing -= 1
