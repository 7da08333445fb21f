"""The delivered ids in the state of `tap-invoices`: the tap writes them, the target edits them.

The bookmark of `invoices` holds `"delivered": [T, "1..250 260"]`: the ids that were delivered
since T. Meltano merges states key by key and replaces lists as a whole, so the ids carry their
T along: beside another T they are void.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .id_ranges import IdRanges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    """Return the bookmarks of a state that `tap-invoices` wrote; none for any other state."""
    return list(_bookmarks_with_ids(state))


def _bookmarks_with_ids(state: object) -> Iterator[dict[str, Any]]:
    bookmarks = state.get("bookmarks") if isinstance(state, dict) else None
    for bookmark in bookmarks.values() if isinstance(bookmarks, dict) else ():
        match bookmark:
            case {"delivered": [str(), str()]}:
                yield bookmark
            case _:
                pass


def exclude_ids(state: object, ids: Iterable[int]) -> bool:
    """Remove ids from the delivered ids of a state, in place.

    An invoice that is pending and not among them is delivered again by the next run.

    Returns:
        Whether the state holds delivered ids at all.
    """
    bookmarks = tap_invoices_bookmarks(state)
    for bookmark in bookmarks:
        since, text = bookmark[DELIVERED]
        delivered = IdRanges.parse(text)
        delivered.discard(ids)
        bookmark[DELIVERED] = format_delivered(since, delivered)
    return bool(bookmarks)
