"""How things stand, put together for the page."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox.bookings import Bookings
from sandbox.happenings import Happenings, Line
from sandbox.ledger import Ledger
from sandbox.mosaic import Mosaic

if TYPE_CHECKING:
    from sandbox.faults import Fault, Faults
    from sandbox.request_log import Log
    from sandbox.store import Store

DEFAULT_SYSTEM = "warehouse"
_LINES_SHOWN = 12
_SYSTEMS_KEPT = 8  # mosaics that are kept up to date; more are laid anew when asked for


class Board:
    """Reads the service, and changes nothing in it.

    Attributes:
        ledger: What the service tells of its listings.
    """

    def __init__(self, store: Store, faults: Faults, log: Log) -> None:
        """Read these."""
        self.ledger = Ledger(store)
        self._store = store
        self._faults = faults
        self._bookings = Bookings(store)
        self._happenings = Happenings(log)
        self._mosaics: dict[str, Mosaic] = {}
        self._marks_told: dict[str, tuple[int, int]] = {}
        self._booked_told: int | None = None

    def shown(self, system_id: str) -> dict[str, Any]:
        """Return all that the page shows of a system; it changes when something happened."""
        self._happenings.follow()
        self._tell_marks()
        self._tell_bookings()
        tally = self.ledger.tally(system_id)
        mosaic = self._mosaic(system_id)
        mosaic.follow(self._bookings, tally)
        refused = {
            each for each in self._store.booked if self._faults.rejection(each)
        } - tally.marked
        booked, out, exported = self._bookings.booked, sum(mosaic.out), sum(mosaic.exported)
        happenings = self._happenings
        return {
            "system_id": system_id,
            "systems": sorted({DEFAULT_SYSTEM, system_id, *self.ledger.systems()}),
            "invoices": {
                "booked": booked,
                "pending": booked - out - exported,
                "out": out,
                "exported": exported,
                "drafts": self._bookings.drafts,
                "refused": len(refused & self._store.booked.keys()),
            },
            "again": {"listed": tally.again, "marked": tally.remarked},
            "requests": {
                "failed": dict(happenings.failed),
                "retried": happenings.retried,
                "recovered": happenings.recovered,
            },
            "faults": [_told(fault) for fault in self._faults.rules if fault.times != 0],
            "cells": mosaic.shown() | {"refused": self._cells_of(mosaic, refused)},
            "feed": happenings.feed.shown(system_id, _LINES_SHOWN),
        }

    def pick(self, system_id: str, count: int, *, exported: bool) -> list[int]:
        """Return the latest booked invoices that are exported, or are not."""
        marked = self.ledger.tally(system_id).marked
        booked = self._store.booked
        found = (each for each in reversed(booked) if booked[each] and (each in marked) is exported)
        return list(islice(found, count))

    def _mosaic(self, system_id: str) -> Mosaic:
        mosaic = self._mosaics.pop(system_id, None) or Mosaic()
        while len(self._mosaics) >= _SYSTEMS_KEPT:
            self._mosaics.pop(next(iter(self._mosaics)))
        self._mosaics[system_id] = mosaic
        return mosaic

    def _tell_marks(self) -> None:
        for system_id in self.ledger.systems():
            tally = self.ledger.tally(system_id)
            told = self._marks_told.get(system_id, (0, 0))
            now = self._marks_told[system_id] = (tally.marks, tally.remarked)
            for what, before, after in zip(("marked", "remarked"), told, now, strict=True):
                if after > before:
                    line = Line(what, "mark", after - before, self._store.now(), system_id)
                    self._happenings.feed.tell(line)

    def _tell_bookings(self) -> None:
        self._bookings.follow()
        booked = self._bookings.booked
        if self._booked_told is not None and booked > self._booked_told:
            new = booked - self._booked_told
            self._happenings.feed.tell(Line("booked", "", new, self._store.now()))
        self._booked_told = booked

    @staticmethod
    def _cells_of(mosaic: Mosaic, ids: set[int]) -> list[int]:
        cells = {mosaic.cell_of(each) for each in ids}
        return sorted(cells.intersection(range(len(mosaic.booked))))


def _told(fault: Fault) -> dict[str, Any]:
    """Return a fault as the page tells it."""
    status = fault.detail.get("status") if fault.kind == "status" else None
    return {"kind": fault.kind, "on": fault.on, "times": fault.times, "status": status}
