"""Reading ahead: the same items, the same errors, one item ahead and no more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from sandbox.client import Sandbox
from tap_invoices.ahead import Ahead
from tap_invoices.bookmark import Bookmark
from tap_invoices.client import ExportClient
from tap_invoices.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_items_come_in_order_and_end() -> None:
    assert list(Ahead(iter(range(50)))) == list(range(50))


def test_an_error_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    ahead = Ahead(items())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(ahead)


def test_the_next_item_is_made_while_this_one_is_in_use_and_no_other() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    ahead = Ahead(items())
    assert next(ahead) == 0
    assert begun[1].wait(10)
    assert not begun[2].wait(0.2)
    assert next(ahead) == 1
    assert begun[2].wait(10)


def test_a_list_that_was_read_ahead_to_its_end_is_not_yet_told_as_delivered() -> None:
    """A signal within the last page would else end a replay that has not brought it all."""
    with Sandbox.start(invoices=5, drafts=0) as sandbox:
        config = sandbox.config(
            page_size=2, include_non_booked=False, request_timeout=20, start_date="2020-01-01"
        )
        client = ExportClient(config, user_agent="test")
        run = Run(client, config, Bookmark(), full_table=False, lines=True)
        assert sum(len(page) for page in run.pages()) == 5
    before = run.progress.bookmarks()["invoices"]
    run.progress.finish()
    after = run.progress.bookmarks()["invoices"]
    assert any(before[key] != after[key] for key in before.keys() - {"step"})
