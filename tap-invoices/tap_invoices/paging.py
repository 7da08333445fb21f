"""From requests to every invoice once, whatever the server makes of `limit` and `start`.

No paging is documented for the endpoint, so nothing is believed that is not seen: each
request begins at the last invoice of the one before, and that it comes first again shows
that the list has not moved.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

from tap_invoices.client import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tap_invoices.answers import Invoice
    from tap_invoices.ranges import IdRanges

    Fetch = Callable[[Window], list[Invoice]]

_SMALLEST_LIMIT = 2  # one to overlap, one to come on


def pages(fetch: Fetch, page_size: int, seen: IdRanges) -> Iterator[list[Invoice]]:
    """Read a whole list.

    Where the list was seen to move, it is read again, until nothing new comes; after two
    passes it is asked for in one piece.

    Args:
        fetch: Asks for one window.
        page_size: Invoices a request; 0 for all in one.
        seen: Ids that are not wanted; those that come are added.

    Yields:
        The invoices of one answer that were not seen before; never an empty list.
    """
    for limit in chain([page_size, page_size], repeat(0)):
        moved, found = yield from _one_pass(fetch, limit, seen)
        if not (moved and found):
            return


def _one_pass(
    fetch: Fetch,
    page_size: int,
    seen: IdRanges,
) -> Generator[list[Invoice], None, tuple[bool, bool]]:
    """Read the list from its start to its end.

    With a limit of 0 the first request asks for everything, and a second one sees
    whether more follows: a server may cap what nobody limits.

    Returns:
        Whether it moved meanwhile, and whether anything unseen was found.
    """
    limit = max(page_size, _SMALLEST_LIMIT) if page_size else 0
    start = page = gaps = 0
    ids: list[int] = []
    moved = found = False
    while True:
        answer = fetch(Window(limit, start, page))
        page += 1
        before, ids = ids, [invoice.id for invoice in answer]
        follows = not before or ids[:1] == before[-1:]
        new = _unseen(answer, seen)
        if new:
            found = True
            yield new
        if (limit and len(ids) > limit) or (before and ids == before):
            return moved, found  # limit is ignored, or start: this was the whole list
        if not ids:
            if page == 1 or gaps:
                return moved, found
            gaps, moved, ids, start = 1, True, before, start + limit
            continue
        if page > 1 and follows and len(ids) == 1:
            return moved, found  # nothing but the overlap: the end, seen
        moved = moved or not follows
        if not follows and not new:
            return moved, found
        gaps = 0
        start += len(ids) - 1


def _unseen(answer: list[Invoice], seen: IdRanges) -> list[Invoice]:
    return [invoice for invoice in answer if seen.add(invoice.id)]
