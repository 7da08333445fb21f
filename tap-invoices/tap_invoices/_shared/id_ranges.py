"""Sets of invoice ids as ranges: small in memory and as text, however many ids they hold."""

from __future__ import annotations

import re
from bisect import bisect_right
from heapq import merge
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RANGE = re.compile(r"(-?[0-9]{1,19})(?:\.\.(-?[0-9]{1,19}))?")
_MIN_PENDING = 512


class IdRanges:
    """A set of integers, kept as sorted ranges that never touch each other.

    An id that extends the last range, as in an ascending listing, is added in constant time.
    Others are collected and merged once they are many, so that any order costs
    O(n log n) in all.
    """

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        self._pending: set[int] = set()
        self.update(ids)

    def add(self, new: int) -> bool:
        """Add an id.

        Returns:
            Whether it was new.
        """
        if not self._last or new > self._last[-1] + 1:
            self._first.append(new)
            self._last.append(new)
        elif new == self._last[-1] + 1:
            self._last[-1] = new
        elif new in self:
            return False
        else:
            self._pending.add(new)
            if len(self._pending) > max(_MIN_PENDING, len(self._first) // 4):
                self._merge()
        return True

    def update(self, ids: Iterable[int]) -> bool:
        """Add ids.

        Returns:
            Whether any was new.
        """
        return sum([self.add(each) for each in ids]) > 0

    def discard(self, ids: Iterable[int]) -> None:
        """Remove ids; those that are not in the set are ignored."""
        removed = ids if isinstance(ids, IdRanges) else IdRanges(ids)
        first, last = self._ranges()
        kept = list(_subtract(zip(first, last, strict=True), removed.ranges()))
        self._first = [start for start, _ in kept]
        self._last = [end for _, end in kept]

    def copy(self) -> IdRanges:
        """Return a set of the same ids."""
        copied = IdRanges()
        first, last = self._ranges()
        copied._first, copied._last = first.copy(), last.copy()
        return copied

    def __contains__(self, wanted: int) -> bool:
        """Whether an id is in the set."""
        at = bisect_right(self._first, wanted) - 1
        return (at >= 0 and wanted <= self._last[at]) or wanted in self._pending

    def __iter__(self) -> Iterator[int]:
        """Iterate over the ids, ascending."""
        for first, last in self.ranges():
            yield from range(first, last + 1)

    def __len__(self) -> int:
        """Return the number of ids."""
        return sum(self._last) - sum(self._first) + len(self._first) + len(self._pending)

    def __eq__(self, other: object) -> bool:
        """Whether the other set holds the same ids."""
        if not isinstance(other, IdRanges):
            return NotImplemented
        return self._ranges() == other._ranges()

    __hash__ = None  # type: ignore[assignment]

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Iterate over the ranges, each as its first and its last id, ascending."""
        yield from zip(*self._ranges(), strict=True)

    @property
    def range_count(self) -> int:
        """How many ranges stand for the ids: the measure of the text's size."""
        return len(self._ranges()[0])

    def to_text(self) -> str:
        """Format the set as text, such as `1..250 260`; `parse` reads it again."""
        return " ".join(_format(first, last) for first, last in self.ranges())

    @classmethod
    def parse(cls, text: str) -> IdRanges:
        """Parse what `to_text` wrote.

        Raises:
            ValueError: The text is not a list of ascending ranges.
        """
        ranges = cls()
        for part in text.split():
            match = _RANGE.fullmatch(part)
            if match is None:
                raise ValueError(f"{part[:50]!r} is not a range of ids")
            first, last = int(match[1]), int(match[2] or match[1])
            if first > last or (ranges._last and first <= ranges._last[-1]):
                raise ValueError(f"the ranges of ids do not ascend at {part!r}")
            ranges.add(first)
            ranges._last[-1] = last
        return ranges

    def _ranges(self) -> tuple[list[int], list[int]]:
        if self._pending:
            self._merge()
        return self._first, self._last

    def _merge(self) -> None:
        new = ((each, each) for each in sorted(self._pending))
        old = zip(self._first, self._last, strict=True)
        first: list[int] = []
        last: list[int] = []
        for start, end in merge(old, new):
            if last and start <= last[-1] + 1:
                last[-1] = max(last[-1], end)
            else:
                first.append(start)
                last.append(end)
        self._first, self._last, self._pending = first, last, set()


def format_ids(ids: Iterable[int]) -> str:
    """Format ids for people, in ascending order: `1..250, 260`."""
    return ", ".join(_format(first, last) for first, last in IdRanges(ids).ranges())


def _format(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def _subtract(
    ranges: Iterable[tuple[int, int]], removed: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    gaps = iter(removed)
    gap = next(gaps, None)
    for start, end in ranges:
        first = start
        while gap and gap[1] < first:
            gap = next(gaps, None)
        while gap and gap[0] <= end:
            if first < gap[0]:
                yield first, gap[0] - 1
            first = gap[1] + 1
            if gap[1] > end:
                break
            gap = next(gaps, None)
        if first <= end:
            yield first, end
