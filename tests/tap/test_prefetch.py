"""Prefetching: the same items, the same errors, one item ahead and no more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tap_invoices.prefetch import prefetch

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_items_come_in_order_and_end() -> None:
    assert list(prefetch(iter(range(50)))) == list(range(50))


def test_an_error_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    pages = prefetch(items())
    assert [next(pages), next(pages)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(pages)


def test_nothing_starts_before_the_first_item_is_wanted() -> None:
    threads = threading.active_count()
    pages = prefetch(iter(range(3)))
    assert threading.active_count() == threads
    assert list(pages) == [0, 1, 2]


def test_one_item_is_made_ahead_and_no_more() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    pages = prefetch(items())
    assert next(pages) == 0
    assert begun[1].wait(10)
    assert not begun[2].wait(0.2)
    assert next(pages) == 1
    assert begun[2].wait(10)
