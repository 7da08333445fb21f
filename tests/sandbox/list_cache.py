"""A cache of lists, so that each page does not need a pass over all invoices.

A client requests the same list page by page, with marks in between: a mark updates the lists.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.filters import Group

    SortKey = Callable[[int], tuple[float, ...]]

_MOST_LISTS = 8


@dataclass(frozen=True)
class ListKey:
    """What a list depends on.

    Attributes:
        system_id: Whose marks count.
        since: Marks at or after this time count as none; infinite if every mark counts.
        drafts: Whether it has drafts.
        groups: Its filters.
        sort: The keys that it is sorted by, and whether each descends.
    """

    system_id: str
    since: float
    drafts: bool
    groups: tuple[Group, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()


class ListCache:
    """The lists that were requested last."""

    def __init__(self) -> None:
        """Create an empty cache."""
        self._lists: dict[ListKey, tuple[list[int], SortKey]] = {}

    def get(self, key: ListKey) -> list[int] | None:
        """Return a list, if it is cached."""
        cached = self._lists.pop(key, None)
        if cached is None:
            return None
        self._lists[key] = cached  # the last one requested is the last to be removed
        return cached[0]

    def put(self, key: ListKey, ids: list[int], sort_key: SortKey) -> None:
        """Keep a sorted list; the one whose last request is the longest ago makes room."""
        while len(self._lists) >= _MOST_LISTS:
            self._lists.pop(next(iter(self._lists)))
        self._lists[key] = (ids, sort_key)

    def clear(self) -> None:
        """Remove all lists, since something other than a mark has changed."""
        self._lists.clear()

    def update(self, system_id: str, invoice_id: int, belongs: Callable[[ListKey], bool]) -> None:
        """Add an invoice whose mark has changed to each list that it belongs to, or remove it."""
        for key, (ids, sort_key) in self._lists.items():
            if key.system_id != system_id:
                continue
            index = bisect_left(ids, sort_key(invoice_id), key=sort_key)
            is_in_list = index < len(ids) and ids[index] == invoice_id
            if belongs(key) and not is_in_list:
                ids.insert(index, invoice_id)
            elif is_in_list and not belongs(key):
                del ids[index]
