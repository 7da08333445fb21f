"""The pipes of a loader: what goes in, and what comes out."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK_SIZE = 1 << 16
_TICK_S = 0.2
_MAX_PAUSE_MS = 50
_MAX_LINE_BYTES = 64 << 20
"""Far more than any STATE has; a loader that emits no newline must not fill the memory."""


class StdinFeeder:
    """Writes a loader's input, and finds out whether the loader has processed all of it.

    A loader that ends early may exit with 0 too, although it has not processed all lines that
    it has read. So the last byte is held back until more input comes: a loader that reads this
    byte had read everything else before, and has called `read` again.

    Args:
        pipe: The loader's standard input.
        keep_going: Called while there is something to wait for; false once the loader will
            take no more.
    """

    def __init__(self, pipe: IO[bytes], keep_going: Callable[[], bool]) -> None:
        self._pipe = pipe
        self._keep_going = keep_going
        self._held_byte = b""
        self._written = self._consumed = 0
        self._lock = threading.Lock()  # so that what is written is not counted in between
        os.set_blocking(pipe.fileno(), False)

    def write(self, block: bytes) -> bool:
        """Write whole lines, waiting while the loader is slow.

        Args:
            block: The lines; empty if nothing has come for a while, and the byte that is held
                back should not wait any longer.

        Returns:
            Whether the loader still takes input.
        """
        left = memoryview(self._held_byte + block)
        self._held_byte = block[-1:]
        if block:
            left = left[:-1]
        while left:
            try:
                left = left[self._write_some(left) :]
            except BlockingIOError:
                wait_until_writable(self._pipe)
                if not self._keep_going():
                    return False
            except BrokenPipeError:
                return False
        return self._is_open()

    def end(self) -> bool:
        """Let the loader take what is left, then close its input.

        Returns:
            Whether it consumed everything and was still reading then.
        """
        consumed = self._is_drained() and self.write(b"") and self._is_drained()
        self.close()
        return consumed

    def close(self) -> None:
        """Close the loader's input."""
        self._consumed = self.consumed()
        with self._lock:
            self._pipe.close()

    def consumed(self) -> int:
        """Return how many bytes the loader has read, until its input was closed."""
        with self._lock:
            if self._pipe.closed:
                return self._consumed
            return self._written - _bytes_in_pipe(self._pipe.fileno())

    def _write_some(self, data: memoryview) -> int:
        with self._lock:
            size = os.write(self._pipe.fileno(), data)
            self._written += size
        return size

    def _is_drained(self) -> bool:
        """Wait until everything that was written is read; false once nobody will."""
        pause = 1
        while _bytes_in_pipe(self._pipe.fileno()):
            if not self._is_open(pause):
                return False
            pause = min(pause * 2, _MAX_PAUSE_MS)
        return self._is_open()

    def _is_open(self, pause: int = 0) -> bool:
        """Whether there is still a reader; waits so many milliseconds to see it leave."""
        errors = select.poll()
        errors.register(self._pipe, 0)
        return not errors.poll(pause) and self._keep_going()


def iter_lines(pipe: IO[bytes], exited: threading.Event) -> Iterator[bytes]:
    """Read what a loader emits.

    A child process of the loader may keep the pipe open and go on writing. So once the loader
    has exited, only what is in the pipe at that moment is read.

    Args:
        pipe: The loader's standard output.
        exited: Set once the loader has exited.

    Yields:
        Each line; an empty line if none has come for a while; at the end what follows the last
        newline.
    """
    lines = LineBuffer()
    for chunk in iter_chunks(pipe, exited):
        yield from lines.feed(chunk) if chunk else (b"",)
    yield lines.flush()


def iter_chunks(pipe: IO[bytes], exited: threading.Event) -> Iterator[bytes]:
    """Read what a loader writes to a pipe, as in `iter_lines`; an empty chunk if none comes."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    left = None
    while left is None or left > 0:
        if left is None and exited.is_set():
            left = _bytes_in_pipe(pipe.fileno())
        elif poll.poll(_TICK_S * 1000):
            chunk = os.read(pipe.fileno(), _BLOCK_SIZE if left is None else min(left, _BLOCK_SIZE))
            if not chunk:
                return
            left = left if left is None else left - len(chunk)
            yield chunk
        else:
            yield b""


class LineBuffer:
    """Splits chunks into lines; of one that is far too long only the beginning is kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take in a chunk; yields the lines that end in it."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._add(part)
            yield self.flush()
        self._add(rest)

    def flush(self) -> bytes:
        """Return what no newline has followed yet, and forget it."""
        rest = b"".join(self._parts)
        self._parts, self._size = [], 0
        return rest

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > _MAX_LINE_BYTES:
            del self._parts[1:]


def wait_until_writable(pipe: IO[bytes] | int) -> None:
    """Wait a moment for room in a pipe that does not block."""
    poll = select.poll()
    poll.register(pipe, select.POLLOUT)
    poll.poll(_TICK_S * 1000)


def _bytes_in_pipe(descriptor: int) -> int:
    """Return how many bytes stand in a pipe that nobody has read yet."""
    raw = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4)
    return int(struct.unpack("i", raw)[0])
