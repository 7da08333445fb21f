"""What the service holds: invoices, and for each receiving system its marks."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sandbox.codec import encode
from sandbox.filters import KEYS, parse_time
from sandbox.generate import STYLES, Maker, Style, times_of
from sandbox.lists import Lists, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.lists import Rank

ABSENT = "__absent__"
"""A field that is changed to this is taken away."""

ORDERS = ("id", "id_desc", "shuffled", "random")
PAGINGS = ("honoured", "ignored", "page only")


@dataclass
class Mark:
    """One mark: which invoice, for which system, when, with what note."""

    invoice_id: int
    system_id: str
    at: float
    note: str | None


@dataclass
class Behaviour:
    """How the service pages and writes; all of it is unknown of the real one.

    Attributes:
        paging: One of `PAGINGS`, or `{"capped": N}`.
        order: One of `ORDERS`; `random` differs from request to request.
        empty_page: The number of a page that is empty.
        times: A key of `STYLES`.
        line_invoice_id: Whether lines carry `invoice_id`.
        gzip: Whether answers are compressed for those who accept it.
        date: Whether answers carry `Date`.
    """

    paging: str | dict[str, int] = "honoured"
    order: str = "id"
    empty_page: int | None = None
    times: str = "laravel"
    line_invoice_id: bool = True
    gzip: bool = False
    date: bool = True

    def check(self) -> None:
        """Check the values.

        Raises:
            ValueError: One of them is not known.
        """
        capped = isinstance(self.paging, dict) and self.paging.keys() == {"capped"}
        if not (capped or self.paging in PAGINGS):
            raise ValueError(f"paging {self.paging!r} is not known")
        if self.order not in ORDERS or self.times not in STYLES:
            raise ValueError(f"order {self.order!r} or times {self.times!r} is not known")


@dataclass
class Store:
    """Invoices and marks.

    Attributes:
        seed: What invoices are made from.
        clock_offset: Seconds by which the service's clock is ahead of ours.
        booked: Every invoice, and whether it is booked.
        marks: When each system's invoices were last marked, in seconds of the epoch.
        history: Every mark ever set, in order.
    """

    seed: int
    clock_offset: float = 0.0
    behaviour: Behaviour = field(default_factory=Behaviour)
    booked: dict[int, bool] = field(default_factory=dict)
    marks: dict[str, dict[int, float]] = field(default_factory=dict)
    history: list[Mark] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare what is not told but made."""
        self._maker = Maker(self.seed)
        self._changed: dict[int, dict[str, Any]] = {}
        self._lists = Lists()
        self._latest_mark: dict[str, float] = {}

    def now(self) -> float:
        """Return the service's time, in seconds of the epoch."""
        return time.time() + self.clock_offset

    def add(self, ids: Iterable[int], *, booked: bool) -> None:
        """Add invoices under these ids."""
        self.booked.update(dict.fromkeys(ids, booked))
        self._lists.clear()

    def next_id(self, step: int = 1) -> int:
        """Return the first id after all others."""
        return max(self.booked, default=0) + step

    def book(self, ids: Iterable[int]) -> None:
        """Turn drafts into booked invoices."""
        for each in ids:
            self.booked[each] = True
            if (changed := self._changed.get(each)) is not None:
                changed["is_booked"] = True
        self._lists.clear()

    def change(self, invoice_id: int, values: dict[str, Any]) -> None:
        """Set fields of an invoice; one set to `ABSENT` is taken away."""
        invoice = self.invoice(invoice_id) | values
        self._changed[invoice_id] = {k: v for k, v in invoice.items() if v != ABSENT}
        self._lists.clear()

    def behave(self, changes: dict[str, Any]) -> None:
        """Change the behaviour.

        Raises:
            ValueError: There is no such behaviour.
        """
        if unknown := changes.keys() - {each.name for each in fields(Behaviour)}:
            raise ValueError(f"no behaviour is called {', '.join(sorted(unknown))}")
        behaviour = Behaviour(**{**vars(self.behaviour), **changes})
        behaviour.check()
        self.behaviour = behaviour
        self._lists.clear()

    def invoice(self, invoice_id: int) -> dict[str, Any]:
        """Return an invoice with its lines."""
        if (changed := self._changed.get(invoice_id)) is not None:
            return changed
        return self._maker.invoice(invoice_id, self._style(), booked=self.booked[invoice_id])

    def encoded(self, invoice_id: int, *, lines: bool = True) -> bytes:
        """Return an invoice as JSON, with or without its lines."""
        if (changed := self._changed.get(invoice_id)) is not None:
            return encode({k: v for k, v in changed.items() if lines or k != "lines"})
        booked = self.booked[invoice_id]
        return self._maker.encoded(invoice_id, self._style(), booked=booked, lines=lines)

    def line_count(self, invoice_id: int) -> int:
        """Return how many lines an invoice has."""
        if (changed := self._changed.get(invoice_id)) is not None:
            return len(changed.get("lines") or ())
        return self._maker.line_count(invoice_id)

    def mark(self, invoice_id: int, system_id: str, note: str | None, at: float | None) -> None:
        """Mark an invoice as exported; a second mark refreshes the time."""
        when = self.now() if at is None else at
        self.marks.setdefault(system_id, {})[invoice_id] = when
        self._latest_mark[system_id] = max(when, self._latest_mark.get(system_id, when))
        self.history.append(Mark(invoice_id, system_id, when, note))
        self._remarked(system_id, invoice_id)

    def unmark(self, invoice_id: int, system_id: str) -> None:
        """Lose a mark."""
        self.marks.get(system_id, {}).pop(invoice_id, None)
        self._remarked(system_id, invoice_id)

    def listed(self, wanted: Wanted) -> list[int]:
        """Return the ids of a list, in its order: never marked, or marked since a time."""
        if wanted.since == math.inf and self._latest_mark.get(wanted.system_id, 0) >= self.now():
            wanted = Wanted(wanted.system_id, self.now(), wanted.drafts, wanted.groups, wanted.sort)
        known = self._lists.get(wanted)
        if known is None:
            known = [each for each in self.booked if self._belongs(each, wanted)]
            if self.behaviour.order == "random":
                return random.sample(known, len(known))
            rank = self._rank(wanted)
            known.sort(key=rank)
            self._lists.put(wanted, known, rank)
        return known

    def _belongs(self, invoice_id: int, wanted: Wanted) -> bool:
        marks = self.marks.get(wanted.system_id, {})
        if marks.get(invoice_id, math.inf) < wanted.since:
            return False
        if not (self.booked[invoice_id] or wanted.drafts):
            return False
        if not wanted.groups:
            return True
        times = self._times(invoice_id)
        return all(group.holds(times) for group in wanted.groups)

    def _remarked(self, system_id: str, invoice_id: int) -> None:
        if invoice_id not in self.booked:
            return
        self._lists.update(system_id, invoice_id, lambda wanted: self._belongs(invoice_id, wanted))

    def _rank(self, wanted: Wanted) -> Rank:
        match self.behaviour.order:
            case "id_desc":
                return lambda each: (-each,)
            case "shuffled":
                return lambda each: (each * 2_654_435_761 % 2**32, each)
        if not wanted.sort:
            return lambda each: (each,)

        def rank(each: int) -> tuple[float, ...]:
            values = dict(zip(KEYS, self._times(each), strict=True), id=each)
            keys = ((values[key] or 0, falls) for key, falls in wanted.sort)
            return (*(-value if falls else value for value, falls in keys), each)

        return rank

    def _times(self, invoice_id: int) -> tuple[float | None, float | None]:
        if (changed := self._changed.get(invoice_id)) is None:
            return times_of(invoice_id)
        created, updated = (changed.get(key) for key in KEYS)
        return parse_time(created) if created else None, parse_time(updated) if updated else None

    def _style(self) -> Style:
        return Style(self.behaviour.times, self.behaviour.line_invoice_id)
