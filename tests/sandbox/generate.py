"""Invoices that look real, from a seed: the same id gives the same invoice."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

LARAVEL = "%Y-%m-%d %H:%M:%S"
_CENT = Decimal("0.01")
_FIRST_DAY = datetime(2024, 1, 2, 8, tzinfo=UTC)

CUSTOMERS = [
    ("Ærlig & Søn ApS", "DK", "DKK", "København"),
    ("Blåbær Living", "DK", "DKK", "Aarhus"),
    ("Kauppa Äiti Oy", "FI", "EUR", "Jyväskylä"),
    ("Boutique L'Été", "FR", "EUR", "Orléans"),
    ("Größe Zwölf GmbH", "DE", "EUR", "Köln"),
    ("Ελληνική Μόδα", "GR", "EUR", "Θεσσαλονίκη"),
    ("東京セレクト", "JP", "JPY", "渋谷区"),
    ("서울 편집숍", "KR", "KRW", "서울"),
    ("Łódź Fashion sp. z o.o.", "PL", "PLN", "Łódź"),
    ("متجر الأناقة", "AE", "AED", "دبي"),
    ('O\'Brien "Corner" Shop', "IE", "EUR", "Cork"),
    ("Nordic 🧶 Wool", "NO", "NOK", "Tromsø"),
]
TAX = {
    "DK": Decimal(25),
    "FI": Decimal("25.5"),
    "FR": Decimal(20),
    "DE": Decimal(19),
    "GR": Decimal(24),
    "PL": Decimal(23),
    "IE": Decimal(23),
    "NO": Decimal(25),
}
PRODUCTS = ["Merino cardigan", "Linen shirt", "Rain coat", "Børnehue", "Wide trousers", "T-shirt"]
COLOURS = ["Navy", "Off white", "Rød", "Forest", "黒"]
SIZES = ["XS", "S", "M", "L", "XL", "36/38"]


def _money(value: Decimal) -> Decimal:
    return value.quantize(_CENT)


def moment(invoice_id: int) -> datetime:
    """When an invoice was made: later with each id."""
    return _FIRST_DAY + timedelta(minutes=invoice_id)


def invoice(seed: int, invoice_id: int, *, booked: bool, times: str = LARAVEL) -> dict[str, Any]:
    """Make an invoice with its lines; its totals are the sums of its lines."""
    dice = random.Random(f"{seed}/{invoice_id}")
    name, country, currency, city = dice.choice(CUSTOMERS)
    made = moment(invoice_id)
    created, updated = made.strftime(times), (made + timedelta(hours=2)).strftime(times)
    percent = TAX.get(country, Decimal())
    head = _Head(invoice_id, percent, created, updated)
    lines = [_line(dice, head, number) for number in range(1, dice.randint(1, 8) + 1)]
    net = sum((line["total"] for line in lines), Decimal())
    tax = _money(net * percent / 100)
    return {
        "id": invoice_id,
        "invoice_number": f"F{invoice_id:07d}",
        "is_booked": booked,
        "booked_at": updated if booked else None,
        "due_date": (made + timedelta(days=30)).strftime("%Y-%m-%d"),
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
            "created_at": _FIRST_DAY.strftime(times),
        },
        "tags": dice.sample(["SS26", "AW26", "reorder", "fair"], dice.randint(0, 2)),
        "meta": _meta(dice),
        "comment": dice.choice([None, "Tak for ordren!", "two\nlines", "\u2028"]),
        "created_at": created,
        "updated_at": updated,
        "lines": lines,
    }


def _meta(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.4:
        return {}
    return {"cost_center": str(dice.randint(100, 999)), "edi": {"order": dice.randint(1, 9999)}}


@dataclass(frozen=True)
class _Head:
    """What an invoice's lines share with it."""

    invoice_id: int
    percent: Decimal
    created: str
    updated: str


def _line(dice: random.Random, head: _Head, number: int) -> dict[str, Any]:
    quantity = dice.randint(1, 40)
    price = Decimal(dice.randint(500, 90_000)) / 100
    discount = Decimal(dice.choice(["0", "0", "0", "10", "12.5"]))
    colour, size = dice.choice(COLOURS), dice.choice(SIZES)
    return {
        "id": head.invoice_id * 10 + number,
        "invoice_id": head.invoice_id,
        "sku": f"{dice.randint(1000, 9999)}-{size}",
        "text": f"{dice.choice(PRODUCTS)}, {colour}, {size}",
        "variant": {"color": colour, "size": size, "ean": str(dice.randint(10**12, 10**13 - 1))},
        "quantity": quantity,
        "unit_price": _money(price),
        "discount_percent": discount,
        "tax_percent": head.percent,
        "total": _money(quantity * price * (100 - discount) / 100),
        "created_at": head.created,
        "updated_at": head.updated,
    }
