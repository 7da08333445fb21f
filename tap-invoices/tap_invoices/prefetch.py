"""The next page is requested while this one is being written."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from tap_invoices._shared.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


def prefetch(items: Iterator[T]) -> Iterator[T]:
    """Iterate over items while a thread makes the next one.

    It is one item ahead, never more, so that memory stays flat. What the given iterator
    raises is raised where its item would have come. One thread makes all items, since a
    connection to the API belongs to its thread. It starts with the first item; it is a daemon,
    so a signal that ends the program does not wait for a response.

    Args:
        items: Makes the items.
    """
    made: SimpleQueue[T | BaseException] = SimpleQueue()
    demand = threading.Semaphore(0)

    def make() -> None:
        try:
            for item in items:
                made.put(item)
                demand.acquire()
            made.put(StopIteration())
        except BaseException as error:  # noqa: BLE001 - raised where its item would have come
            made.put(error)

    start_thread(threading.Thread(target=make, name="prefetch", daemon=True))
    while not isinstance(item := made.get(), StopIteration):
        if isinstance(item, BaseException):
            raise item
        demand.release()
        yield item
