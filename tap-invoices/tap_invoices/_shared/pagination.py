"""From pages to every invoice once, whatever the server makes of `limit` and `start`.

No paging is documented for the endpoint, so this relies on nothing that it does not see. Each
request begins at the last invoice of the one before: that it comes first again shows that the
list has not moved. A pass from the first invoice to the end in which that always held has seen
every invoice. Where it did not hold, the list is read again until a pass brings nothing new:
an invoice that every pass has missed is still pending, so the next run lists it.

Every request has a limit, except for the one for everything: where `page_size` is 0, and where
a server honours the limit and neither `start` nor `page`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import PLUGIN_NAME
from .id_ranges import IdRanges
from .listing import PageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .listing import Page
    from .response import Row

    Fetch = Callable[[PageRequest], Page]

_MIN_LIMIT = 2  # one to overlap, one to advance
_MAX_IDLE_PAGES = 10  # pages in a row with nothing new, such as one invoice many times
_MAX_PASSES = 20

_logger = logging.getLogger(PLUGIN_NAME)


def iter_pages(fetch: Fetch, page_size: int, seen: IdRanges) -> Iterator[list[Row]]:
    """Read a whole list.

    Args:
        fetch: Requests a part of it.
        page_size: Invoices a request; 0 for all in one.
        seen: Ids that were read before; those that are read are added.

    Yields:
        What each response has that no earlier one had; never an empty list.
    """
    limit = max(page_size, _MIN_LIMIT) if page_size else 0
    for number in range(_MAX_PASSES):
        current = _Pass(limit)
        found_new = False
        for rows in current.run(fetch):
            # Rows without an id cannot be told apart: only the first pass yields them.
            new = [row for row in rows if (seen.add(row.id) if row.id is not None else not number)]
            if new:
                found_new = True
                yield new
        if current.is_stuck and limit:
            limit = 0
        elif not current.has_shifted or not found_new:
            return
    _logger.warning("The list kept changing; what was missed is listed by the next run.")


@dataclass
class _Pass:
    """One way through the list, from its start to its end.

    Args:
        limit: Invoices a request; 0 requests everything first. A second request then shows
            whether more follows: a server may cap what nobody limits.

    Attributes:
        has_shifted: Whether a page did not begin where the one before ended.
        is_stuck: Whether the same page came again: the server ignores `start` and `page`.
    """

    limit: int
    has_shifted: bool = False
    is_stuck: bool = False
    _seen: IdRanges = field(default_factory=IdRanges)

    def run(self, fetch: Fetch) -> Iterator[Sequence[Row]]:
        """Request page after page; yields the rows of each, without those of the overlap."""
        request = PageRequest(self.limit)
        previous: list[int | None] = []
        idle_pages = 0
        while True:
            rows = fetch(request).rows
            ids = [row.id for row in rows]
            overlaps = bool(ids and previous) and ids[0] == previous[-1]
            yield rows[overlaps:]
            del rows  # the next page may be as large
            if self._is_last(request, ids, previous, overlaps=overlaps):
                return
            idle_pages = 0 if self._add(ids) else idle_pages + 1
            if idle_pages > _MAX_IDLE_PAGES:
                self.has_shifted = True
                return
            limit = self.limit or max(len(ids), _MIN_LIMIT)
            request = PageRequest(limit, request.start + len(ids) - 1, request.page + 1)
            previous = ids

    def _add(self, ids: Sequence[int | None]) -> int:
        return sum([self._seen.add(each) for each in ids if each is not None])

    def _is_last(
        self,
        request: PageRequest,
        ids: Sequence[int | None],
        previous: Sequence[int | None],
        *,
        overlaps: bool,
    ) -> bool:
        if not previous:
            return not ids or (bool(self.limit) and len(ids) > self.limit)
        if not ids:
            # The invoice of the overlap has gone, or `start` was ignored and the pages ended.
            self.has_shifted |= request.start > 0
            return True
        if len(ids) > 1 and ids == previous:
            self.is_stuck = request.limit == len(ids)
            return True
        self.has_shifted |= not overlaps
        return overlaps and len(ids) == 1
