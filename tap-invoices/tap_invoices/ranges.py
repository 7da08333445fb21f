"""Sets of invoice ids as ranges: small in memory and in the state, however many they are."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_RANGE = re.compile(r"(-?\d+)(?:\.\.(-?\d+))?")


class IdRanges:
    """A set of integers, kept as sorted ranges that never touch each other.

    Adding in ascending order, as listings mostly are, costs constant time.
    """

    def __init__(self, ids: Iterable[int] = ()) -> None:
        """Make a set of the given ids."""
        self._first: list[int] = []
        self._last: list[int] = []
        for each in ids:
            self.add(each)

    def add(self, new: int) -> bool:
        """Add an id.

        Returns:
            Whether it was new.
        """
        at = bisect_right(self._first, new) - 1
        if at >= 0 and new <= self._last[at]:
            return False
        joins_left = at >= 0 and self._last[at] == new - 1
        joins_right = at + 1 < len(self._first) and self._first[at + 1] == new + 1
        if joins_left and joins_right:
            self._last[at] = self._last.pop(at + 1)
            del self._first[at + 1]
        elif joins_left:
            self._last[at] = new
        elif joins_right:
            self._first[at + 1] = new
        else:
            self._first.insert(at + 1, new)
            self._last.insert(at + 1, new)
        return True

    def __contains__(self, wanted: int) -> bool:
        """Whether an id is in the set."""
        at = bisect_right(self._first, wanted) - 1
        return at >= 0 and wanted <= self._last[at]

    def __iter__(self) -> Iterator[int]:
        """Iterate over the ids, ascending."""
        for first, last in zip(self._first, self._last, strict=True):
            yield from range(first, last + 1)

    def __len__(self) -> int:
        """Return the number of ids."""
        return sum(self._last) - sum(self._first) + len(self._first)

    def __eq__(self, other: object) -> bool:
        """Whether the other set holds the same ids."""
        if not isinstance(other, IdRanges):
            return NotImplemented
        return self._first == other._first and self._last == other._last

    __hash__ = None  # type: ignore[assignment]

    @property
    def range_count(self) -> int:
        """How many ranges stand for the ids: the measure of the state's size."""
        return len(self._first)

    def to_text(self) -> str:
        """Write the set as text, such as `1..250 260`; `parse` reads it again."""
        return " ".join(
            str(first) if first == last else f"{first}..{last}"
            for first, last in zip(self._first, self._last, strict=True)
        )

    @classmethod
    def parse(cls, text: str) -> IdRanges:
        """Read what `to_text` wrote.

        Raises:
            ValueError: The text is no list of ascending ranges.
        """
        ranges = cls()
        for part in text.split():
            match = _RANGE.fullmatch(part)
            if match is None:
                raise ValueError(f"{part!r} is no range of ids")
            first, last = int(match[1]), int(match[2] or match[1])
            if first > last or (ranges._last and first <= ranges._last[-1] + 1):
                raise ValueError(f"the ranges of ids do not ascend at {part!r}")
            ranges._first.append(first)
            ranges._last.append(last)
        return ranges
