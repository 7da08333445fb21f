"""What is booked, without reading all invoices each time somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.store import Store


class Bookings:
    """Follows what is added to a store, and which drafts are booked.

    Attributes:
        version: Changes when the booked invoices have changed.
    """

    def __init__(self, store: Store) -> None:
        """Follow this store."""
        self._store = store
        self._known = 0
        self._drafts: set[int] = set()
        self.version = 0

    def follow(self) -> None:
        """Notice what has changed: invoices are only ever added, and drafts booked."""
        booked = self._store.booked
        if len(booked) == self._known and not any(booked[each] for each in self._drafts):
            return
        self._known = len(booked)
        self._drafts = {each for each, is_booked in booked.items() if not is_booked}
        self.version += 1

    @property
    def drafts(self) -> int:
        """How many invoices are not booked yet."""
        return len(self._drafts)

    @property
    def booked(self) -> int:
        """How many invoices are booked."""
        return self._known - len(self._drafts)

    def ids(self) -> list[int]:
        """Return the booked invoices, in the order in which they were added."""
        return [each for each in self._store.booked if each not in self._drafts]
