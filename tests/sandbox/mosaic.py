"""All invoices as a few hundred cells, each for as many neighbouring ids as it takes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.bookings import Bookings
    from sandbox.ledger import Tally

MOST_CELLS = 400
"""However many invoices there are."""


def cell_size(span: int) -> int:
    """Return how many ids make a cell: the first of 1, 2, 5, 10, 20, … that is enough."""
    sizes = (step * int(math.pow(10, power)) for power in count() for step in (1, 2, 5))
    return next(size for size in sizes if size * MOST_CELLS >= span)


@dataclass
class Mosaic:
    """The cells of one system's invoices; each list has a number a cell.

    Attributes:
        first: The first id.
        size: Ids a cell.
        booked: How many invoices there are.
        out: How many of them are handed out and not marked.
        exported: How many are marked.
    """

    first: int = 0
    size: int = 1
    booked: list[int] = field(default_factory=list)
    out: list[int] = field(default_factory=list)
    exported: list[int] = field(default_factory=list)
    _out: set[int] = field(default_factory=set)
    _exported: set[int] = field(default_factory=set)
    _version: int = -1

    def follow(self, bookings: Bookings, tally: Tally) -> None:
        """Take over what has changed; the tally's touched ids are taken from it."""
        if bookings.version != self._version:
            self._version = bookings.version
            self._lay(bookings.ids(), tally)
        else:
            for each in tally.touched:
                self._move(each, tally)
        tally.touched.clear()

    def cell_of(self, invoice_id: int) -> int:
        """Return the cell of an invoice."""
        return (invoice_id - self.first) // self.size

    def shown(self) -> dict[str, Any]:
        """Return it for the page."""
        cells = {"booked": self.booked, "out": self.out, "exported": self.exported}
        return {"size": self.size, **cells}

    def _lay(self, ids: list[int], tally: Tally) -> None:
        self.first = min(ids, default=0)
        span = max(ids, default=-1) - self.first + 1
        self.size = cell_size(span)
        self._out = tally.out.intersection(ids)
        self._exported = tally.marked.intersection(ids)
        cells = -(-span // self.size)
        self.booked = self._counted(ids, cells)
        self.out = self._counted(self._out, cells)
        self.exported = self._counted(self._exported, cells)

    def _counted(self, ids: Iterable[int], cells: int) -> list[int]:
        first, size = self.first, self.size
        found = Counter([(each - first) // size for each in ids])
        return [found[cell] for cell in range(cells)]

    def _move(self, invoice_id: int, tally: Tally) -> None:
        cell = self.cell_of(invoice_id)
        if not 0 <= cell < len(self.booked):
            return
        for row, shown, now in (
            (self.out, self._out, tally.out),
            (self.exported, self._exported, tally.marked),
        ):
            if (invoice_id in now) and invoice_id not in shown:
                shown.add(invoice_id)
                row[cell] += 1
            elif invoice_id not in now and invoice_id in shown:
                shown.discard(invoice_id)
                row[cell] -= 1
