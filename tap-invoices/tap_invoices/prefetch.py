"""The next page is waited for while this one is being written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import TypeVar

from typing_extensions import override

from tap_invoices._shared.threads import start_thread

T = TypeVar("T")


class Prefetcher(Iterator[T]):
    """An iterator whose next item is made in a thread while this one is in use.

    It is one item ahead, never more, so that memory stays flat. What the given iterator
    raises is raised where its item would have come. The thread starts with the first item;
    it is a daemon, so a signal that ends the program does not wait for a response.

    Args:
        items: Makes the items.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._demand = threading.Semaphore()
        self._made: SimpleQueue[T | BaseException] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @override
    def __next__(self) -> T:
        """Return the next item, and have the one after it made."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)
            start_thread(self._thread)
        made = self._made.get()
        if isinstance(made, BaseException):
            raise made
        self._demand.release()
        return made

    def _work(self) -> None:
        while True:
            self._demand.acquire()
            try:
                made = next(self._items)
            except BaseException as error:  # noqa: BLE001 - raised in __next__
                self._made.put(error)
                return
            self._made.put(made)
