"""Input as blocks of whole lines, until its end or until the program has to stop."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from typing import IO, TYPE_CHECKING

from target_invoices_ack._shared.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_invoices_ack.shutdown import StopEvent

_BLOCK_SIZE = 1 << 18


class InputReader:
    """Reads whole lines.

    Args:
        file: A file, a pipe or a terminal; one without a file descriptor is read at once.
        stop: Ends the reading when set, also while input is waited for.
        idle_timeout: Seconds without input after which an empty block is yielded.

    Attributes:
        remainder: At the end, what stood behind the last newline.
        has_ended: Whether the end of the input was reached.
    """

    def __init__(
        self,
        file: IO[str] | IO[bytes],
        stop: StopEvent,
        *,
        idle_timeout: float | None = None,
    ) -> None:
        self.remainder = b""
        self.has_ended = False
        self._file = file
        self._stop = stop
        self._idle_timeout = idle_timeout

    def iter_blocks(self) -> Iterator[bytes]:
        """Read to the end.

        Yields:
            One or more whole lines, as they came; an empty block if none has come for a while.

        Raises:
            PluginError: The input cannot be read.
        """
        parts: list[bytes] = []
        for chunk in self._chunks():
            if not chunk:
                yield chunk
                continue
            head, newline, tail = chunk.rpartition(b"\n")
            if newline:
                yield b"".join((*parts, head, newline))
                parts = [tail] if tail else []
            else:
                parts.append(chunk)
        self.remainder = b"".join(parts)

    def discard(self) -> None:
        """Read and discard the rest of a pipe, until its end or a signal.

        What writes to it would otherwise end with an error of its own, and under Meltano
        three tracebacks would bury the reason.
        """
        descriptor = self._descriptor()
        if self.has_ended or descriptor is None or not _is_pipe(descriptor):
            return
        poll = _poll(self._stop.signal_fileno(), descriptor)
        try:
            while self._stop.signal_fileno() not in _ready(poll):
                if not os.read(descriptor, _BLOCK_SIZE):
                    return
        except OSError:
            return  # as at its end

    def _chunks(self) -> Iterator[bytes]:
        descriptor = self._descriptor()
        if descriptor is None:
            text = self._file.read()
            self.has_ended = True
            yield text.encode() if isinstance(text, str) else text
            return
        poll = _poll(self._stop.fileno(), descriptor)
        while self._stop.fileno() not in (ready := _ready(poll, self._idle_timeout)):
            chunk = _read(descriptor) if ready else None
            if chunk == b"":
                self.has_ended = True
                return
            yield chunk or b""

    def _descriptor(self) -> int | None:
        try:
            return self._file.fileno()
        except (AttributeError, io.UnsupportedOperation):
            return None


def _read(descriptor: int) -> bytes | None:
    """Read what is there; None if nothing is yet, and `b""` at the end."""
    try:
        return os.read(descriptor, _BLOCK_SIZE)
    except BlockingIOError:
        return None
    except OSError as error:
        raise PluginError(f"The input cannot be read ({error.strerror}).") from None


def _poll(*descriptors: int) -> select.poll:
    """Watch file descriptors; unlike `select`, with any number of them open."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return poll


def _ready(poll: select.poll, timeout: float | None = None) -> set[int]:
    milliseconds = None if timeout is None else timeout * 1000
    return {descriptor for descriptor, _ in poll.poll(milliseconds)}


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def standard_input() -> IO[bytes]:
    """Return the binary side of stdin.

    Raises:
        PluginError: It is closed.
    """
    if sys.stdin is None:
        raise PluginError("stdin is closed. Pipe the output of a tap into the target.")
    return sys.stdin.buffer
