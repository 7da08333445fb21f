"""The lists that the service answers from: made once, and kept up to date by marks.

A list that was asked for is asked for again for its next page, with marks in between.
Making it anew each time would cost a pass over all invoices a page.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.filters import Group

    Rank = Callable[[int], tuple[float, ...]]

_MOST = 8


@dataclass(frozen=True)
class Wanted:
    """Which list.

    Attributes:
        system_id: Whose marks count.
        since: Marks from this time on count as none; infinite where every mark counts.
        drafts: Whether drafts are in it.
        groups: What filters it.
        sort: Keys, and whether each descends.
    """

    system_id: str
    since: float
    drafts: bool
    groups: tuple[Group, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()


class Lists:
    """The lists that were asked for last."""

    def __init__(self) -> None:
        """Start with none."""
        self._lists: dict[Wanted, tuple[list[int], Rank]] = {}

    def get(self, wanted: Wanted) -> list[int] | None:
        """Return a list, if it is there."""
        known = self._lists.pop(wanted, None)
        if known is None:
            return None
        self._lists[wanted] = known  # the last one asked for is the last to go
        return known[0]

    def put(self, wanted: Wanted, ids: list[int], rank: Rank) -> None:
        """Keep a list, sorted by a rank; the oldest one makes room."""
        while len(self._lists) >= _MOST:
            self._lists.pop(next(iter(self._lists)))
        self._lists[wanted] = (ids, rank)

    def clear(self) -> None:
        """Forget all lists: something other than a mark has changed."""
        self._lists.clear()

    def update(self, system_id: str, invoice_id: int, belongs: Callable[[Wanted], bool]) -> None:
        """Put an invoice whose mark has changed in, or take it out."""
        for wanted, (ids, rank) in self._lists.items():
            if wanted.system_id != system_id:
                continue
            at = bisect_left(ids, rank(invoice_id), key=rank)
            there = at < len(ids) and ids[at] == invoice_id
            if belongs(wanted) and not there:
                ids.insert(at, invoice_id)
            elif there and not belongs(wanted):
                del ids[at]
