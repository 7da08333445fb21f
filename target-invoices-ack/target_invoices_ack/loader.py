"""The loader: a child process that is fed, listened to, and given time to drain."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import shlex
import signal
import struct
import subprocess
import termios
import threading
from typing import TYPE_CHECKING

from target_invoices_ack.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_invoices_ack.stopping import Stop

DRAIN_SECONDS = 20.0
"""After a signal: how long the loader may drain before it is signalled itself."""

KILL_SECONDS = 5.0
"""How long it may take to obey that before it is killed."""

_BLOCK = 1 << 16
_TICK = 0.2
_SIGNAL_EXIT = 128

_logger = logging.getLogger("target-invoices-ack")


class Loader:
    """A Singer loader as a child process, in a process group of its own.

    Ctrl-C at a terminal thus reaches the target, which ends the loader's input; a loader
    that a signal interrupts in the middle of a drain can print a STATE for records that
    it has not written.

    Attributes:
        took_all: Whether it was still reading when its input ended, with nothing left.
        trusted: Whether what it prints still counts: not after it was signalled.
    """

    def __init__(self, command: str, stop: Stop, heard: Callable[[bytes], None]) -> None:
        """Start it.

        Args:
            command: Its command, with arguments and quotes as in a shell.
            stop: Ends feeding and waiting when asked.
            heard: Called, in another thread, with each line that it prints.

        Raises:
            LoaderError: It cannot be started.
        """
        self._stop = stop
        self._heard = heard
        self.took_all = False
        self.trusted = True
        self._signalled = False
        self._process = _start(command)
        assert self._process.stdin is not None  # noqa: S101 - for mypy, as below
        assert self._process.stdout is not None  # noqa: S101
        self._input = self._process.stdin.fileno()
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        self._exited = threading.Event()
        threading.Thread(target=self._reap, name="loader-exit", daemon=True).start()
        self._listener = threading.Thread(target=self._listen, name="loader-hear", daemon=True)
        self._listener.start()

    def feed(self, block: bytes) -> bool:
        """Write whole lines to the loader; waits while it is slow.

        Returns:
            Whether all was written: false once it takes no more.
        """
        left = memoryview(block)
        while left:
            try:
                left = left[os.write(self._input, left) :]
            except BlockingIOError:
                if not self._wait_for_room():
                    return False
            except BrokenPipeError:
                return False
        return True

    def end_input(self) -> None:
        """Let the loader take what is in the pipe, then close it.

        That it was still reading then tells an orderly end from one in the middle: both
        may exit with 0.
        """
        pipe = select.poll()
        pipe.register(self._input, 0)  # errors only: nobody reads any more
        pause = 1
        while (unread := _unread(self._input)) and not pipe.poll(pause):
            pause = min(pause * 2, 50)
            if not self._goes_on():
                break
        self.took_all = not unread and not pipe.poll(0) and not self._exited.is_set()
        self._close_input()

    def cut_input(self) -> None:
        """Close the loader's input though something is missing: its exit confirms nothing."""
        self._close_input()

    def wait(self, on_tick: Callable[[], None]) -> int:
        """Wait until the loader has ended and all that it printed was heard.

        Args:
            on_tick: Called every now and then.

        Returns:
            Its exit code; 128 and the signal's number where a signal ended it.
        """
        while not self._exited.wait(_TICK):
            on_tick()
            if self._stop.asked:
                self._may_go_on()
        self._listener.join()
        code = self._process.returncode
        return code if code >= 0 else _SIGNAL_EXIT - code

    def _wait_for_room(self) -> bool:
        """Wait a little; false once nothing more will be taken."""
        watched = [] if self._stop.asked else [self._stop]
        select.select(watched, [self._input], [], _TICK)
        return self._goes_on()

    def _goes_on(self) -> bool:
        """Whether the loader still takes input; a child that it left may hold the pipe open."""
        return not self._exited.is_set() and (not self._stop.asked or self._may_go_on())

    def _may_go_on(self) -> bool:
        """Whether the loader still has time to drain; signals it when it has not."""
        overdue = self._stop.seconds_since() - DRAIN_SECONDS
        if overdue < 0:
            return True
        self.trusted = False
        if not self._signalled:
            self._signalled = True
            _logger.warning("The loader did not end in %.0f s; ending it.", DRAIN_SECONDS)
            self._signal(signal.SIGTERM)
        elif overdue > KILL_SECONDS:
            self._signal(signal.SIGKILL)
        return False

    def _signal(self, signum: signal.Signals) -> None:
        if not self._exited.is_set():
            try:
                os.killpg(self._process.pid, signum)
            except ProcessLookupError:
                _logger.debug("The loader is gone already.")

    def _close_input(self) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            stdin.close()

    def _reap(self) -> None:
        self._process.wait()
        self._exited.set()

    def _listen(self) -> None:
        try:
            self._read_output()
        except BaseException:
            # A bug: nothing that the loader says counts any more, and nobody reads it.
            self.trusted = False
            self._stop.ask()
            raise

    def _read_output(self) -> None:
        """Hear lines until the loader's output ends.

        A child that it left behind may hold its output open: once the loader has exited,
        what was printed is read and nothing more waited for.
        """
        rest = b""
        while True:
            ended = self._exited.is_set()
            ready, _, _ = select.select([self._output], [], [], _TICK)
            if not ready:
                if ended:
                    return
                continue
            chunk = os.read(self._output, _BLOCK)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._hear(line)
            if not chunk:
                self._hear(rest)
                return

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
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
    except FileNotFoundError:
        raise LoaderError(
            f"The loader {words[0]!r} is not found. Install it, or name its whole path in loader.",
        ) from None
    except OSError as error:
        raise LoaderError(
            f"The loader {words[0]!r} cannot be started ({error.strerror}). Check loader.",
        ) from None


def _unread(pipe: int) -> int:
    """Return how many bytes the reader has not taken from a pipe yet."""
    raw = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int(struct.unpack("i", raw)[0])
