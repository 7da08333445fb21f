"""A set of ids for a whole run, at about eight bytes an id."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left

_FRESH = 4096


class IdSet:
    """A set of ids that only grows.

    A `set` takes ten times the memory. Here a small `set` holds the newest ids. Sorted arrays
    hold the others, and are merged as they grow, so that there are only a few of them.
    """

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._arrays: list[array[int]] = []
        self._largest: int | None = None
        self._length = 0

    def __len__(self) -> int:
        """Return how many ids there are."""
        return self._length

    def __contains__(self, number: int) -> bool:
        """Whether an id is in it."""
        if self._largest is None or number > self._largest:
            return False
        return number in self._fresh or any(_holds(each, number) for each in self._arrays)

    def add(self, number: int) -> bool:
        """Add an id.

        Returns:
            Whether it was not in it before.
        """
        if number in self:
            return False
        self._fresh.add(number)
        self._length += 1
        if self._largest is None or number > self._largest:
            self._largest = number
        if len(self._fresh) == _FRESH:
            self._merge()
        return True

    def _merge(self) -> None:
        newest = array("q", sorted(self._fresh))
        self._fresh.clear()
        if self._arrays and self._arrays[-1][-1] < newest[0]:
            self._arrays[-1].extend(newest)  # as where ids only rise
            return
        while self._arrays and len(self._arrays[-1]) < 2 * len(newest):
            newest = array("q", heapq.merge(self._arrays.pop(), newest))
        self._arrays.append(newest)


def _holds(numbers: array[int], number: int) -> bool:
    at = bisect_left(numbers, number)
    return at < len(numbers) and numbers[at] == number
