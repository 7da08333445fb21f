"""Signals and closed pipes: the tap ends between two invoices, never inside a line."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNAL_EXIT = 128

_logger = logging.getLogger("tap-invoices")


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


@contextmanager
def closed_pipe_told() -> Iterator[None]:
    """End quietly where nobody reads stdout any more; click would end with 1, as for an error.

    Raises:
        SystemExit: With the code that shells give to a SIGPIPE.
    """
    try:
        yield
    except BrokenPipeError:
        _logger.warning("The target closed the pipe; the next run goes on from its last STATE.")
        # What is still buffered has no reader: without this, Python complains at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(_SIGNAL_EXIT + signal.SIGPIPE) from None
