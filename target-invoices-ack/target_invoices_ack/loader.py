"""The loader: a child process that is fed, listened to, and given time to drain."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from target_invoices_ack import known_loaders
from target_invoices_ack.errors import LoaderError
from target_invoices_ack.pipes import Feed, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_invoices_ack.stopping import Stop

DRAIN_SECONDS = 20.0
"""After a signal: how long the loader may drain before it is killed."""

_KEPT_FROM_IT = (signal.SIGINT, signal.SIGTERM)

_TICK = 0.2  # seconds
_SIGNAL_EXIT = 128

_logger = logging.getLogger("target-invoices-ack")


class Loader:
    """A Singer loader as a child process, to which no SIGINT and no SIGTERM gets through.

    One built on singer-sdk, interrupted in the middle of a drain, prints a STATE for what it
    has not written and exits with 0: a lie that nothing tells from the truth. So a signal
    reaches the target, which ends the loader's input, and the loader drains. That holds for
    Ctrl-C at a terminal (by a process group of its own) and for a service manager that
    signals all that it has started (by a signal mask, which is inherited).

    Attributes:
        took_all: Whether it was still reading when its input ended, with nothing left.
        trusted: Whether what it prints still counts: not after it was killed.
    """

    def __init__(
        self,
        command: str,
        stop: Stop,
        heard: Callable[[bytes], None],
        on_tick: Callable[[], None],
    ) -> None:
        """Start it.

        Args:
            command: Its command, with arguments and quotes as in a shell.
            stop: Ends feeding and waiting when asked.
            heard: Called, in another thread, with each line that it prints.
            on_tick: Called every now and then while the loader is waited for.

        Raises:
            LoaderError: It cannot be started.
        """
        self._stop = stop
        self._heard = heard
        self._on_tick = on_tick
        self.took_all = False
        self.trusted = True
        self._process = _start(command)
        assert self._process.stdin is not None  # noqa: S101 - for mypy, as below
        assert self._process.stdout is not None  # noqa: S101
        self._feed = Feed(self._process.stdin, self._goes_on)
        self._output = self._process.stdout
        self._exited = threading.Event()
        threading.Thread(target=self._reap, name="loader-exit", daemon=True).start()
        self._listener = threading.Thread(target=self._listen, name="loader-hear", daemon=True)
        self._listener.start()

    def feed(self, block: bytes) -> bool:
        """Write whole lines to the loader; waits while it is slow.

        Args:
            block: The lines; empty where nothing has come for a while.

        Returns:
            Whether it still takes input. Where not, its input is closed, its exit confirms
            nothing, and it has to end within a bound.
        """
        if self._feed.write(block):
            return True
        self._feed.close()
        self._expect_end()
        return False

    def end_input(self) -> None:
        """Let the loader take what is left, then close its input.

        That it was still reading then tells an orderly end from one in the middle: both
        may exit with 0.
        """
        self.took_all = self._feed.end()
        if not self.took_all:
            self._expect_end()

    def wait(self) -> int:
        """Wait until the loader has ended and all that it printed was heard.

        Returns:
            Its exit code; 128 and the signal's number where a signal ended it.
        """
        while not self._exited.wait(_TICK):
            self._on_tick()
            if self._stop.asked:
                self._may_go_on()
        self._listener.join()
        self._output.close()
        code = self._process.returncode
        return code if code >= 0 else _SIGNAL_EXIT - code

    def _expect_end(self) -> None:
        """Bound the life of a loader that has closed its input and does not exit."""
        if not self._exited.wait(_TICK) and not self._stop.asked:
            _logger.warning("The loader reads no more; it has %.0f s to end.", DRAIN_SECONDS)
            self._stop.ask()

    def _goes_on(self) -> bool:
        """Whether the loader still takes input; a child that it left may hold the pipe open."""
        self._on_tick()
        return not self._exited.is_set() and (not self._stop.asked or self._may_go_on())

    def _may_go_on(self) -> bool:
        """Whether the loader still has time to drain; kills it when it has not."""
        if self._stop.seconds_since() < DRAIN_SECONDS:
            return True
        if self.trusted:
            self.trusted = False
            _logger.warning("The loader did not end in %.0f s; killing it.", DRAIN_SECONDS)
            self._kill()
        return False

    def _kill(self) -> None:
        if not self._exited.is_set():
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                _logger.debug("The loader is gone already.")

    def _reap(self) -> None:
        self._process.wait()
        self._exited.set()

    def _listen(self) -> None:
        try:
            for line in lines_of(self._output, self._exited):
                self._hear(line)
        except BaseException:
            # A bug: nothing that the loader says counts any more, and nobody reads it.
            self.trusted = False
            self._stop.ask()
            raise

    def _hear(self, line: bytes) -> None:
        if line.strip() and self.trusted:
            self._heard(line)


def _start(command: str) -> subprocess.Popen[bytes]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise LoaderError(f"loader is {command!r}, whose quotes do not close ({error}).") from None
    if not words:
        raise LoaderError("loader is empty; name the command of a Singer loader.")
    if warning := known_loaders.warning(words):
        _logger.warning("%s", warning)
    try:
        return _shielded(words)
    except FileNotFoundError:
        raise LoaderError(
            f"The loader {words[0]!r} is not found. Install it, or name its whole path in loader.",
        ) from None
    except OSError as error:
        raise LoaderError(
            f"The loader {words[0]!r} cannot be started ({error.strerror}). Check loader.",
        ) from None


def _shielded(words: list[str]) -> subprocess.Popen[bytes]:
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _KEPT_FROM_IT)
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
