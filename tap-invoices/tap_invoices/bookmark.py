"""T and the delivered ids: what this run asks for and skips, and what the next one will.

T is a time of the server's clock. A listing with `not_exported_since` T holds what was
never marked and what was marked at or after T, so it holds again what the run before
delivered and had marked. The ids delivered since T tell the two apart.

A replay is a run from an earlier time, set by a user: it also wants what was marked since
then. Where it is cut off, the next run goes on from that time, not from T.

All of this is pure: no clock, no network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_invoices import times
from tap_invoices.errors import StateError
from tap_invoices.ranges import IdRanges

if TYPE_CHECKING:
    from collections.abc import Mapping

INVOICES = "invoices"
INVOICE_LINES = "invoice_lines"

_T = "replication_key_value"
_DELIVERED = "delivered"
_STEP = "step"
_REST = "rest"

_FEW_RANGES = 1000
_RANGES_A_RECORD = 8
"""A STATE is worth its bytes when it holds few ranges, or few a record before it."""


@dataclass(frozen=True)
class Bookmark:
    """What a state says.

    Attributes:
        since: What to ask from, T or the beginning of a replay; None where no run has set one.
        delivered: Ids delivered since T, or by a replay so far.
        step: The number of the last STATE; it only grows, so that no two STATEs of a
            chain of runs are alike.
        replays: Whether what was marked since then is wanted too.
    """

    since: str | None = None
    delivered: IdRanges = field(default_factory=IdRanges)
    step: int = 0
    replays: bool = False

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Bookmark:
        """Read the bookmark of `invoices` from a state.

        Args:
            state: A whole Singer state. One without bookmarks is a first run's.

        Raises:
            StateError: The state is another tap's, or one of its values makes no sense.
        """
        mine = _mine(state)
        since = _time_of(mine.get(_T), _T)
        if since is None:
            return cls(step=_step_of(mine))
        ids = _delivered_of(mine, since)
        match mine.get(_REST):
            case [str(of), str(beginning)] if of == since and beginning:
                since, replays = _time_of(beginning, _REST), True
            case _:
                replays = ids is None
        return cls(since, IdRanges() if ids is None else ids, _step_of(mine), replays)


def _time_of(text: object, key: str) -> str | None:
    if text is None:
        return None
    if not isinstance(text, str) or times.problem(text):
        raise StateError(f"{key} of {INVOICES} is {text!r}, which is no time")
    return text


def _mine(state: Mapping[str, Any]) -> Mapping[str, Any]:
    bookmarks = _object(state, "the state").get("bookmarks")
    if not bookmarks:
        if state and "bookmarks" not in state:
            raise StateError(f"it has {', '.join(sorted(state))} and no bookmarks")
        return {}
    streams = _object(bookmarks, "bookmarks")
    if not streams.keys() & {INVOICES, INVOICE_LINES}:
        raise StateError(f"it has bookmarks for {', '.join(sorted(streams))} only")
    for name, bookmark in streams.items():
        _object(bookmark, f"the bookmark of {name}")
    found: Mapping[str, Any] = streams.get(INVOICES, {})
    return found


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise StateError(f"{name} is no object")
    return value


def _step_of(bookmark: Mapping[str, Any]) -> int:
    step = bookmark.get(_STEP, 0)
    if not isinstance(step, int) or isinstance(step, bool):
        raise StateError(f"{_STEP} of {INVOICES} is {step!r}, which is no number")
    return step


def _delivered_of(bookmark: Mapping[str, Any], since: str) -> IdRanges | None:
    """Read the ids; None where there are none, or they belong to another T.

    Meltano merges states key by key, so a T that a user set can stand beside ids of an
    older one. A list is replaced as a whole: the ids carry their T along.
    """
    match bookmark.get(_DELIVERED):
        case [str(of), str(text)] if of == since:
            try:
                return IdRanges.parse(text)
            except ValueError as error:
                raise StateError(f"{_DELIVERED} of {INVOICES}: {error}") from None
        case None | [str(), str()]:
            return None
        case _:
            raise StateError(f"{_DELIVERED} of {INVOICES} is not what this tap writes")


class Progress:
    """One run: from the bookmark it was given to the one it leaves.

    Attributes:
        next_since: T of the next run, known with the first answer; None in a full-table
            run, which leaves none.
        delivered: Ids of booked invoices that this run has written.
        skipped: How many were listed that the run before had delivered.
        is_told: Whether the last STATE tells all that there is to tell.
    """

    def __init__(self, given: Bookmark, *, replay: str | None = None) -> None:
        """Start a run.

        Args:
            given: The bookmark that it was given.
            replay: Where a replay begins; None where the run is none.
        """
        self._skip = given.delivered
        self._replay = replay
        self._replayed = IdRanges(given.delivered if replay else ())
        self._step = given.step
        self._records = 0
        self.next_since: str | None = None
        self.delivered = IdRanges()
        self.skipped = 0
        self.is_told = False

    def wants(self, invoice_id: int) -> bool:
        """Whether an invoice is to be delivered: the run before has not delivered it."""
        if invoice_id in self._skip:
            self.skipped += 1
            return False
        return True

    def wrote(self, invoice_id: int, *, lines: int, draft: bool) -> None:
        """Note that an invoice and its lines have been written.

        A draft is not remembered: it comes at every run until it is booked.
        """
        if not draft:
            self.delivered.add(invoice_id)
            if self._replay:
                self._replayed.add(invoice_id)
        self._records += 1 + lines
        self.is_told = False

    def finish(self) -> None:
        """Note that the list was read to its end: of a replay, nothing is left."""
        if self._replay:
            self._replay = None
            self.is_told = False

    def is_due(self) -> bool:
        """Whether a STATE is worth its bytes now.

        After every page, that is, unless the ids are so many and so scattered that their
        ranges would outweigh the records between two STATEs and the whole become quadratic.
        """
        return self.delivered.range_count <= max(_FEW_RANGES, _RANGES_A_RECORD * self._records)

    def bookmarks(self) -> dict[str, dict[str, Any]]:
        """Write the bookmarks of both streams for the next STATE.

        They have the same keys in every STATE, whatever the run: a merged state then
        keeps none of an older one's.
        """
        self._step += 1
        self._records = 0
        self.is_told = True
        replay, since = self._replay, self.next_since or ""
        ids = (self._replayed if replay else self.delivered).to_text() if since else ""
        common = {_T: self.next_since, _STEP: self._step}
        rest = [since, replay] if replay else ["", ""]
        return {
            INVOICES: common | {_DELIVERED: [since, ids], _REST: rest},
            INVOICE_LINES: dict(common),
        }
