"""What the service holds: invoices, and for each receiving system its marks."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from sandbox import generate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass
class Mark:
    """One mark: which invoice, for which system, when, with what note."""

    invoice_id: int
    system_id: str
    at: float
    note: str | None


@dataclass
class Behaviour:
    """How the service pages and writes; all of it is unknown of the real one."""

    paging: Any = "honoured"
    order: str = "id"
    empty_page: int | None = None
    times: str = "laravel"
    line_invoice_id: bool = True
    gzip: bool = False


@dataclass
class Store:
    """Invoices and marks.

    Attributes:
        seed: What invoices are made from.
        clock_offset: Seconds by which the service's clock is ahead of ours.
    """

    seed: int
    clock_offset: float = 0.0
    behaviour: Behaviour = field(default_factory=Behaviour)
    booked: dict[int, bool] = field(default_factory=dict)
    marks: dict[str, dict[int, float]] = field(default_factory=dict)
    history: list[Mark] = field(default_factory=list)
    version: int = 0
    _changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    _bytes: dict[tuple[int, bool], bytes] = field(default_factory=dict)
    _lists: dict[Any, list[int]] = field(default_factory=dict)

    def now(self) -> float:
        """Return the service's time, in seconds of the epoch."""
        return time.time() + self.clock_offset

    def touch(self) -> None:
        """Forget lists that were made before a change."""
        self.version += 1
        self._lists.clear()

    def add(self, ids: Iterable[int], *, booked: bool) -> None:
        """Add invoices under these ids."""
        self.booked.update(dict.fromkeys(ids, booked))
        self.touch()

    def next_id(self, step: int = 1) -> int:
        """Return the first id after all others."""
        return max(self.booked, default=0) + step

    def book(self, ids: Iterable[int]) -> None:
        """Turn drafts into booked invoices."""
        for each in ids:
            self.booked[each] = True
            changed = self._changed.get(each)
            if changed is not None:
                changed["is_booked"] = True
            self._forget(each)
        self.touch()

    def change(self, invoice_id: int, values: dict[str, Any]) -> None:
        """Set fields of an invoice; a field set to the text `__absent__` is taken away."""
        invoice = self.invoice(invoice_id) | values
        self._changed[invoice_id] = {k: v for k, v in invoice.items() if v != "__absent__"}
        self._forget(invoice_id)
        self.touch()

    def invoice(self, invoice_id: int) -> dict[str, Any]:
        """Return an invoice with its lines."""
        if (changed := self._changed.get(invoice_id)) is not None:
            return changed
        style = generate.LARAVEL if self.behaviour.times == "laravel" else "%Y-%m-%dT%H:%M:%S+00:00"
        made = generate.invoice(self.seed, invoice_id, booked=self.booked[invoice_id], times=style)
        if not self.behaviour.line_invoice_id:
            for line in made["lines"]:
                del line["invoice_id"]
        return made

    def encoded(self, invoice_id: int, *, lines: bool) -> bytes:
        """Return an invoice as JSON, with or without its lines."""
        key = (invoice_id, lines)
        if (known := self._bytes.get(key)) is None:
            invoice = dict(self.invoice(invoice_id))
            if not lines:
                invoice.pop("lines", None)
            known = self._bytes[key] = _encode(invoice)
        return known

    def behave(self, changes: dict[str, Any]) -> None:
        """Change the behaviour."""
        for name, value in changes.items():
            setattr(self.behaviour, name, value)
        self._bytes.clear()
        self.touch()

    def mark(self, invoice_id: int, system_id: str, note: str | None, at: float | None) -> None:
        """Mark an invoice as exported; a second mark refreshes the time."""
        when = self.now() if at is None else at
        self.marks.setdefault(system_id, {})[invoice_id] = when
        self.history.append(Mark(invoice_id, system_id, when, note))
        self.touch()

    def unmark(self, invoice_id: int, system_id: str) -> None:
        """Lose a mark."""
        self.marks.get(system_id, {}).pop(invoice_id, None)
        self.touch()

    def listed(
        self,
        system_id: str,
        since: float,
        *,
        drafts: bool,
        wanted: Callable[[dict[str, Any]], bool] | None = None,
        filters: str = "",
    ) -> list[int]:
        """Return the ids of a list: never marked, or marked at or after a time."""
        key = (system_id, since, drafts, filters)
        if self.behaviour.order != "random" and key in self._lists:
            return self._lists[key]
        marks = self.marks.get(system_id, {})
        ids = [
            each
            for each, booked in self.booked.items()
            if (booked or drafts) and marks.get(each, since) >= since
        ]
        if wanted:
            ids = [each for each in ids if wanted(self.invoice(each))]
        self._lists[key] = self._ordered(ids)
        return self._lists[key]

    def _ordered(self, ids: list[int]) -> list[int]:
        order = self.behaviour.order
        if order == "random":
            return random.sample(ids, len(ids))
        if order == "shuffled":
            return sorted(ids, key=lambda each: each * 2_654_435_761 % 2**32)
        return sorted(ids, reverse=order == "id_desc")

    def _forget(self, invoice_id: int) -> None:
        for lines in (True, False):
            self._bytes.pop((invoice_id, lines), None)


def decode(raw: bytes | str) -> Any:
    """Read JSON, every digit kept."""
    return _decode(raw)


def encode(value: Any) -> bytes:
    """Write JSON, every digit kept."""
    return _encode(value)


def parse_time(text: str) -> float:
    """Read a time, in UTC where it has no zone.

    Raises:
        ValueError: It is none.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
