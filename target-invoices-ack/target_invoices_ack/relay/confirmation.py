"""From the loader's STATEs to the invoices that they confirm. Pure: no I/O, no clock.

The tap's STATEs are numbered from 1. A STATE that the loader emits says for each stream, by
the bookmark that it carries, up to which of the tap's STATEs that stream is loaded. An invoice
counts as loaded, lines and all, once every stream has come as far as the first of the tap's
STATEs that follows it.

That is so only if the tap sends the lines of an invoice before that STATE. `tap-invoices` does.
What any other tap has to guarantee:

- It announces all its streams by a SCHEMA before its first STATE.
- It sends each invoice's lines, which carry `invoice_id`, directly after the invoice, with no
  STATE in between. Then invoices are marked while it runs.
- Or it sends them in any other order, and its output never ends with a STATE before everything
  is sent, not even if it is killed. Then nothing is marked before the loader has exited with 0.

So the tap is watched. No invoice counts before a record of another stream was seen to follow
its own invoice directly, or the input is complete: its last message is a STATE. Once a record
did not, or while a stream that was announced has no bookmark, no invoice counts before the
input is complete and the loader has exited with 0.
"""

from __future__ import annotations

import hashlib
import json
import sys
from array import array
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from target_invoices_ack._shared.delivered_ids import tap_invoices_bookmarks
from target_invoices_ack.input.messages import decode_state
from target_invoices_ack.relay.id_set import IdSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

T = TypeVar("T")

_WHOLE_STATE = ""
"""The one "stream" of a state that has no bookmarks."""

_ABSENT = b""
"""The bookmark of a stream that a state does not have."""

_MAX_STATE_BYTES = 16 << 20
_MAX_PROOFS = 20_000


@dataclass(frozen=True)
class Confirmation:
    """What has just been confirmed.

    Args:
        ids: Invoices to mark, in the order in which they came.
        state: The tap's STATE that may be emitted once they are marked, if one may.
    """

    ids: Sequence[int]
    state: bytes | None


class StreamProgress:
    """How far one stream is loaded, by its bookmarks in the tap's STATEs.

    Args:
        number: The STATE up to which the stream is loaded already.

    Attributes:
        confirmed_up_to: The tap's STATE up to which the stream is loaded.
        has_changed: Whether its bookmark differed between two of the tap's STATEs.
    """

    def __init__(self, number: int) -> None:
        self.confirmed_up_to = number
        self.has_changed = False
        self._last = _ABSENT
        self._proofs = {_ABSENT: number}
        self._seen = IdSet()  # digests of 8 bytes, so that a bookmark costs hardly more

    def advance(self, number: int, bookmark: bytes, *, is_announced: bool) -> None:
        """Record the stream's bookmark in the tap's next STATE.

        Each bookmark proves that the stream is loaded up to the STATE in which it first appeared.
        A bookmark that does not change proves the later STATEs too, but only if the tap does not
        send the stream at all.
        """
        if bookmark != self._last:
            self.has_changed = self.has_changed or number > 1
            self._last = bookmark
            if self._seen.add(int.from_bytes(bookmark[:8], "big", signed=True)):
                self._proofs[bookmark] = number
                self._drop_confirmed_proofs()
        elif not is_announced:
            self._proofs.pop(bookmark, None)
            self._proofs[bookmark] = number

    def confirm(self, bookmark: bytes) -> None:
        """Take in the stream's bookmark in a STATE of the loader."""
        self.confirmed_up_to = max(self.confirmed_up_to, self._proofs.get(bookmark, 0))

    def _drop_confirmed_proofs(self) -> None:
        while (oldest := next(iter(self._proofs.items())))[1] <= self.confirmed_up_to:
            del self._proofs[oldest[0]]
        if len(self._proofs) > _MAX_PROOFS:
            self._proofs = dict(_thin(self._proofs.items()))


class ConfirmationTracker:
    """Tracks the invoices that were sent to the loader until they are confirmed.

    It keeps 24 bytes for each invoice: eight for its place in the order, and eight in each of
    two sets.

    Args:
        stream: The stream that holds the invoices.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._state_count = 0
        self._streams: dict[str, StreamProgress] = {}
        self._announced: set[str] = set()
        self._blocks: deque[tuple[int, array[int]]] = deque()
        self._current: array[int] = array("q")
        self._redelivered_at: dict[int, int] = {}
        self._blocked: dict[int, int] = {}
        self._received = IdSet()
        self._confirmed = IdSet()
        self._states = PendingStates()
        self._latest: int | None = None
        self._has_other_records = False
        self._is_interleaved = True
        self._is_tap_invoices = True
        self._ends_with_state = False
        self._is_complete = False
        self._has_exited = False
        self._last_emittable_state = sys.maxsize

    @property
    def ids_without_state(self) -> Sequence[int]:
        """The invoices that came since the tap's last STATE."""
        return self._current

    @property
    def without_state(self) -> int:
        """How many invoices no STATE of the tap follows."""
        return len(set(self._current))

    @property
    def held_back(self) -> int:
        """How many invoices are not confirmed although a STATE of the tap follows them."""
        return len(self._received) - len(self._confirmed) - self.without_state

    def on_schema(self, stream: str) -> None:
        """Record that the tap announces a stream."""
        self._ends_with_state = False
        self._announced.add(stream)

    def on_invoice(self, invoice_id: int) -> bool:
        """Record that an invoice goes to the loader.

        An invoice that is delivered again while it waits is confirmed with its last delivery.

        Returns:
            Whether it has come for the first time.
        """
        self._ends_with_state = False
        self._latest = invoice_id
        is_new = self._received.add(invoice_id)
        if not is_new:
            if invoice_id in self._confirmed:
                return False
            self._redelivered_at[invoice_id] = self._state_count + 1
        self._current.append(invoice_id)
        return is_new

    def on_draft(self, invoice_id: int | None) -> None:
        """Record that a draft, which is never marked, goes to the loader."""
        self._ends_with_state = False
        self._latest = invoice_id

    def on_unmarkable(self) -> None:
        """Record that an invoice that cannot be marked goes to the loader.

        No later STATE may be emitted: each would claim it.
        """
        self._ends_with_state = False
        self._latest = None
        self._last_emittable_state = min(self._last_emittable_state, self._state_count)

    def on_other_record(self, invoice_id: int | None) -> None:
        """Record that a record of another stream goes to the loader.

        Args:
            invoice_id: The invoice that it belongs to; None if it does not say.
        """
        self._ends_with_state = False
        self._has_other_records = True
        if invoice_id is None or invoice_id != self._latest:
            self._is_interleaved = False

    def on_activate_version(self) -> None:
        """Record that an ACTIVATE_VERSION goes to the loader."""
        self._ends_with_state = False

    def on_tap_state(self, state: bytes, value: object) -> None:
        """Record that the tap's next STATE goes to the loader.

        Args:
            state: Its value, as JSON.
            value: The same, decoded.
        """
        self._ends_with_state = True
        self._latest = None  # lines that come from now on do not follow their invoice directly
        self._state_count += 1
        self._is_tap_invoices &= bool(tap_invoices_bookmarks(value))
        bookmarks = _digests(value)
        # A stream without a bookmark of its name, as after a stream map has renamed it, may
        # be any of those that have one.
        has_unnamed = bool(self._announced - bookmarks.keys() - self._streams.keys())
        for stream in bookmarks.keys() - self._streams.keys():
            is_unproven = has_unnamed or stream in self._announced
            self._streams[stream] = StreamProgress(0 if is_unproven else self._state_count - 1)
        for stream, progress in self._streams.items():
            progress.advance(
                self._state_count,
                bookmarks.get(stream, _ABSENT),
                is_announced=has_unnamed or stream in self._announced,
            )
        if self._current:
            self._blocks.append((self._state_count, self._current))
            self._current = array("q")
        self._states.add(self._state_count, state)

    def on_loader_state(self, state: bytes) -> Confirmation | None:
        """Take in a STATE that the loader emitted.

        Args:
            state: Its value, as JSON.

        Returns:
            What it confirms, which may be nothing; None if it is not a STATE of this tap.
        """
        try:
            bookmarks = _digests(decode_state(state))
        except ValueError:
            return None
        known = bookmarks.keys() & self._streams.keys()
        if not known:
            return None
        for stream in known:
            self._streams[stream].confirm(bookmarks[stream])
        return self._release()

    def on_input_end(self) -> None:
        """Record that the tap's output was read to its end, without an error."""
        self._is_complete = self._ends_with_state

    def on_loader_exit(self, *, is_orderly: bool) -> Confirmation:
        """Take in that the loader has exited.

        Args:
            is_orderly: Whether it exited with 0 after it had consumed all its input. That
                confirms everything before the tap's last STATE, whatever the loader emitted.

        Returns:
            What its exit, or its STATEs now that the input has ended, confirm.
        """
        self._has_exited = is_orderly
        return self._release()

    def _last_confirmed_state(self) -> int:
        """Return the tap's STATE up to which everything counts as loaded."""
        if self._has_exited:
            by_states = self._state_count
        else:
            numbers = (each.confirmed_up_to for each in self._streams.values())
            by_states = min(numbers, default=0)
        if self._is_tap_invoices:
            return by_states
        is_complete = self._is_complete and not self._lines_are_missing()
        if self._announced - self._streams.keys() or not self._is_interleaved:
            return by_states if is_complete and self._has_exited else 0
        return by_states if is_complete or self._has_other_records else 0

    def _lines_are_missing(self) -> bool:
        """Whether another stream was announced, and there is no sign that any of it was sent.

        A tap that is cut off before it sends the lines leaves this behind: no record of
        another stream, and one whose bookmark is absent or was the same in all STATEs.
        """
        if self._has_other_records:
            return False
        others = self._announced - {self._stream}
        return any(
            each not in self._streams
            or (self._state_count > 1 and not self._streams[each].has_changed)
            for each in others
        )

    def _release(self) -> Confirmation:
        last_confirmed = self._last_confirmed_state()
        ids = array("q")
        while self._blocks and self._blocks[0][0] <= last_confirmed:
            number, block = self._blocks.popleft()
            for invoice_id in self._confirmed_in(number, block):
                ids.append(invoice_id)
                self._confirmed.add(invoice_id)
        # No STATE may claim an invoice that came before it and has to wait.
        before_blocked = (number - 1 for number in self._blocked.values())
        emittable = min(last_confirmed, self._last_emittable_state, *before_blocked)
        return Confirmation(ids, self._states.take(emittable))

    def _confirmed_in(self, number: int, block: array[int]) -> Iterator[int]:
        if not self._redelivered_at:
            yield from block
            return
        for invoice_id in dict.fromkeys(block):
            if self._redelivered_at.get(invoice_id, number) == number:
                self._redelivered_at.pop(invoice_id, None)
                self._blocked.pop(invoice_id, None)
                yield invoice_id
            else:
                self._blocked.setdefault(invoice_id, number)


class PendingStates:
    """The tap's STATEs that may be emitted later; of too many, every other one is dropped.

    Args:
        max_bytes: How much to keep.
    """

    def __init__(self, max_bytes: int = _MAX_STATE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._kept: deque[tuple[int, bytes]] = deque()

    def add(self, number: int, state: bytes) -> None:
        """Keep a STATE."""
        self._kept.append((number, state))
        self._size += len(state)
        if self._size > self._max_bytes:
            self._kept = deque(_thin(self._kept))  # the last one is emitted at a good end
            self._size = sum(len(state) for _, state in self._kept)

    def take(self, number: int) -> bytes | None:
        """Return the newest one up to `number`, and forget it and those before."""
        found = None
        while self._kept and self._kept[0][0] <= number:
            _, found = self._kept.popleft()
            self._size -= len(found)
        return found


def _thin(items: Iterable[T]) -> list[T]:
    """Drop every other item; the last one stays."""
    return list(items)[::-2][::-1]


def _digests(value: object) -> dict[str, bytes]:
    """Return a digest of each stream's bookmark, the same however the JSON is written."""
    bookmarks = value.get("bookmarks") if isinstance(value, dict) else None
    if not isinstance(bookmarks, dict):
        return {_WHOLE_STATE: _digest(value)} if value else {}
    return {stream: _digest(bookmark) for stream, bookmark in bookmarks.items()}


def _digest(value: object) -> bytes:
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
