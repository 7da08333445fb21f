"""What the tap sends of small accounts, each with something that loaders stumble over."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from helpers.run import TAP, options, run
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INVOICES = "invoices"
LINES = "invoice_lines"

_TEXTS = {"id": "str(id)", "invoice_number": "invoice_number", "__else__": None}
_SURROGATE = "\ud83d"  # half of a character, as some systems cut texts
_PLACEHOLDER = "@half@"

FLATTENING = {"flattening_enabled": True, "flattening_max_depth": 1}
"""Settings of the tap that leave no objects: every loader can store what is then sent."""


@dataclass(frozen=True)
class Feed:
    """A tap's output.

    Attributes:
        lines: The tap's messages, each with its newline.
        invoices: What the API holds, lines included.
    """

    lines: list[bytes]
    invoices: list[dict[str, Any]]

    @cached_property
    def records(self) -> dict[str, dict[int, dict[str, Any]]]:
        """The API's records of both streams, by id."""
        invoices = [{k: v for k, v in each.items() if k != "lines"} for each in self.invoices]
        lines = [line for invoice in self.invoices for line in invoice["lines"]]
        return {
            INVOICES: {each["id"]: each for each in invoices},
            LINES: {each["id"]: each for each in lines},
        }

    @cached_property
    def line_ids(self) -> dict[int, set[int]]:
        """The ids of each invoice's lines, by the invoice's id."""
        return {each["id"]: {line["id"] for line in each["lines"]} for each in self.invoices}

    @cached_property
    def types(self) -> list[str]:
        """The messages' types."""
        return [json.loads(line)["type"] for line in self.lines]

    @property
    def states(self) -> list[dict[str, Any]]:
        """The values of its STATEs."""
        return [json.loads(line)["value"] for line in self._of("STATE")]

    @property
    def row_count(self) -> int:
        """The number of RECORDs."""
        return self.types.count("RECORD")

    def without_records(self) -> list[bytes]:
        """Return what a tap sends that finds nothing new."""
        return [*self._of("SCHEMA"), *self._of("STATE")[-1:]]

    def first_part(self) -> list[bytes]:
        """Return the lines up to about two thirds, which end in the middle of a page."""
        return self.lines[: 2 * len(self.lines) // 3]

    def last_page(self, old: str, new: str) -> list[bytes]:
        """Return the schemas and the last records, with a text changed in them."""
        ends = [number for number, kind in enumerate(self.types) if kind == "STATE"]
        before = [each for each in ends if "RECORD" in self.types[each:]][-1]
        page = [line.replace(old.encode(), new.encode()) for line in self.lines[before + 1 :]]
        return [*self._of("SCHEMA"), *page]

    def _of(self, kind: str) -> list[bytes]:
        return [line for line, each in zip(self.lines, self.types, strict=True) if each == kind]


@dataclass(frozen=True)
class Feeds:
    """All feeds.

    Attributes:
        plain: An ordinary account, in several pages.
        texts: Its invoices with nothing but texts, as a stream map can leave them.
        late: Properties and types that discovery has not seen, at the top and inside objects.
        digits: Numbers of 18 digits.
        nul: Texts with the character NUL.
        surrogate: Texts with half of a surrogate pair, as other taps send them.
        invalid: A value that the SCHEMA forbids, as other taps send them.
        large: Enough rows to measure.
    """

    plain: Feed
    texts: Feed
    late: Feed
    digits: Feed
    nul: Feed
    surrogate: Feed
    invalid: Feed
    large: Feed


def collect(folder: Path, *, large: int, **settings: Any) -> Feeds:
    """Run the tap on all accounts.

    Args:
        folder: Where the tap's files go.
        large: The number of invoices of the large account.
        settings: Settings of the tap, such as `FLATTENING`.
    """
    maps = {INVOICES: _TEXTS}
    with _account(folder, 25) as account:
        plain = account.sync(page_size=5, **settings)
        texts = _texts_only(account.sync(page_size=5, stream_maps=maps, **settings))
    odd = []
    for change in (_late, _digits, _nul, _half_a_character):
        with _account(folder, 10) as account:
            account.change_half(change)
            odd.append(account.sync(page_size=3, **settings))
    late, digits, nul, surrogate = odd
    with _account(folder, large) as account:
        whole = account.sync(page_size=250, **settings)
    return Feeds(
        plain=plain,
        texts=texts,
        late=late,
        digits=digits,
        nul=nul,
        surrogate=_with_surrogates(surrogate),
        invalid=_with_invalid_value(plain),
        large=whole,
    )


class _Account:
    """A sandbox whose catalog was discovered before anything was changed in it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self._folder = folder
        self._sandbox = sandbox
        discover = [TAP, *options(folder, config=sandbox.config()), "--discover"]
        self._catalog = json.loads(run(discover).check().stdout)

    def change_half(self, change: Any) -> None:
        """Change every second invoice, so that others of the same batch are as discovered."""
        for invoice in self._sandbox.invoices()[::2]:
            self._sandbox.change(invoice["id"], **change(invoice))

    def sync(self, **settings: Any) -> Feed:
        config = self._sandbox.config(**settings)
        done = run([TAP, *options(self._folder, config=config, catalog=self._catalog)]).check()
        return Feed(done.output.splitlines(keepends=True), self._sandbox.invoices())


@contextmanager
def _account(folder: Path, invoices: int) -> Iterator[_Account]:
    with Sandbox.start(invoices=invoices, drafts=0) as sandbox:
        yield _Account(folder, sandbox)


def _late(invoice: dict[str, Any]) -> dict[str, Any]:
    address = invoice["customer"]["address"] | {"late": "2100"}
    lines = [
        line | {"late": 1, "variant": line["variant"] | {"late": "x"}} for line in _lines(invoice)
    ]
    return {
        "late": "text",
        "late_object": {"a": [1, {"b": Decimal("17.10")}]},
        "currency": 208,
        "customer": invoice["customer"] | {"late": "DK1", "address": address},
        "lines": lines,
    }


def _digits(invoice: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer_id": 123456789012345678,
        "total": Decimal("1234567890.12345678"),
        "exchange_rate": Decimal("0.123456789012345678"),
        "meta": {"edi": {"order": 123456789012345678}},
        "lines": [
            line | {"unit_price": Decimal("987654321098765.432")} for line in _lines(invoice)
        ],
    }


def _nul(invoice: dict[str, Any]) -> dict[str, Any]:
    return {"comment": "a\0b", "customer": invoice["customer"] | {"name": "c\0d"}}


def _half_a_character(_invoice: dict[str, Any]) -> dict[str, Any]:
    return {"comment": f"cut {_PLACEHOLDER}"}


def _lines(invoice: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = invoice["lines"]
    return lines


def _texts_only(feed: Feed) -> Feed:
    kept = ("id", "invoice_number", "lines")
    return Feed(feed.lines, [{name: each[name] for name in kept} for each in feed.invoices])


def _with_surrogates(feed: Feed) -> Feed:
    lines = [line.replace(_PLACEHOLDER.encode(), rb"\ud83d") for line in feed.lines]
    invoices = [
        each | {"comment": (each["comment"] or "").replace(_PLACEHOLDER, _SURROGATE)}
        for each in feed.invoices
    ]
    return Feed(lines, invoices)


def _with_invalid_value(feed: Feed) -> Feed:
    """Give the second invoice a text where its SCHEMA wants a number."""
    number = [n for n, line in enumerate(feed.lines) if b'"stream":"invoices","rec' in line][1]
    message = json.loads(feed.lines[number], parse_float=Decimal)
    changed_id = message["record"]["id"]
    total = str(message["record"]["total"]).encode()
    line = feed.lines[number].replace(b'"total":' + total, b'"total":"much"')
    assert line != feed.lines[number]
    lines = [*feed.lines[:number], line, *feed.lines[number + 1 :]]
    invoices = [
        each | {"total": "much"} if each["id"] == changed_id else each for each in feed.invoices
    ]
    return Feed(lines, invoices)
