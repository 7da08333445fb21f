"""The invoices, and the marks of each receiving system."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from sandbox.behaviour import Behaviour
from sandbox.codec import encode
from sandbox.filters import KEYS, parse_time
from sandbox.invoice_maker import InvoiceMaker, Style, created_and_updated, with_lines_in_shape
from sandbox.list_cache import ListCache, ListKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.list_cache import SortKey

ABSENT = "__absent__"
"""A field that is set to this is removed."""

_STYLE = [option.name for option in fields(Style)]


@dataclass
class Mark:
    """One mark of an invoice for a system, with its time and note."""

    invoice_id: int
    system_id: str
    at: float
    note: str | None


@dataclass
class Store:
    """Invoices and marks.

    Attributes:
        seed: Determines the content of all invoices.
        clock_offset: Seconds by which the service's clock is ahead of this machine's.
        behaviour: The options that last.
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
        """Create the parts that depend on the fields."""
        self._maker = InvoiceMaker(self.seed, self._style())
        self._raw: dict[int, bytes] = {}
        self._changed: dict[int, dict[str, Any]] = {}
        self._lists = ListCache()
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
        for invoice_id in ids:
            self.booked[invoice_id] = True
            if (changed := self._changed.get(invoice_id)) is not None:
                changed["is_booked"] = True
        self._lists.clear()

    def change(self, invoice_id: int, values: dict[str, Any]) -> None:
        """Set fields of an invoice; one that is set to `ABSENT` is removed."""
        self._raw.pop(invoice_id, None)
        invoice = self.invoice(invoice_id) | values
        self._changed[invoice_id] = {k: v for k, v in invoice.items() if v != ABSENT}
        self._lists.clear()

    def replace_json(self, invoice_id: int, text: str) -> None:
        """Send this text, valid JSON or not, in place of an invoice."""
        self._raw[invoice_id] = text.encode()

    def behave(self, changes: dict[str, Any]) -> None:
        """Change options.

        Raises:
            ValueError: There is no such option, or it does not have such a value.
        """
        if unknown := changes.keys() - {option.name for option in fields(Behaviour)}:
            raise ValueError(f"no option is called {', '.join(sorted(unknown))}")
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

    def invoice_json(self, invoice_id: int, lines: str = "array") -> bytes:
        """Return an invoice as JSON, its lines in a shape that `Behaviour.lines` can name."""
        if (raw := self._raw.get(invoice_id)) is not None:
            return raw
        if (changed := self._changed.get(invoice_id)) is not None:
            return encode(with_lines_in_shape(changed, lines))
        return self._maker.invoice_json(invoice_id, lines, booked=self.booked[invoice_id])

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
        self._update_lists(system_id, invoice_id)

    def unmark(self, invoice_id: int, system_id: str) -> None:
        """Remove a mark."""
        self.marks.get(system_id, {}).pop(invoice_id, None)
        self._update_lists(system_id, invoice_id)

    def list_ids(self, key: ListKey) -> list[int]:
        """Return the ids of a list: invoices that were never marked, or marked since a time."""
        if key.since == math.inf and self._latest_mark.get(key.system_id, 0) >= self.now():
            key = replace(key, since=self.now())
        ids = self._lists.get(key)
        if ids is None:
            ids = [invoice_id for invoice_id in self.booked if self._belongs(invoice_id, key)]
            if self.behaviour.order == "random" and not key.sort:
                return random.sample(ids, len(ids))
            sort_key = self._sort_key(key)
            ids.sort(key=sort_key)
            self._lists.put(key, ids, sort_key)
        return ids

    def _belongs(self, invoice_id: int, key: ListKey) -> bool:
        marks = self.marks.get(key.system_id, {})
        if marks.get(invoice_id, math.inf) < key.since:
            return False
        if not (self.booked[invoice_id] or key.drafts):
            return False
        if not key.groups:
            return True
        times = self._times(invoice_id)
        return all(group.holds(times) for group in key.groups)

    def _update_lists(self, system_id: str, invoice_id: int) -> None:
        if invoice_id not in self.booked:
            return
        self._lists.update(system_id, invoice_id, lambda key: self._belongs(invoice_id, key))

    def _sort_key(self, key: ListKey) -> SortKey:
        default: SortKey = _ORDERS.get(self.behaviour.order, _ORDERS["id"])
        if not key.sort:
            return default

        def sort_key(invoice_id: int) -> tuple[float, ...]:
            values = dict(zip(KEYS, self._times(invoice_id), strict=True), id=invoice_id)
            keys = ((values[name] or 0, falls) for name, falls in key.sort)
            return (*(-value if falls else value for value, falls in keys), *default(invoice_id))

        return sort_key

    def _times(self, invoice_id: int) -> tuple[float | None, float | None]:
        if (changed := self._changed.get(invoice_id)) is None:
            return created_and_updated(invoice_id)
        created, updated = (_time(changed.get(name)) for name in KEYS)
        return created, updated

    def _style(self) -> Style:
        return Style(**{name: getattr(self.behaviour, name) for name in _STYLE})


_ORDERS: dict[str, SortKey] = {
    "id": lambda invoice_id: (invoice_id,),
    "id_desc": lambda invoice_id: (-invoice_id,),
    "shuffled": lambda invoice_id: (invoice_id * 2_654_435_761 % 2**32, invoice_id),
}


def _time(value: Any) -> float | None:
    try:
        return parse_time(value)
    except (TypeError, ValueError):
        return None
