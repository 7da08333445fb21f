"""Reading ahead: the next page is waited for while this one is being written."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import TypeVar

from typing_extensions import override

T = TypeVar("T")

_SWITCH = 0.0005
"""Seconds after which a thread that has something to do gets its turn.

Python's own five milliseconds are longer than a page takes to be written: with them an
answer that has come is read only when there is nothing left to write.
"""


class Ahead(Iterator[T]):
    """An iterator whose next item is made in a thread while this one is in use.

    It is one item ahead, never more, so that memory stays flat. What the given iterator
    raises is raised where its item would have come. The thread is a daemon: a signal that
    ends the tap does not wait for an answer.
    """

    def __init__(self, items: Iterator[T]) -> None:
        """Start with the first item."""
        sys.setswitchinterval(_SWITCH)
        self._items = items
        self._wanted = threading.Semaphore()
        self._made: SimpleQueue[T | BaseException] = SimpleQueue()
        threading.Thread(target=self._work, name="ahead", daemon=True).start()

    @override
    def __next__(self) -> T:
        """Return the next item, and have the one after it made."""
        made = self._made.get()
        if isinstance(made, BaseException):
            raise made
        self._wanted.release()
        return made

    def _work(self) -> None:
        while True:
            self._wanted.acquire()
            try:
                made = next(self._items)
            except BaseException as error:  # noqa: BLE001 - raised in __next__
                self._made.put(error)
                return
            self._made.put(made)
