"""What the service holds: invoices, and for each receiving system its marks."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from sandbox.behaviour import Behaviour
from sandbox.codec import encode
from sandbox.filters import KEYS, parse_time
from sandbox.generate import Maker, Style, times_of, with_lines_in_shape
from sandbox.list_cache import Lists, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.list_cache import Rank

ABSENT = "__absent__"
"""A field that is changed to this is taken away."""

_STYLE = [each.name for each in fields(Style)]


@dataclass
class Mark:
    """One mark: which invoice, for which system, when, with what note."""

    invoice_id: int
    system_id: str
    at: float
    note: str | None


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
        """Prepare what follows from the rest."""
        self._maker = Maker(self.seed, self._style())
        self._raw: dict[int, bytes] = {}
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
        """Set fields of an invoice; one that is set to `ABSENT` is taken away."""
        self._raw.pop(invoice_id, None)
        invoice = self.invoice(invoice_id) | values
        self._changed[invoice_id] = {k: v for k, v in invoice.items() if v != ABSENT}
        self._lists.clear()

    def replace_json(self, invoice_id: int, text: str) -> None:
        """Send this text, valid JSON or not, in place of an invoice."""
        self._raw[invoice_id] = text.encode()

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
        self._maker.restyle(self._style())
        self._lists.clear()

    def invoice(self, invoice_id: int) -> dict[str, Any]:
        """Return an invoice with its lines."""
        if (changed := self._changed.get(invoice_id)) is not None:
            return changed
        return self._maker.invoice(invoice_id, booked=self.booked[invoice_id])

    def encoded(self, invoice_id: int, lines: str = "array") -> bytes:
        """Return an invoice as JSON, its lines in a shape that `Behaviour.lines` can name."""
        if (raw := self._raw.get(invoice_id)) is not None:
            return raw
        if (changed := self._changed.get(invoice_id)) is not None:
            return encode(with_lines_in_shape(changed, lines))
        return self._maker.encoded(invoice_id, lines, booked=self.booked[invoice_id])

    def line_count(self, invoice_id: int) -> int:
        """Return how many lines an invoice has."""
        if (changed := self._changed.get(invoice_id)) is not None:
            lines = changed.get("lines")
            return len(lines) if isinstance(lines, list | dict) else 0
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
            wanted = replace(wanted, since=self.now())
        known = self._lists.get(wanted)
        if known is None:
            known = [each for each in self.booked if self._belongs(each, wanted)]
            if self.behaviour.order == "random" and not wanted.sort:
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
        default: Rank = _ORDERS.get(self.behaviour.order, _ORDERS["id"])
        if not wanted.sort:
            return default

        def rank(each: int) -> tuple[float, ...]:
            values = dict(zip(KEYS, self._times(each), strict=True), id=each)
            keys = ((values[key] or 0, falls) for key, falls in wanted.sort)
            return (*(-value if falls else value for value, falls in keys), *default(each))

        return rank

    def _times(self, invoice_id: int) -> tuple[float | None, float | None]:
        if (changed := self._changed.get(invoice_id)) is None:
            return times_of(invoice_id)
        created, updated = (_time(changed.get(key)) for key in KEYS)
        return created, updated

    def _style(self) -> Style:
        return Style(**{name: getattr(self.behaviour, name) for name in _STYLE})


_ORDERS: dict[str, Rank] = {
    "id": lambda each: (each,),
    "id_desc": lambda each: (-each,),
    "shuffled": lambda each: (each * 2_654_435_761 % 2**32, each),
}


def _time(value: Any) -> float | None:
    try:
        return parse_time(value)
    except (TypeError, ValueError):
        return None
