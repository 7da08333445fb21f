"""From pages to every invoice once, whatever the server makes of `limit` and `start`.

No paging is documented for the endpoint, so this relies on nothing that it does not see. Each
request begins at the last invoice of the page before. A page connects if it has an invoice that
was read before: then none was skipped in between, if the order of the list is stable. A list
from which invoices are removed moves towards its start, and a page of it may not connect. The
request is then repeated at smaller offsets until one does.

Where a page did not begin as expected, or the server ignores `start`, the list is read again
until a pass brings nothing new. The same page twice in a row shows a server that ignores `start`
and `page`. An invoice that every pass has missed is still pending, so the next run lists it.

Every request has a limit, except for the one for everything: where `page_size` is 0, and where
a server honours the limit and neither `start` nor `page`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from . import PLUGIN_NAME
from .http import HttpStatusError
from .id_ranges import IdRanges
from .listing import PageRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from .listing import Page
    from .response import Row

    Fetch = Callable[[PageRequest], Page]
    Ids = Sequence[int | None]
    T = TypeVar("T")
    Rows = Generator[Sequence[Row], None, T]

_REJECTED = (400, 422)
_MIN_LIMIT = 2  # one to overlap, one to advance
_MAX_IDLE_PAGES = 10  # in a row with nothing new, besides those that had to be read again
_MAX_IDLE_PASSES = 5  # in a row, where the list seems to be longer than what was read
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
    listed = IdRanges()
    idle_passes = 0
    for number in range(_MAX_PASSES):
        current = _Pass(limit)
        for rows in current.run(fetch):
            # Rows without an id cannot be told apart: only the first pass yields them.
            new = [row for row in rows if (seen.add(row.id) if row.id is not None else not number)]
            if new:
                yield new
        if current.ignores_paging and limit:
            limit = 0
        elif not current.has_moved:
            return
        else:
            idle_passes = 0 if listed.update(current.seen) else idle_passes + 1
            if idle_passes == _MAX_IDLE_PASSES or (idle_passes and len(listed) >= current.length):
                return
    _logger.warning("The list kept changing. The next run lists the invoices that this one missed.")


@dataclass
class _Pass:
    """One way through the list, from its start to its end.

    Args:
        limit: Invoices a request; 0 requests everything first. A second request then shows
            whether more follows: a server may cap what nobody limits.

    Attributes:
        has_moved: Whether a page did not begin where the one before ended.
        ignores_paging: Whether the same page came again: the server ignores `start` and `page`.
        seen: The ids that were read.
    """

    limit: int
    has_moved: bool = False
    ignores_paging: bool = False
    seen: IdRanges = field(default_factory=IdRanges)
    _ignores_start: bool = False
    _length_by_start: int = 0
    _length_by_page: int = 0
    _longest_page: int = 0
    _overlapping_pages: int = 0
    _disjoint_pages: int = 0
    _previous: Ids = ()
    _was_empty: bool = False
    _useful_pages: int = 0
    _idle_pages: int = 0

    @property
    def length(self) -> int:
        """Rows that the list has at least: few pages overlap where a server ignores `start`."""
        honours_start = not self.limit or self._overlapping_pages >= self._disjoint_pages
        return self._length_by_start if honours_start else self._length_by_page

    def run(self, fetch: Fetch) -> Rows[None]:
        """Request page after page; yields the rows of each, without that of the overlap."""
        request = PageRequest(self.limit)
        while True:
            try:
                ids = yield from self._read(fetch, request)
            except HttpStatusError as error:
                if error.status in _REJECTED and request.limit and not self.limit:
                    return  # the server takes no limit: it has sent everything without one
                raise
            if len(ids) > 1 and ids == self._previous:
                self.ignores_paging = len(ids) == request.limit
                return
            connects = self._record_page(request, ids)
            if not connects and not self._ignores_start:
                request, ids, connects = yield from self._reconnect(fetch, request, ids)
            if self._is_end(ids, connects=connects):
                return
            request = self._next_request(request, ids)

    def _read(self, fetch: Fetch, request: PageRequest) -> Rows[Ids]:
        rows = fetch(request).rows
        ids = [row.id for row in rows]
        yield rows[self._overlaps(ids) :]
        return ids

    def _overlaps(self, ids: Ids) -> bool:
        return bool(ids and self._previous) and ids[0] == self._previous[-1]

    def _record_page(self, request: PageRequest, ids: Ids) -> bool:
        """Record what a page has; returns whether it connects."""
        overlaps = self._overlaps(ids)
        repeats = any(map(self._has_seen, ids[overlaps:]))
        self._length_by_start = max(self._length_by_start, request.start + len(ids))
        self._longest_page = max(self._longest_page, len(ids))
        if ids:
            at_page = request.page * self._longest_page  # which a server may have capped
            self._length_by_page = max(self._length_by_page, at_page + len(ids))
        self._overlapping_pages += overlaps
        self._disjoint_pages += bool(self._previous) and not overlaps
        self.has_moved |= repeats or (bool(self._previous) and not overlaps)
        if self.seen.update(each for each in ids if each is not None):
            self._useful_pages += 1
            self._idle_pages = 0
        else:
            self._idle_pages += 1
        return bool(ids) and (overlaps or repeats or request.start == 0)

    def _has_seen(self, invoice_id: int | None) -> bool:
        return invoice_id is not None and invoice_id in self.seen

    def _reconnect(
        self, fetch: Fetch, request: PageRequest, ids: Ids
    ) -> Rows[tuple[PageRequest, Ids, bool]]:
        """Repeat a request at smaller offsets, until a page connects."""
        start, step = request.start, request.limit - 1
        while start > 0:
            start, step = max(0, start - step), 2 * step
            earlier = replace(request, start=start)
            earlier_ids = yield from self._read(fetch, earlier)
            if ids and ids == earlier_ids:
                break
            if self._record_page(earlier, earlier_ids):
                return earlier, earlier_ids, True
        self._ignores_start = bool(self._previous)
        return request, ids, False

    def _is_end(self, ids: Ids, *, connects: bool) -> bool:
        if self._idle_pages > _MAX_IDLE_PAGES + self._useful_pages:
            self.has_moved = True
            return True
        if not self._previous:
            return not ids or 0 < self.limit < len(ids)
        return connects and len(ids) == 1 if ids else self._was_empty

    def _next_request(self, request: PageRequest, ids: Ids) -> PageRequest:
        self._was_empty = not ids
        if not ids:
            return replace(request, page=request.page + 1)
        self._previous = ids
        limit = request.limit or max(len(ids), _MIN_LIMIT)
        return PageRequest(limit, request.start + len(ids) - 1, request.page + 1)
