"""Invoices that look real, from a seed: the same id gives the same invoice.

Making one with all its sums takes a while, so there is a pool of bodies, made when they
are first asked for; an invoice is one of them with its own ids and times filled in. That
is quick enough for hundreds of thousands, and nothing has to be kept for each.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.codec import decode, encode
from sandbox.words import COLOURS, COMMENTS, CUSTOMERS, PRODUCTS, SIZES, TAGS, TAX

STYLES = {"laravel": "%Y-%m-%d %H:%M:%S", "rfc3339": "%Y-%m-%dT%H:%M:%S+00:00"}

_CENT = Decimal("0.01")
_FIRST_DAY = datetime(2024, 1, 2, 8, tzinfo=UTC)
_FIRST_SECOND = _FIRST_DAY.timestamp()
_UPDATED_AFTER = 7200.0  # seconds
_MOST_LINES = 8
_POOL = 1009  # bodies; a prime, so that neighbours differ in every respect

_FILLED = {
    b'"@id"': b"%(id)d",
    b'"@booked"': b"%(booked)b",
    b'"@booked_at"': b"%(booked_at)b",
    b"@number": b"%(id)07d",
    b"@created": b"%(created)b",
    b"@updated": b"%(updated)b",
    b"@first_day": b"%(first_day)b",
    b"@due": b"%(due)b",
}
_LINE_ID = re.compile(rb'"@line(\d)"')


@dataclass(frozen=True)
class Style:
    """How invoices are written; unknown of the real service.

    Attributes:
        times: A key of `STYLES`.
        line_invoice_id: Whether lines carry `invoice_id`.
    """

    times: str = "laravel"
    line_invoice_id: bool = True


def times_of(invoice_id: int) -> tuple[float, float]:
    """Return when an invoice was created and updated, in seconds of the epoch."""
    created = _FIRST_SECOND + 60 * invoice_id
    return created, created + _UPDATED_AFTER


class Maker:
    """Makes the invoices of one seed."""

    def __init__(self, seed: int) -> None:
        """Start with an empty pool."""
        self._seed = seed
        self._pool: dict[tuple[int, bool, bool], tuple[bytes, int]] = {}

    def encoded(self, invoice_id: int, style: Style, *, booked: bool, lines: bool) -> bytes:
        """Make an invoice as JSON, with or without its lines."""
        body, _ = self._body(invoice_id, style, lines=lines)
        times = STYLES[style.times]
        made = _FIRST_DAY + timedelta(minutes=invoice_id)
        updated = (made + timedelta(seconds=_UPDATED_AFTER)).strftime(times).encode()
        return body % {
            b"id": invoice_id,
            b"created": made.strftime(times).encode(),
            b"updated": updated,
            b"due": (made + timedelta(days=30)).strftime("%Y-%m-%d").encode(),
            b"first_day": _FIRST_DAY.strftime(times).encode(),
            b"booked": b"true" if booked else b"false",
            b"booked_at": b'"%b"' % updated if booked else b"null",
        }

    def invoice(self, invoice_id: int, style: Style, *, booked: bool) -> dict[str, Any]:
        """Make an invoice with its lines."""
        made: dict[str, Any] = decode(self.encoded(invoice_id, style, booked=booked, lines=True))
        return made

    def line_count(self, invoice_id: int) -> int:
        """Return how many lines an invoice has."""
        return self._body(invoice_id, Style(), lines=True)[1]

    def _body(self, invoice_id: int, style: Style, *, lines: bool) -> tuple[bytes, int]:
        key = (invoice_id % _POOL, style.line_invoice_id, lines)
        if (known := self._pool.get(key)) is None:
            invoice = _invoice(random.Random(f"{self._seed}/{key[0]}"))
            count = len(invoice["lines"])
            if not lines:
                del invoice["lines"]
            elif not style.line_invoice_id:
                for line in invoice["lines"]:
                    del line["invoice_id"]
            known = self._pool[key] = (_to_be_filled(invoice), count)
        return known


def _to_be_filled(invoice: dict[str, Any]) -> bytes:
    body = encode(invoice).replace(b"%", b"%%")
    for name, slot in _FILLED.items():
        body = body.replace(name, slot)
    return _LINE_ID.sub(rb"%(id)d\1", body)  # ten times the invoice's id, and the number


def _money(value: Decimal) -> Decimal:
    return value.quantize(_CENT)


def _invoice(dice: random.Random) -> dict[str, Any]:
    """Make a body; its totals are the sums of its lines."""
    name, country, currency, city = dice.choice(CUSTOMERS)
    percent = TAX.get(country, Decimal())
    lines = [_line(dice, number, percent) for number in range(1, dice.randint(1, _MOST_LINES) + 1)]
    net = sum((line["total"] for line in lines), Decimal())
    tax = _money(net * percent / 100)
    return {
        "id": "@id",
        "invoice_number": "F@number",
        "is_booked": "@booked",
        "booked_at": "@booked_at",
        "due_date": "@due",
        "currency": currency,
        "exchange_rate": Decimal(dice.randint(90_000, 750_000)) / 100_000,
        "net_total": net,
        "tax_percent": percent,
        "tax_total": tax,
        "total": net + tax,
        "paid": dice.random() < 0.5,
        "customer_id": dice.randint(1, 400),
        "customer": {
            "name": name,
            "vat_number": f"{country}{dice.randint(10**7, 10**8 - 1)}",
            "address": {
                "street": f"{city} {dice.randint(1, 99)}",
                "city": city,
                "country": country,
            },
            "created_at": "@first_day",
        },
        "tags": dice.sample(TAGS, dice.randint(0, 2)),
        "meta": _meta(dice),
        "comment": dice.choice(COMMENTS),
        "created_at": "@created",
        "updated_at": "@updated",
        "lines": lines,
    }


def _meta(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.4:
        return {}
    return {"cost_center": str(dice.randint(100, 999)), "edi": {"order": dice.randint(1, 9999)}}


def _line(dice: random.Random, number: int, percent: Decimal) -> dict[str, Any]:
    quantity = dice.randint(1, 40)
    price = Decimal(dice.randint(500, 90_000)) / 100
    discount = Decimal(dice.choice(["0", "0", "0", "10", "12.5"]))
    colour, size = dice.choice(COLOURS), dice.choice(SIZES)
    return {
        "id": f"@line{number}",
        "invoice_id": "@id",
        "sku": f"{dice.randint(1000, 9999)}-{size}",
        "text": f"{dice.choice(PRODUCTS)}, {colour}, {size}",
        "variant": {"color": colour, "size": size, "ean": str(dice.randint(10**12, 10**13 - 1))},
        "quantity": quantity,
        "unit_price": _money(price),
        "discount_percent": discount,
        "tax_percent": percent,
        "total": _money(quantity * price * (100 - discount) / 100),
        "created_at": "@created",
        "updated_at": "@updated",
    }
