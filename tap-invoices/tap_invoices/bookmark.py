"""T and the delivered ids: what this run requests and skips, and what the next one will.

T is a time of the server's clock. A listing with `not_exported_since` T holds what was
never marked and what was marked at or after T, so it holds again what the run before
delivered and had marked. The ids delivered since T tell the two apart.

A replay is a run from an earlier time, set by a user: it also wants what was marked since
then. If it is cut off, the next run resumes from that time, not from T.

All of this is pure: no clock, no network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_invoices._shared import times
from tap_invoices._shared.delivered_ids import (
    DELIVERED,
    HAS_LINES,
    INVOICE_LINES,
    INVOICES,
    REPLAY,
    SEQUENCE,
    SINCE,
    SYSTEM_ID,
    format_delivered,
    parse_delivered,
)
from tap_invoices._shared.errors import StateError
from tap_invoices._shared.id_ranges import IdRanges
from tap_invoices._shared.redact import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_SEQUENCE = 2**53
_MAX_SHOWN = 60

_MIN_RANGES = 1000
_RANGES_PER_RECORD = 8
"""A STATE is worth its bytes if it holds few ranges, or few for each record before it."""


@dataclass(frozen=True)
class Bookmark:
    """The bookmark of a state, parsed.

    Attributes:
        since: What to request from, T or the beginning of a replay; None if no run has set one.
        delivered: Ids delivered since T, or by a replay so far.
        sequence: The number of the last STATE; it only grows, so that no two STATEs of a
            chain of runs are alike.
        is_replay: Whether what was marked since then is wanted too.
        system_id: The receiving system that the state is of, if it says so.
    """

    since: str | None = None
    delivered: IdRanges = field(default_factory=IdRanges)
    sequence: int = 0
    is_replay: bool = False
    system_id: str | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Bookmark:
        """Read the bookmark of `invoices` from a state.

        Args:
            state: A whole Singer state. One without bookmarks is that of a first run.

        Raises:
            StateError: `tap-invoices` did not write the state, or a value makes no sense.
        """
        bookmark = _bookmarks(state).get(INVOICES, {})
        sequence, system_id = _parse_sequence(bookmark), _parse_system_id(bookmark)
        since = _parse_time(bookmark.get(SINCE), SINCE)
        if since is None:
            return cls(sequence=sequence, system_id=system_id)
        ids = _parse_ids(bookmark, since)
        is_replay = ids is None
        match bookmark.get(REPLAY):
            case [str(next_since), str(replay_since)] if next_since == since and replay_since:
                since, is_replay = _parse_time(replay_since, REPLAY), True
            case _:
                pass
        return cls(since, ids or IdRanges(), sequence, is_replay, system_id)


def strip_unknown_keys(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the bookmarks of a state without what the SDK must not read or repeat.

    It would read, for example, `partitions` in them. It repeats the given state before the first
    record, when `has_lines` of the run before may no longer hold.
    """
    keys = {SINCE, SEQUENCE, DELIVERED, REPLAY, SYSTEM_ID, HAS_LINES}
    return {
        stream: {key: key == HAS_LINES or value for key, value in bookmark.items() if key in keys}
        for stream, bookmark in _bookmarks(state).items()
        if stream in {INVOICES, INVOICE_LINES}
    }


def _bookmarks(state: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    if not state:
        return {}
    if "bookmarks" not in state:
        raise StateError(f"it has {_shorten(', '.join(sorted(state)))} and no bookmarks")
    bookmarks = _require_object(state["bookmarks"], "bookmarks")
    if bookmarks and not bookmarks.keys() & {INVOICES, INVOICE_LINES}:
        raise StateError(f"it has bookmarks for {_shorten(', '.join(sorted(bookmarks)))} only")
    for name, bookmark in bookmarks.items():
        _require_object(bookmark, f"the bookmark of {_shorten(name)}")
    return bookmarks


def _require_object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise StateError(f"{name} is not an object")
    return value


def _parse_time(value: object, key: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or times.invalid_time(value):
        raise StateError(f"{key} of {INVOICES} is {_shorten(repr(value))}, which is not a time")
    return value


def _parse_sequence(bookmark: Mapping[str, Any]) -> int:
    sequence = bookmark.get(SEQUENCE, 0)
    if type(sequence) is not int or not 0 <= sequence <= _MAX_SEQUENCE:
        raise StateError(f"{SEQUENCE} of {INVOICES} is {_shorten(sequence)}, which is not a number")
    return sequence


def _parse_system_id(bookmark: Mapping[str, Any]) -> str | None:
    system_id = bookmark.get(SYSTEM_ID)
    if not (system_id is None or isinstance(system_id, str)):
        raise StateError(f"{SYSTEM_ID} of {INVOICES} is {_shorten(system_id)}, which is not text")
    return system_id


def _parse_ids(bookmark: Mapping[str, Any], since: str) -> IdRanges | None:
    """Parse the delivered ids; None if there are none, or they belong to another T.

    Meltano merges states key by key, so a T that a user set can stand beside ids of an
    older one.
    """
    try:
        delivered = parse_delivered(dict(bookmark))
    except ValueError as error:
        raise StateError(f"{DELIVERED} of {INVOICES}: {error}") from None
    return delivered[1] if delivered and delivered[0] == since else None


def _shorten(value: object) -> str:
    return shorten(value if isinstance(value, str) else repr(value), _MAX_SHOWN)


class Progress:
    """One run: from the bookmark it was given to the one it leaves.

    Args:
        given: The bookmark that it was given.
        system_id: The receiving system.
        has_lines: Whether the run delivers lines.
        replay: Where a replay begins; None if the run is not one.

    Attributes:
        next_since: T of the next run, known with the first response; None in a full-table
            run, which leaves none.
        delivered: Ids of booked invoices that this run has written.
        is_in_last_state: Whether the last STATE holds all of this.
    """

    def __init__(
        self, given: Bookmark, *, system_id: str, has_lines: bool, replay: str | None = None
    ) -> None:
        self._delivered_before = given.delivered
        self._replay = replay
        self._replayed = given.delivered.copy() if replay else IdRanges()
        self._sequence = given.sequence
        self._records = 0
        self._constants = {SYSTEM_ID: system_id, HAS_LINES: has_lines}
        self.next_since: str | None = None
        self.delivered = IdRanges()
        self.is_in_last_state = False

    def should_deliver(self, invoice_id: int) -> bool:
        """Whether to deliver an invoice: not if the run before has delivered it."""
        return invoice_id not in self._delivered_before

    def record(self, invoice_id: int, *, lines: int, is_draft: bool) -> None:
        """Record that an invoice and its lines have been written.

        A draft is not remembered: it is delivered at every run until it is booked.
        """
        if not is_draft:
            self.delivered.add(invoice_id)
            if self._replay:
                self._replayed.add(invoice_id)
        self._records += 1 + lines
        self.is_in_last_state = False

    def complete(self) -> None:
        """Record that everything in the list was delivered: nothing is left of a replay."""
        if self._replay:
            self._replay = None
            self.is_in_last_state = False

    def should_emit(self) -> bool:
        """Whether a STATE is worth its bytes now.

        That is after every page, unless the ids are so many and so scattered that their
        ranges would outweigh the records between two STATEs: the output would grow
        quadratically.
        """
        return self.delivered.range_count <= max(_MIN_RANGES, _RANGES_PER_RECORD * self._records)

    def bookmarks(self) -> dict[str, dict[str, Any]]:
        """Format the bookmarks of both streams for the next STATE.

        They have the same keys in every STATE of every run: a merged state then keeps none
        of an older one's.
        """
        self._sequence += 1
        self._records = 0
        self.is_in_last_state = True
        replay, since = self._replay, self.next_since or ""
        ids = (self._replayed if replay else self.delivered) if since else IdRanges()
        common = {SINCE: self.next_since, SEQUENCE: self._sequence}
        return {
            INVOICES: common
            | {
                DELIVERED: format_delivered(since, ids),
                REPLAY: [since, replay] if replay else ["", ""],
                **self._constants,
            },
            INVOICE_LINES: dict(common),
        }
