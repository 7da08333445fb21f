"""Counting a list without reading it: a page that still has invoices is searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_REQUESTS = 18
"""Enough to count 200,000 invoices exactly by pages of 50, and a billion to a percent."""

_GROWTH = 16  # doubling would take four times as many requests to get out of range


@dataclass(frozen=True)
class Count:
    """How many invoices a list has.

    Args:
        value: The number.
        is_exact: Whether it is that number, and not one near it.
    """

    value: int
    is_exact: bool = True

    def __str__(self) -> str:
        """Format it for a sentence."""
        return f"{self.value:,}" if self.is_exact else f"about {self.value:,}"


def count_rows(
    first_page: int,
    read_page: Callable[[int], int],
    *,
    at_most: int | None = None,
    max_requests: int = MAX_REQUESTS,
) -> Count:
    """Count the rows of a list by looking at few of its pages.

    The number of the page grows until one is empty, and then the last one that is not empty is
    searched for by halving.

    Args:
        first_page: Rows on page 0, which is a full one: this is the size of every page but
            the last.
        read_page: Returns the number of rows on a page, by its number.
        at_most: A number of rows that the list cannot exceed, if one is known.
        max_requests: How many pages to look at.
    """
    if not first_page:
        return Count(0)
    size = first_page
    filled, empty = 0, None if at_most is None else -(-at_most // size)
    page = 1 if empty is None else max(empty - 1, 1)  # the last one that may be filled
    for _ in range(max_requests):
        if empty is not None and empty - filled <= 1:
            break
        if rows := read_page(page):
            filled = page
            if rows < size:
                return Count(page * size + rows)
        else:
            empty = page
        page = _next_page(filled, empty)
    if empty is None:
        return Count((filled + 1) * size, is_exact=False)
    if empty - filled <= 1:
        return Count((filled + 1) * size)
    return Count((filled + empty + 1) * size // 2, is_exact=False)


def _next_page(filled: int, empty: int | None) -> int:
    larger = filled * _GROWTH or 1
    return larger if empty is None else min(larger, (filled + empty) // 2)
