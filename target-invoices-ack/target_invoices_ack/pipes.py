"""The two pipes of a loader: what goes in, and what comes out."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

_BLOCK = 1 << 16
_TICK = 0.2  # seconds
_LONGEST_PAUSE = 50  # milliseconds
_LONGEST_LINE = 64 << 20
"""Far more than any STATE has; a loader that prints no newline must not fill the memory."""


class Feed:
    """A loader's input, written so that it shows whether all of it was taken.

    A loader that ends early may exit with 0 too, with lines that it has read and never
    looked at. So the last byte is held back until more comes: a loader that has read all
    the rest and then takes this byte has come back for more.
    """

    def __init__(self, pipe: IO[bytes], goes_on: Callable[[], bool]) -> None:
        """Write to a pipe.

        Args:
            pipe: The loader's standard input.
            goes_on: Asked while there is something to wait for; false once the loader
                will take no more.
        """
        self._pipe = pipe
        self._goes_on = goes_on
        self._held = b""
        os.set_blocking(pipe.fileno(), False)

    def write(self, block: bytes) -> bool:
        """Write whole lines, waiting while the loader is slow.

        Args:
            block: The lines; empty where nothing has come for a while, and the byte that
                is held back should not wait any longer.

        Returns:
            Whether the loader still takes input.
        """
        left = memoryview(self._held + block)
        self._held = block[-1:]
        if block:
            left = left[:-1]
        while left:
            try:
                left = left[os.write(self._pipe.fileno(), left) :]
            except BlockingIOError:
                select.select([], [self._pipe], [], _TICK)
                if not self._goes_on():
                    return False
            except BrokenPipeError:
                return False
        return self._is_open()

    def end(self) -> bool:
        """Let the loader take what is left, then close its input.

        Returns:
            Whether it took everything and was still reading then.
        """
        taken = self._is_taken() and self.write(b"") and self._is_taken()
        self.close()
        return taken

    def close(self) -> None:
        """Close the loader's input."""
        self._pipe.close()

    def _is_taken(self) -> bool:
        """Wait until all that was written is read; false once nobody will."""
        pause = 1
        while _unread(self._pipe.fileno()):
            if not self._is_open(pause):
                return False
            pause = min(pause * 2, _LONGEST_PAUSE)
        return self._is_open()

    def _is_open(self, pause: int = 0) -> bool:
        """Whether there is still a reader; waits so many milliseconds to see it leave."""
        errors = select.poll()
        errors.register(self._pipe, 0)
        return not errors.poll(pause) and self._goes_on()


def lines_of(pipe: IO[bytes], exited: threading.Event) -> Iterator[bytes]:
    """Read what a loader prints.

    A child that it leaves behind may hold its output open, and write to it for ever: once
    the loader has exited, what is in the pipe is read and nothing more.

    Args:
        pipe: The loader's standard output.
        exited: Set once the loader has exited.

    Yields:
        Each line; at last what stands behind the last newline.
    """
    lines = _Lines()
    left = None
    while left is None or left > 0:
        if left is None and exited.is_set():
            left = _unread(pipe.fileno())
        elif select.select([pipe], [], [], _TICK)[0]:
            chunk = os.read(pipe.fileno(), _BLOCK if left is None else min(left, _BLOCK))
            left = left if left is None else left - len(chunk)
            yield from lines.cut(chunk)
            if not chunk:
                break
    yield lines.rest()


class _Lines:
    """Cuts chunks into lines; of one that is far too long only the beginning is kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def cut(self, chunk: bytes) -> Iterator[bytes]:
        """Take in a chunk; yields the lines that end in it."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._add(part)
            yield self.rest()
        self._add(rest)

    def rest(self) -> bytes:
        """Return what no newline has followed yet, and forget it."""
        rest = b"".join(self._parts)
        self._parts, self._size = [], 0
        return rest

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > _LONGEST_LINE:
            del self._parts[1:]


def _unread(pipe: int) -> int:
    """Return how many bytes stand in a pipe that nobody has read yet."""
    raw = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int(struct.unpack("i", raw)[0])
