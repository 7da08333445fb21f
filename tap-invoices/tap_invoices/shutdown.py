"""Signals: the program ends between two invoices, never inside a line."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_invoices._shared import output
from tap_invoices._shared.command import SIGNAL_EXIT

if TYPE_CHECKING:
    from collections.abc import Iterator


class SignalGuard:
    """Defers a signal while an invoice is being written."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._is_exiting = False
        self._deferrals = 0

    def on_signal(self, signum: int) -> None:
        """Handle a signal: end now, or as soon as the invoice has been written.

        Raises:
            SystemExit: Nothing is being written.
        """
        self._signal = signum
        if not (self._deferrals or output.is_writing()):
            self.exit_if_requested()

    def exit_if_requested(self) -> None:
        """End if a signal came, with 128 and its number, as shells have it.

        Raises:
            SystemExit: A signal came. It is raised once: another signal does not disturb the end.
        """
        if self._signal is not None and not self._is_exiting:
            self._is_exiting = True
            raise SystemExit(SIGNAL_EXIT + self._signal)

    @property
    def requested(self) -> str | None:
        """The name of the signal that came, if one did."""
        return None if self._signal is None else signal.Signals(self._signal).name

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer signals inside this block; the caller calls `exit_if_requested` after it."""
        self._deferrals += 1
        try:
            yield
        finally:
            self._deferrals -= 1
