"""The loader: a child process that is fed, listened to, and given time to drain."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.command import SIGNAL_EXIT
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.redact import shorten
from target_invoices_ack._shared.threads import start_thread
from target_invoices_ack.relay.loader_command import start_error
from target_invoices_ack.relay.pipes import (
    LineBuffer,
    StdinFeeder,
    iter_chunks,
    iter_lines,
    wait_until_writable,
)
from target_invoices_ack.relay.signal_mask import BLOCKED_SIGNALS, find_unmasked_process
from target_invoices_ack.relay.state_gate import StateGate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_invoices_ack.shutdown import StopEvent

DRAIN_TIME_S = 20.0
"""How long the loader may drain after a signal or a failure, before it is killed."""

_TICK_S = 0.2
_LAST_LINES = 5
_STDERR = 2
_MAX_LINE = 300

_logger = logging.getLogger(PLUGIN_NAME)


class Loader:
    """A Singer loader as a child process that no SIGINT and no SIGTERM reaches.

    A signal reaches the target, which ends the loader's input, and the loader drains.

    Args:
        words: Its command.
        environment: Its environment.
        stop: Ends feeding when set.
        on_line: Called, in another thread, with each line that it emits and that counts.
        on_tick: Called every now and then while the loader is waited for.

    Attributes:
        consumed_all: Whether it was still reading when its input ended, with nothing left.
        is_orderly: Whether it then exited with 0, and no signal can have interrupted it.
        exit_code: Its exit code once it has ended; 128 and the signal's number if a signal
            ended it.
        seconds: How long it ran.
    """

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        stop: StopEvent,
        on_line: Callable[[bytes], None],
        on_tick: Callable[[], None],
    ) -> None:
        self.consumed_all = self.is_orderly = False
        self.exit_code = 0
        self.seconds = 0.0
        self._words = words
        self._environment = environment
        self._stop = stop
        self._on_line = on_line
        self._on_tick = on_tick
        self._was_killed = self._input_has_ended = False
        self._exited = threading.Event()
        self._last_lines: deque[bytes] = deque(maxlen=_LAST_LINES)

    def start(self) -> None:
        """Start it.

        Raises:
            PluginError: It cannot be started.
        """
        self._started_at = time.monotonic()
        self._process = _popen_with_blocked_signals(self._words, self._environment)
        self._feeder = StdinFeeder(_opened(self._process.stdin), self._accepts_input)
        self._gate = StateGate(
            lambda: find_unmasked_process(self._process.pid), self._feeder.consumed, self._stop
        )
        self._threads = [
            threading.Thread(target=target, name=f"loader-{target.__name__}", daemon=True)
            for target in (self._wait_for_exit, self._read_output, self._read_errors)
        ]
        try:
            for thread in self._threads:
                start_thread(thread)
        except PluginError:
            self._process.kill()
            raise

    def feed(self, block: bytes) -> bool:
        """Write whole lines to the loader; waits while it is slow.

        Args:
            block: The lines; empty if nothing has come for a while.

        Returns:
            Whether it still takes input. If not, its input is closed, its exit confirms
            nothing, and it has to end within a bound.
        """
        if self._feeder.write(block):
            return True
        self._input_has_ended = True
        self._feeder.close()
        self._stop_if_still_running()
        return False

    def end_input(self) -> None:
        """Let the loader take what is left, then close its input, unless that was done.

        That it was still reading then tells an orderly end from one in the middle: both may
        exit with 0.
        """
        if self._input_has_ended:
            return
        self._input_has_ended = True
        self.consumed_all = self._feeder.end()
        if not self.consumed_all:
            self._stop_if_still_running()

    def wait(self) -> None:
        """Wait until the loader has ended and everything that it emitted was read."""
        while not self._exited.wait(_TICK_S):
            self._on_tick()
            self._kill_if_overdue()
        self.seconds = time.monotonic() - self._started_at
        for thread in self._threads:
            thread.join()
        is_trusted = self.consumed_all and not self._was_killed and self._gate.is_exit_trusted()
        code = self._process.wait()
        self.exit_code = code if code >= 0 else SIGNAL_EXIT - code
        self.is_orderly = is_trusted and code == 0
        for line in self._gate.finish(is_orderly=self.is_orderly):
            self._on_line(line)

    def problem(self) -> str:
        """Describe why its exit confirms nothing."""
        if self.exit_code:
            lines = (shorten(line.decode(errors="replace"), _MAX_LINE) for line in self._last_lines)
            log = " / ".join(filter(None, lines))
            return (
                f"The loader failed with exit code {self.exit_code}; what it had not confirmed "
                "stays unmarked and is delivered again."
                + (f" Its last log lines: {log}" if log else "")
            )
        if not self.consumed_all:
            return (
                "The loader ended before it had taken all its input; only what it confirmed by a "
                "STATE is marked. The next run delivers the rest."
            )
        return (
            "A signal may have interrupted the loader; only what it confirmed before is marked. "
            "The next run delivers the rest."
        )

    def _stop_if_still_running(self) -> None:
        """Bound the life of a loader that has closed its input and does not exit."""
        if not self._exited.wait(_TICK_S) and not self._stop.is_set:
            _logger.warning("The loader reads no more; it has %.0f s to end.", DRAIN_TIME_S)
            self._stop.set()

    def _accepts_input(self) -> bool:
        """Whether the loader still takes input; a child that it left may hold the pipe open."""
        self._on_tick()
        return not self._exited.is_set() and not self._kill_if_overdue()

    def _kill_if_overdue(self) -> bool:
        """Kill the loader if it had its time to drain; return whether it had."""
        is_overdue = self._stop.seconds_since_set() >= DRAIN_TIME_S
        if is_overdue and not self._was_killed:
            self._was_killed = True
            _logger.warning("The loader did not end in %.0f s; killing it.", DRAIN_TIME_S)
            self._kill()
        return is_overdue

    def _kill(self) -> None:
        if not self._exited.is_set():
            with suppress(ProcessLookupError):  # it is gone already
                os.killpg(self._process.pid, signal.SIGKILL)

    def _wait_for_exit(self) -> None:
        if hasattr(os, "waitid"):
            # Until it is reaped, its signal mask can be looked up.
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        self._exited.set()

    def _read_output(self) -> None:
        pipe = _opened(self._process.stdout)
        try:
            for line in iter_lines(pipe, self._exited):
                is_empty = not line.strip()
                trusted = self._gate.release_due() if is_empty else self._gate.receive(line)
                for each in trusted:
                    if not self._was_killed:
                        self._on_line(each)
        except BaseException:
            # A bug: nothing that the loader says counts any more, and nobody reads it.
            self._was_killed = True
            self._stop.set()
            raise
        finally:
            pipe.close()

    def _read_errors(self) -> None:
        """Pass on what the loader writes to stderr, and keep the last lines."""
        pipe = _opened(self._process.stderr)
        lines = LineBuffer()
        rest = b""
        for chunk in iter_chunks(pipe, self._exited):
            # Whole lines, so that ours do not fall into them; the rest if no more comes soon.
            head, newline, tail = (rest + chunk).rpartition(b"\n") if chunk else (rest, b"", b"")
            _write_to_stderr(head + newline)
            rest = tail
            self._last_lines.extend(line for line in lines.feed(chunk) if line.strip())
        _write_to_stderr(rest)
        self._last_lines.extend(line for line in (lines.flush(),) if line.strip())
        pipe.close()


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - for mypy
    return pipe


def _write_to_stderr(data: bytes) -> None:
    """Write to stderr as the loader itself would; if nobody reads it, that is not our problem."""
    left = memoryview(data)
    with suppress(OSError):
        while left:
            try:
                left = left[os.write(_STDERR, left) :]
            except BlockingIOError:
                wait_until_writable(_STDERR)


def _popen_with_blocked_signals(
    words: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    _keep_exit_codes()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
    try:
        return subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
    except OSError as error:
        raise start_error(words, error.strerror) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _keep_exit_codes() -> None:
    """Undo an inherited setting because of which the exit code would be lost, and read as 0."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
