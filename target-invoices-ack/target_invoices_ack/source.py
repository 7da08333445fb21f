"""Input as blocks of whole lines, until its end or until the program is asked to stop."""

from __future__ import annotations

import io
import os
import select
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_invoices_ack.stopping import Stop

_BLOCK = 1 << 18


class Source:
    """Reads whole lines.

    Attributes:
        rest: At the end, what stood behind the last newline.
    """

    def __init__(
        self,
        file: IO[str] | IO[bytes],
        stop: Stop,
        *,
        idle: float | None = None,
    ) -> None:
        """Read from a file, a pipe or a terminal.

        Args:
            file: What to read; one without a file descriptor is read at once.
            stop: Ends the reading when asked, also while input is waited for.
            idle: Seconds without input after which an empty block is yielded.
        """
        self._file = file
        self._stop = stop
        self._idle = idle
        self.rest = b""

    def blocks(self) -> Iterator[bytes]:
        """Read to the end.

        Yields:
            One or more whole lines, as they came; nothing where nothing has come.
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
        self.rest = b"".join(parts)

    def _chunks(self) -> Iterator[bytes]:
        try:
            descriptor = self._file.fileno()
        except (AttributeError, io.UnsupportedOperation):
            text = self._file.read()
            yield text.encode() if isinstance(text, str) else text
            return
        asked = self._stop.fileno()
        while True:
            ready, _, _ = select.select([asked, descriptor], [], [], self._idle)
            if asked in ready:
                return
            chunk = os.read(descriptor, _BLOCK) if ready else b""
            if ready and not chunk:
                return
            yield chunk
