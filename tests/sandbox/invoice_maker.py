"""Realistic invoices from a seed: the same id always gives the same invoice.

Computing an invoice with its sums is slow, so about a thousand bodies are computed when they are
first needed. An invoice is one of them with its own ids and times. That is fast enough for
hundreds of thousands of invoices, and no invoice has to be stored.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.codec import decode, encode
from sandbox.sample_data import COLOURS, COMMENTS, CUSTOMERS, PRODUCTS, SIZES, TAGS, TAX

TIMES = {
    "laravel": "%Y-%m-%d %H:%M:%S",
    "laravel7": "%Y-%m-%dT%H:%M:%S.%fZ",
    "rfc3339": "%Y-%m-%dT%H:%M:%S+00:00",
}

_CENT = Decimal("0.01")
_FIRST_DAY = datetime(2024, 1, 2, 8, tzinfo=UTC)
_FIRST_SECOND = _FIRST_DAY.timestamp()
_UPDATED_AFTER = 7200.0  # seconds
_MOST_LINES = 8
_POOL = 1009  # bodies; a prime, so that neighbouring invoices differ in every field

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
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_LINE_ID = re.compile(rb'"@line(\d)"')


@dataclass(frozen=True)
class Style:
    """How invoices are written: options of `Behaviour` with the same names."""

    times: str = "laravel"
    numbers: str = "number"
    flags: str = "boolean"
    json: str = "plain"
    line_invoice_id: bool = True


def created_and_updated(invoice_id: int) -> tuple[float, float]:
    """Return when an invoice was created and updated, in seconds of the epoch."""
    created = _FIRST_SECOND + 60 * invoice_id
    return created, created + _UPDATED_AFTER


class InvoiceMaker:
    """Makes the invoices of one seed.

    Attributes:
        style: How they are written; `restyle` changes it.
    """

    def __init__(self, seed: int, style: Style) -> None:
        """Create a maker with an empty pool."""
        self._seed = seed
        self._counts: dict[int, int] = {}
        self.restyle(style)

    def restyle(self, style: Style) -> None:
        """Write invoices like this from now on."""
        self.style = style
        self._times = TIMES[style.times]
        self._flags = (b"0", b"1") if style.flags == "integer" else (b"false", b"true")
        self._pool: dict[tuple[int, str], bytes] = {}

    def invoice_json(self, invoice_id: int, lines: str, *, booked: bool) -> bytes:
        """Make an invoice as JSON, its lines in this shape."""
        times = self._times
        made = _FIRST_DAY + timedelta(minutes=invoice_id)
        updated = (made + timedelta(seconds=_UPDATED_AFTER)).strftime(times).encode()
        return self._body(invoice_id % _POOL, lines) % {
            b"id": invoice_id,
            b"created": made.strftime(times).encode(),
            b"updated": updated,
            b"due": (made + timedelta(days=30)).strftime("%Y-%m-%d").encode(),
            b"first_day": _FIRST_DAY.strftime(times).encode(),
            b"booked": self._flags[booked],
            b"booked_at": b'"%b"' % updated if booked else b"null",
        }

    def invoice(self, invoice_id: int, *, booked: bool) -> dict[str, Any]:
        """Make an invoice with its lines."""
        made: dict[str, Any] = decode(self.invoice_json(invoice_id, "array", booked=booked))
        return made

    def line_count(self, invoice_id: int) -> int:
        """Return how many lines an invoice has."""
        number = invoice_id % _POOL
        if number not in self._counts:
            self._counts[number] = len(self._made(number)["lines"])
        return self._counts[number]

    def _body(self, number: int, lines: str) -> bytes:
        body = self._pool.get((number, lines))
        if body is None:
            invoice = restyled(self._made(number), self.style)
            body = _to_be_filled(with_lines_in_shape(invoice, lines), self.style)
            self._pool[number, lines] = body
        return body

    def _made(self, number: int) -> dict[str, Any]:
        invoice = _invoice(random.Random(f"{self._seed}/{number}"))
        if not self.style.line_invoice_id:
            for line in invoice["lines"]:
                del line["invoice_id"]
        return invoice


def restyled(value: Any, style: Style) -> Any:
    """Write decimals, flags and empty objects in a style."""
    if isinstance(value, dict):
        if not value and style.json == "php":
            return []
        return {key: restyled(each, style) for key, each in value.items()}
    if isinstance(value, list):
        return [restyled(each, style) for each in value]
    if isinstance(value, Decimal) and style.numbers == "string":
        return str(value)
    if isinstance(value, bool) and style.flags == "integer":
        return int(value)
    return value


def with_lines_in_shape(invoice: dict[str, Any], shape: str) -> dict[str, Any]:
    """Return an invoice whose array of lines has the shape that `Behaviour.lines` names."""
    lines = invoice.get("lines")
    if shape == "missing":
        return {key: value for key, value in invoice.items() if key != "lines"}
    if shape == "array" or not isinstance(lines, list):
        return invoice
    shaped: dict[str, Any] = {
        "object": {str(3 * index + 1): line for index, line in enumerate(lines)} or [],
        "data": {"data": lines},
        "null": None,
        "string": "Array",  # PHP's text for any array
    }
    return {**invoice, "lines": shaped[shape]}


def php_escaped(text: bytes) -> bytes:
    """Escape JSON as PHP's json_encode does: slashes, and all that is not ASCII."""
    ascii_text = _NOT_ASCII.sub(lambda found: _utf16_escapes(found[0]), text.decode())
    return ascii_text.replace("/", "\\/").encode()


def _utf16_escapes(text: str) -> str:
    units = text.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _to_be_filled(invoice: dict[str, Any], style: Style) -> bytes:
    body = encode(invoice)
    if style.json == "php":
        body = php_escaped(body)
    body = body.replace(b"%", b"%%")
    for name, slot in _FILLED.items():
        body = body.replace(name, slot)
    return _LINE_ID.sub(rb"%(id)d\1", body)  # ten times the invoice's id, and the number


def _money(value: Decimal) -> Decimal:
    return value.quantize(_CENT)


def _invoice(chance: random.Random) -> dict[str, Any]:
    """Make a body; its totals are the sums of its lines."""
    name, country, currency, city = chance.choice(CUSTOMERS)
    percent = TAX.get(country, Decimal())
    lines = [
        _line(chance, number, percent) for number in range(1, chance.randint(1, _MOST_LINES) + 1)
    ]
    net = sum((line["total"] for line in lines), Decimal())
    tax = _money(net * percent / 100)
    return {
        "id": "@id",
        "invoice_number": "F@number",
        "is_booked": "@booked",
        "booked_at": "@booked_at",
        "due_date": "@due",
        "currency": currency,
        "exchange_rate": Decimal(chance.randint(90_000, 750_000)) / 100_000,
        "net_total": net,
        "tax_percent": percent,
        "tax_total": tax,
        "total": net + tax,
        "paid": chance.random() < 0.5,
        "customer_id": chance.randint(1, 400),
        "customer": {
            "name": name,
            "vat_number": f"{country}{chance.randint(10**7, 10**8 - 1)}",
            "address": {
                "street": f"{city} {chance.randint(1, 99)}",
                "city": city,
                "country": country,
            },
            "created_at": "@first_day",
        },
        "tags": chance.sample(TAGS, chance.randint(0, 2)),
        "meta": _meta(chance),
        "comment": chance.choice(COMMENTS),
        "created_at": "@created",
        "updated_at": "@updated",
        "lines": lines,
    }


def _meta(chance: random.Random) -> dict[str, Any]:
    if chance.random() < 0.4:
        return {}
    return {"cost_center": str(chance.randint(100, 999)), "edi": {"order": chance.randint(1, 9999)}}


def _line(chance: random.Random, number: int, percent: Decimal) -> dict[str, Any]:
    quantity = chance.randint(1, 40)
    price = Decimal(chance.randint(500, 90_000)) / 100
    discount = Decimal(chance.choice(["0", "0", "0", "10", "12.5"]))
    colour, size = chance.choice(COLOURS), chance.choice(SIZES)
    return {
        "id": f"@line{number}",
        "invoice_id": "@id",
        "sku": f"{chance.randint(1000, 9999)}-{size}",
        "text": f"{chance.choice(PRODUCTS)}, {colour}, {size}",
        "variant": {"color": colour, "size": size, "ean": str(chance.randint(10**12, 10**13 - 1))},
        "quantity": quantity,
        "unit_price": _money(price),
        "discount_percent": discount,
        "tax_percent": percent,
        "total": _money(quantity * price * (100 - discount) / 100),
        "created_at": "@created",
        "updated_at": "@updated",
    }
