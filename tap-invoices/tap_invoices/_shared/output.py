"""Everything on stdout goes through here, and every line is written completely.

With `PYTHONUNBUFFERED=1`, and for a non-blocking pipe, a write of Python's may accept fewer
bytes than it is given, and a signal may cut it short. A cut RECORD with a STATE behind it would
be taken for delivered.
"""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from contextlib import suppress
from typing import Any

from typing_extensions import override

_BUFFER_SIZE = 1 << 16
_STANDARD_STREAMS = (0, 1, 2)


class CompleteWriter(io.BufferedIOBase):
    """A buffered writer for a file descriptor that writes all it is given, in order.

    After a write has failed, nothing more is written: a STATE would claim the missing records.

    Args:
        descriptor: What to write to: a pipe, a file, a socket or a terminal.

    Attributes:
        is_writing: Whether it is writing at this moment. A signal handler must not raise then.
        failure: What made a write fail, if one did.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.is_writing = False
        self.failure: BaseException | None = None
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._unfinished = 0  # bytes written of a line whose end is not written yet

    @property
    def name(self) -> str:
        """What the writer is for, as files have it."""
        return "<stdout>"

    @override
    def writable(self) -> bool:
        return True

    @override
    def fileno(self) -> int:
        return self._descriptor

    @override
    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    @override
    def write(self, data: Any, /) -> int:
        """Take in bytes; they are written once they are many, or at the next `flush`."""
        self._buffer += data
        if len(self._buffer) >= _BUFFER_SIZE:
            self.flush()
        return len(data)

    @override
    def flush(self) -> None:
        """Write everything that was taken in.

        Raises:
            OSError: The reader is gone, or the disk is full.
        """
        if self.failure:
            self._buffer = bytearray()
        if not self._buffer:
            return
        self.is_writing = True
        try:
            self._write_all()
        except BaseException as error:
            self.failure = error
            with suppress(OSError):
                self._remove_unfinished_line()
            raise
        finally:
            self._buffer = bytearray()
            self.is_writing = False

    def _write_all(self) -> None:
        written = 0
        with memoryview(self._buffer) as view:
            while written < len(view):
                try:
                    size = os.write(self._descriptor, view[written:])
                except BlockingIOError:
                    poll = select.poll()
                    poll.register(self._descriptor, select.POLLOUT)
                    poll.poll()
                    continue
                line_end = self._buffer.rfind(b"\n", written, written + size) + 1
                written += size
                self._unfinished = written - line_end if line_end else self._unfinished + size

    def _remove_unfinished_line(self) -> None:
        """Cut the beginning of a line off a file, unless somebody else writes to it too."""
        state = os.fstat(self._descriptor)
        if self._unfinished and stat.S_ISREG(state.st_mode):
            position = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if position == state.st_size:
                os.ftruncate(self._descriptor, position - self._unfinished)
                os.lseek(self._descriptor, -self._unfinished, os.SEEK_CUR)


_writer: CompleteWriter | None = None


def install() -> None:
    """Make `sys.stdout` write completely, and keep closed standard streams from being reused.

    The descriptor of a stream that is closed at start would be given to the next file or socket.
    """
    global _writer  # noqa: PLW0603 - a program has one stdout
    for descriptor in _STANDARD_STREAMS:
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003
    if sys.stdout is not None:
        _writer = CompleteWriter(sys.stdout.fileno())
        sys.stdout = io.TextIOWrapper(
            _writer, encoding="utf-8", errors="surrogateescape", newline="\n"
        )


def flush_stderr() -> None:
    """Flush stderr; if nobody can read it any more, the run does not fail for that.

    Python would flush it at the end, and end with 120 if it cannot.
    """
    try:
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # full, closed or absent
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def is_writing() -> bool:
    """Whether a line is being written to stdout at this moment: a handler must not raise."""
    return _writer is not None and _writer.is_writing


def failure() -> BaseException | None:
    """Return what made a write to stdout fail, if one did."""
    return _writer.failure if _writer else None
