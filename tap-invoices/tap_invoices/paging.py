"""From requests to every invoice once, whatever the server makes of `limit` and `start`.

No paging is documented for the endpoint, so nothing is believed that is not seen: each
request begins at the last invoice of the one before, and that it comes first again shows
that the list has not moved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import TYPE_CHECKING

from tap_invoices.client import Window
from tap_invoices.ranges import IdRanges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_invoices.answers import Invoice

    Fetch = Callable[[Window], list[Invoice]]

_SMALLEST_LIMIT = 2  # one to overlap, one to come on
_MOST_IDLE = 10  # answers in a row that bring nothing, such as one invoice many times


def pages(fetch: Fetch, page_size: int, seen: IdRanges) -> Iterator[list[Invoice]]:
    """Read a whole list.

    Where the list was seen to move, it is read again; after two passes it is asked for in
    one piece, until nothing new comes.

    Args:
        fetch: Asks for one window.
        page_size: Invoices a request; 0 for all in one.
        seen: Ids that are not wanted; those that come are added.

    Yields:
        The invoices of one answer that were not seen before; never an empty list.
    """
    least = max(page_size, _SMALLEST_LIMIT) if page_size else 0
    before = None
    for limit in chain([least, least], repeat(0)):
        this = _Pass(limit)
        yield from _read(fetch, seen, this)
        if this.settles(before):
            return
        before = this


def _read(fetch: Fetch, seen: IdRanges, this: _Pass) -> Iterator[list[Invoice]]:
    goes_on = True
    while goes_on:
        answer = fetch(this.window)
        goes_on = this.goes_on([invoice.id for invoice in answer])
        if new := [invoice for invoice in answer if seen.add(invoice.id)]:
            this.found = True
            yield new
        del answer, new  # the next one may be as large


@dataclass
class _Pass:
    """One way through the list, from its start to its end.

    With a limit of 0 the first request asks for everything, and a second one sees whether
    more follows: a server may cap what nobody limits.

    Attributes:
        limit: Invoices a request.
        moved: Whether an answer did not begin where the one before ended.
        unsure: Whether an answer was empty where others followed or might have, or many
            brought nothing.
        found: Whether anything came that no pass had seen.
    """

    limit: int
    moved: bool = False
    unsure: bool = False
    found: bool = False
    _order: int = 0  # a digest of all ids in their order
    _start: int = 0
    _page: int = 0
    _was_empty: bool = False
    _idle: int = 0
    _ids: list[int] = field(default_factory=list)
    _met: IdRanges = field(default_factory=IdRanges)

    @property
    def window(self) -> Window:
        """What to ask for next."""
        return Window(self.limit, self._start, self._page)

    def settles(self, before: _Pass | None) -> bool:
        """Whether the list is known to be whole.

        One that moved is not, unless it brought nothing new when it was asked for in one,
        or page by page just as before: such a server has no overlaps, and is still.
        """
        if not (self.moved or self.unsure):
            return True
        same = before is not None and self._order == before._order and not self.unsure  # noqa: SLF001 - of its own kind
        return not self.found and (same or not self.limit)

    def goes_on(self, ids: list[int]) -> bool:
        """Take an answer; says whether another one may follow."""
        self._page += 1
        self._order = hash((self._order, *ids))
        if not ids:
            return self._goes_on_after_nothing()
        before, self._ids = self._ids, ids
        if (self.limit and len(ids) > self.limit) or ids == before:
            # This was the whole list, unless the server knows a limit and no start.
            self.unsure |= len(ids) == self.limit
            return False
        self.unsure |= self._was_empty
        self._was_empty = False
        self._start += len(ids) - 1
        return self._brings_more(ids, follows=not before or ids[0] == before[-1])

    def _goes_on_after_nothing(self) -> bool:
        if self._page == 1:
            return False
        if self._was_empty:
            self.unsure |= len(self._ids) == self.limit  # nothing had hinted at an end
            return False
        self._was_empty = self.moved = True
        self._start += self.limit
        return True

    def _brings_more(self, ids: list[int], *, follows: bool) -> bool:
        self.moved |= not follows
        if follows and len(ids) == 1 and self._page > 1:
            return False  # nothing but the overlap: the end, seen
        # New to this pass, that is: a second one finds nothing else that is new.
        self._idle = 0 if sum(map(self._met.add, ids)) else self._idle + 1
        self.unsure |= self._idle == _MOST_IDLE
        return not self._idle or (follows and self._idle < _MOST_IDLE)
