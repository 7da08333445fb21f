"""From the loader's STATEs to the invoices that they confirm. Pure: no I/O, no clock.

The tap's STATEs are numbered from 1. A STATE that the loader prints says for each stream,
by the bookmark that it carries, up to which of the tap's STATEs that stream is loaded. An
invoice stands before one of the tap's STATEs and counts as loaded, lines and all, once
every stream has come that far.

That a bookmark stays the same proves nothing of a stream that is being sent: its records
may still come, such as the lines of an invoice that stands before the STATE.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_invoices_ack.idset import IdSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WHOLE = ""
"""The one "stream" of a state that has no bookmarks."""

_ABSENT = b""
"""The bookmark of a stream that a state does not have."""

_KEPT_BYTES = 16 << 20


@dataclass(frozen=True)
class Confirmed:
    """What has just been confirmed.

    Attributes:
        ids: Invoices to mark, in the order in which they came.
        state: The tap's STATE that may be printed once they are marked, if one may.
    """

    ids: Sequence[int] = field(default_factory=tuple)
    state: bytes | None = None


class Track:
    """One stream: which of its bookmarks stands in which of the tap's STATEs."""

    def __init__(self, number: int, bookmark: bytes) -> None:
        """Start with a bookmark that proves what came before STATE `number`."""
        self.passed = 0
        self._last = bookmark
        self._proves = {bookmark: number}

    def moved(self, number: int, bookmark: bytes, *, is_sent: bool) -> None:
        """Take in the stream's bookmark in the tap's next STATE.

        A bookmark that stays proves more only as long as the stream is not sent at all,
        and one that comes back proves no more than it did at first.
        """
        if bookmark != self._last:
            self._last = bookmark
            self._proves.setdefault(bookmark, number)
        elif not is_sent:
            self._proves[bookmark] = number

    def heard(self, bookmark: bytes) -> bool:
        """Take in the stream's bookmark in a STATE of the loader.

        Returns:
            Whether the tap ever sent it.
        """
        number = self._proves.get(bookmark)
        if number is not None:
            self.passed = max(self.passed, number)
        return number is not None


class Ledger:
    """Invoices that were sent to the loader, until they are confirmed.

    An invoice costs three places of eight bytes: in its order, and in two sets.
    """

    def __init__(self) -> None:
        """Start with nothing sent."""
        self._sent = 0
        self._tracks: dict[str, Track] = {}
        self._streams: set[str] = set()
        self._blocks: deque[tuple[int, array[int]]] = deque()
        self._open: array[int] = array("q")
        self._moved: dict[int, int] = {}
        self._held: dict[int, int] = {}
        self._came = IdSet()
        self._done = IdSet()
        self._states = States()

    @property
    def waiting(self) -> int:
        """How many invoices are not confirmed."""
        return len(self._came) - len(self._done)

    @property
    def received(self) -> int:
        """How many different invoices were sent."""
        return len(self._came)

    @property
    def unfollowed(self) -> int:
        """How many invoices no STATE of the tap follows."""
        return len(set(self._open))

    def schema(self, stream: str) -> None:
        """Note that records of a stream go to the loader from now on."""
        self._streams.add(stream)

    def invoice(self, invoice_id: int) -> None:
        """Note that an invoice goes to the loader.

        One that comes again while it waits is confirmed with its last coming.
        """
        if not self._came.add(invoice_id):
            if invoice_id in self._done:
                return
            self._moved[invoice_id] = self._sent + 1
        self._open.append(invoice_id)

    def sent(self, state: bytes) -> None:
        """Note that the tap's next STATE goes to the loader.

        Args:
            state: Its value, as JSON.
        """
        self._sent += 1
        bookmarks = bookmarks_of(state)
        # A stream that no bookmark is named after, such as one that a stream map has
        # renamed, may be any of them.
        strangers = self._streams - bookmarks.keys() - self._tracks.keys()
        for stream in bookmarks.keys() - self._tracks.keys():
            unproven = strangers or stream in self._streams
            self._tracks[stream] = Track(0 if unproven else self._sent - 1, _ABSENT)
            self._tracks[stream].heard(_ABSENT)
        for stream, track in self._tracks.items():
            is_sent = bool(strangers) or stream in self._streams
            track.moved(self._sent, bookmarks.get(stream, _ABSENT), is_sent=is_sent)
        if self._open:
            self._blocks.append((self._sent, self._open))
            self._open = array("q")
        self._states.add(self._sent, state)

    def heard(self, state: bytes) -> Confirmed | None:
        """Take in a STATE that the loader printed.

        Args:
            state: Its value, as JSON.

        Returns:
            What it confirms, which may be nothing; None where it is no STATE of this tap.
        """
        try:
            bookmarks = bookmarks_of(state)
        except (ValueError, RecursionError):
            return None
        known = [
            self._tracks[stream].heard(bookmark)
            for stream, bookmark in bookmarks.items()
            if stream in self._tracks
        ]
        if not any(known):
            return None
        return self._release(min(track.passed for track in self._tracks.values()))

    def ended(self) -> Confirmed:
        """Take in that the loader took all its input and exited with 0.

        That confirms all that a STATE of the tap follows, whatever the loader printed.
        """
        return self._release(self._sent)

    def _release(self, number: int) -> Confirmed:
        ids = array("q")
        while self._blocks and self._blocks[0][0] <= number:
            at, block = self._blocks.popleft()
            for invoice_id in self._of_block(at, block):
                ids.append(invoice_id)
                self._done.add(invoice_id)
        # No STATE may claim an invoice that came before it and has to wait.
        proven = min([number + 1, *self._held.values()]) - 1
        return Confirmed(ids, self._states.take(proven))

    def _of_block(self, at: int, block: array[int]) -> Iterator[int]:
        if not self._moved:
            yield from block
            return
        for invoice_id in dict.fromkeys(block):
            if self._moved.get(invoice_id, at) == at:
                self._moved.pop(invoice_id, None)
                self._held.pop(invoice_id, None)
                yield invoice_id
            else:
                self._held.setdefault(invoice_id, at)


class States:
    """The tap's STATEs that may be printed one day; of too many, every other one is let go."""

    def __init__(self, most: int = _KEPT_BYTES) -> None:
        """Keep about `most` bytes."""
        self._most = most
        self._size = 0
        self._kept: deque[tuple[int, bytes]] = deque()

    def add(self, number: int, state: bytes) -> None:
        """Keep a STATE."""
        self._kept.append((number, state))
        self._size += len(state)
        if self._size > self._most:
            # From the newest: the last one is what a good end prints.
            self._kept = deque(list(self._kept)[::-2][::-1])
            self._size = sum(len(each) for _, each in self._kept)

    def take(self, number: int) -> bytes | None:
        """Return the newest one up to `number`, and forget it and those before."""
        found = None
        while self._kept and self._kept[0][0] <= number:
            _, found = self._kept.popleft()
            self._size -= len(found)
        return found


def bookmarks_of(state: bytes) -> dict[str, bytes]:
    """Return a digest of each stream's bookmark, the same however the JSON is written.

    Raises:
        ValueError: The state is no JSON.
    """
    value = json.loads(state)
    bookmarks = value.get("bookmarks") if isinstance(value, dict) else None
    if not isinstance(bookmarks, dict):
        return {_WHOLE: _digest(value)} if value else {}
    return {stream: _digest(bookmark) for stream, bookmark in bookmarks.items()}


def _digest(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=12).digest()
