"""The delivered ids in the state of `tap-invoices`: the tap writes them, the target edits them.

The bookmark of `invoices` holds `"delivered": [T, "1..250 260"]`: the ids that were delivered
since T. Meltano merges states key by key and replaces lists as a whole, so the ids carry their
T along: beside another T they are void.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .id_ranges import IdRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INVOICES = "invoices"
INVOICE_LINES = "invoice_lines"

SINCE = "replication_key_value"
DELIVERED = "delivered"
SEQUENCE = "sequence"
REPLAY = "replay"
SYSTEM_ID = "system_id"
HAS_LINES = "has_lines"
"""Whether the tap sends the lines of the invoices: false where they are deselected."""


def format_delivered(since: str, ids: IdRanges) -> list[str]:
    """Format delivered ids for a bookmark."""
    return [since, ids.to_text()]


def parse_delivered(bookmark: dict[str, Any]) -> tuple[str, IdRanges] | None:
    """Parse the delivered ids of a bookmark.

    Returns:
        T and the ids; None if the bookmark has none.

    Raises:
        ValueError: They are not what `tap-invoices` writes.
    """
    match bookmark.get(DELIVERED):
        case None:
            return None
        case [str(since), str(text)]:
            return since, IdRanges.parse(text)
        case _:
            raise ValueError("they are not what tap-invoices writes")


def tap_invoices_bookmarks(state: object) -> list[dict[str, Any]]:
    """Return the bookmarks with delivered ids of a state; none if another tap wrote it."""
    bookmarks = state.get("bookmarks") if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        return []
    return [each for each in bookmarks.values() if isinstance(each, dict) and _has_ids(each)]


def _has_ids(bookmark: Mapping[str, Any]) -> bool:
    match bookmark.get(DELIVERED):
        case [str(), str()]:
            return True
        case _:
            return False


def exclude_ids(state: object, ids: Iterable[int]) -> bool:
    """Remove ids from the delivered ids of a state, in place.

    An invoice that is pending and not among them is delivered again by the next run.

    Returns:
        Whether the state holds delivered ids at all.
    """
    excluded = ids if isinstance(ids, IdRanges) else IdRanges(ids)
    has_ids = False
    for bookmark in tap_invoices_bookmarks(state):
        since, text = bookmark[DELIVERED]
        try:
            delivered = IdRanges.parse(text)
        except ValueError:  # of another tap
            continue
        delivered.discard(excluded)
        bookmark[DELIVERED] = format_delivered(since, delivered)
        has_ids = True
    return has_ids
