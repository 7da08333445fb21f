"""The content of invoices: names and text in several scripts, currencies, tax rates."""

from __future__ import annotations

from decimal import Decimal

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
"""Name, country, currency and city."""

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
"""Percent, by country."""

PRODUCTS = ["Merino cardigan", "Linen shirt", "Rain coat", "Børnehue", "Wide trousers", "T-shirt"]
COLOURS = ["Navy", "Off white", "Rød", "Forest", "黒"]
SIZES = ["XS", "S", "M", "L", "XL", "36/38"]
TAGS = ["SS26", "AW26", "reorder", "fair"]
COMMENTS = [None, "Tak for ordren!", "two\nlines", "\u2028", "100 %"]
