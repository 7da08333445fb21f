"""Judging the content: lines, times, numbers, flags, columns, and filters by `created_at`."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_invoices._shared import times
from tap_invoices._shared.response import RawInvoice
from tap_invoices.records.build import UndeliverableError, line_id, lines_in

from .check_report import Check, ok, problem, unknown
from .list_checks import created, created_at
from .probe import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_invoices._shared.response import Row

    from .probe import Outcome

    Schema = Mapping[str, Any]

Object: TypeAlias = dict[str, Any]

NAMES = (
    "deliverable",
    "lines",
    "line_ids",
    "line_invoice_id",
    "times",
    "numbers",
    "flags",
    "columns",
    "created_at_filter",
)

_EMPTY = "There is no invoice to look at."
_NO_LINES = "There is no line to look at."
_DECIMAL = re.compile(r"-?\d+\.\d+", re.ASCII)
_ZONE = re.compile(r"(?<=\d)(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)


def decode_rows(rows: Iterable[Row]) -> tuple[list[Object], list[str]]:
    """Decode invoices; returns each once, and for each that cannot be delivered why not."""
    invoices: dict[int, Object] = {}
    reasons: list[str] = []
    for row in rows:
        if not isinstance(row, RawInvoice):
            reasons.append(row.reason)
            continue
        try:
            invoices[row.id] = row.decode()
        except ValueError as error:
            reasons.append(str(error))
    return list(invoices.values()), reasons


def judge_deliverable(invoices: Sequence[Object], reasons: Sequence[str]) -> Check:
    """Judge whether all invoices of a sample can be delivered.

    Args:
        invoices: Those that can.
        reasons: Why each of the others cannot.
    """
    name = "deliverable"
    looked_at = len(invoices) + len(reasons)
    if not looked_at:
        return unknown(name, _EMPTY)
    if not reasons:
        return ok(name, f"All {looked_at} invoices that were looked at can be delivered.", value=0)
    why = "; ".join(Counter(reasons))
    return problem(
        name,
        f"{len(reasons)} of {looked_at} invoices cannot be delivered: {why}.",
        "A sync names each with its id and skips it. Correct them in Traede.",
        len(reasons),
    )


def lines_shape(invoice: Object) -> str:
    """Return in which form an invoice has its lines: `list`, `object`, or what is wrong."""
    if "lines" not in invoice:
        return "missing"
    match invoice["lines"]:
        case list():
            return "list"
        case dict(lines) if all(isinstance(line, dict) for line in lines.values()):
            return "object"
        case None:
            return "null"
        case _:
            return "other"


def lines_of(invoices: Iterable[Object]) -> Iterator[tuple[Object, object]]:
    """Yield each line, as the tap finds them, with its invoice."""
    for invoice in invoices:
        with suppress(UndeliverableError):
            yield from ((invoice, line) for line in lines_in(invoice.get("lines")))


def judge_lines(invoices: Sequence[Object]) -> Check:
    """Judge in which form invoices have their lines."""
    name = "lines"
    if not invoices:
        return unknown(name, _EMPTY)
    shapes = dict(Counter(map(lines_shape, invoices)))
    counted = ", ".join(f"{shape} ({count})" for shape, count in shapes.items())
    if shapes.keys() <= {"list", "object"}:
        return ok(name, f"They arrive as: {counted}.", shapes)
    return problem(
        name,
        f"They arrive as: {counted}; a list or an object is expected.",
        "Such invoices are not delivered while invoice_lines is selected. Ask the provider of the "
        "API why includes[]=lines does not work.",
        shapes,
    )


def judge_line_ids(invoices: Sequence[Object]) -> Check:
    """Judge whether every line has an integer id of its own."""
    name = "line_ids"
    lines = [line for _, line in lines_of(invoices)]
    if not lines:
        return unknown(name, _NO_LINES)
    ids: list[int] = []
    for line in lines:
        with suppress(UndeliverableError):
            ids.append(line_id(line))
    if missing := len(lines) - len(ids):
        return problem(
            name,
            f"{missing} of {len(lines)} lines have no 64-bit integer as their id.",
            "Invoices with such lines are not delivered. Ask the provider of the API.",
            value=False,
        )
    if repeated := len(ids) - len(set(ids)):
        return problem(
            name,
            f"{repeated} of {len(ids)} lines have the id of another line.",
            "A loader that upserts by id keeps one of them. Ask the provider of the API.",
            value=False,
        )
    return ok(name, f"All {len(ids)} lines have ids of their own.", value=True)


def judge_line_invoice_id(invoices: Sequence[Object]) -> Check:
    """Judge whether lines carry the id of their invoice; the tap writes it in any case."""
    name = "line_invoice_id"
    lines = [(invoice, line) for invoice, line in lines_of(invoices) if isinstance(line, dict)]
    if not lines:
        return unknown(name, _NO_LINES)
    carried = [(invoice, line) for invoice, line in lines if "invoice_id" in line]
    if any(line["invoice_id"] != invoice.get("id") for invoice, line in carried):
        found = "Some carry another one than that of their invoice; the tap writes the latter."
        return ok(name, found, "differs")
    if len(carried) == len(lines):
        return ok(name, "Lines carry it.", "present")
    return ok(name, "Lines do not carry it; the tap adds it.", "missing")


def columns_by(
    classify: Callable[[str, list[Any]], str | None], invoices: Sequence[Object]
) -> dict[str, list[str]]:
    """Group the columns of both streams by what their values look like.

    Args:
        classify: Returns the group of a column by its name and its values that are not null;
            None leaves it out.
        invoices: With their lines.

    Returns:
        Names such as `invoices.total` by group.
    """
    lines = [line for _, line in lines_of(invoices) if isinstance(line, dict)]
    groups: dict[str, list[str]] = {}
    for stream, objects in (("invoices", invoices), ("invoice_lines", lines)):
        for name, values in _values(objects).items():
            if name != "lines" and (group := classify(name, values)):
                groups.setdefault(group, []).append(f"{stream}.{name}")
    return groups


def _values(objects: Iterable[Object]) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for each in objects:
        for name, value in each.items():
            if value is not None:
                values.setdefault(name, []).append(value)
    return values


def time_format(_: str, values: list[Any]) -> str | None:
    """Return the form of a column of times, such as `YYYY-MM-DD hh:mm:ss`."""
    if not all(isinstance(value, str) and times.to_rfc3339(value) for value in values):
        return None
    forms = {_describe_time(value) for value in values}
    return " or ".join(sorted(forms))


def _describe_time(text: str) -> str:
    zone = _ZONE.search(text)
    fraction = ".f" if "." in text else ""
    return f"YYYY-MM-DD{text[10]}hh:mm:ss{fraction}{zone[0] if zone else ''}"


def judge_times(invoices: Sequence[Object]) -> Check:
    """Say in which forms times arrive."""
    name = "times"
    if not invoices:
        return unknown(name, _EMPTY)
    forms = columns_by(time_format, invoices)
    if "invoices.created_at" not in {column for columns in forms.values() for column in columns}:
        return problem(
            name,
            "created_at is not a time in every invoice.",
            "Do not use filter_groups and reconcile_since. Ask the provider of the API.",
            forms,
        )
    found = "; ".join(f"{_columns(columns)} as {form}" for form, columns in forms.items())
    return ok(name, f"{found}. Without a zone, UTC is assumed.", forms)


def _columns(names: Sequence[str]) -> str:
    return f"{len(names)} column arrives" if len(names) == 1 else f"{len(names)} columns arrive"


def number_form(_: str, values: list[Any]) -> str | None:
    """Return `number` for a column of numbers, `text` for one of decimals as text."""
    if {type(each) for each in values} <= {int, Decimal}:
        return "number"
    if all(isinstance(each, str) and _DECIMAL.fullmatch(each) for each in values):
        return "text"
    return None


def judge_numbers(invoices: Sequence[Object]) -> Check:
    """Say which columns are numbers, and which are text that looks like a decimal."""
    if not invoices:
        return unknown("numbers", _EMPTY)
    forms: dict[str, list[str]] = {"number": [], "text": []}
    forms |= columns_by(number_form, invoices)
    found = f"{_columns(forms['number'])} as numbers"
    if not forms["text"]:
        return ok("numbers", f"{found}, none as text.", forms)
    return ok(
        "numbers",
        f"{found}, and as text: {', '.join(forms['text'])}.",
        forms,
        "The latter become text columns; cast them in the warehouse.",
    )


def flag_form(_: str, values: list[Any]) -> str | None:
    """Return `boolean` for a column of booleans, `0 and 1` for one of these numbers alone."""
    if all(isinstance(each, bool) for each in values):
        return "boolean"
    return "0 and 1" if {type(each) for each in values} == {int} and {*values} == {0, 1} else None


def judge_flags(invoices: Sequence[Object]) -> Check:
    """Say which columns are booleans, and which hold 0 and 1 alone."""
    if not invoices:
        return unknown("flags", _EMPTY)
    forms: dict[str, list[str]] = {"boolean": [], "0 and 1": []}
    forms |= columns_by(flag_form, invoices)
    found = f"{_columns(forms['boolean'])} as true and false"
    if not forms["0 and 1"]:
        return ok("flags", f"{found}, none as 0 and 1.", forms)
    return ok(
        "flags",
        f"{found}; only 0 and 1 are in: {', '.join(forms['0 and 1'])}.",
        forms,
        "The latter become number columns; cast them in the warehouse.",
    )


def judge_columns(schemas: Mapping[str, Schema] | Failure) -> Check:
    """Say which columns discovery would create.

    Args:
        schemas: The JSON schema of each stream, or how the request for a sample failed.
    """
    name = "columns"
    if isinstance(schemas, Failure):
        return problem(name, f"{schemas}.", "Discovery fails, and no sync starts.")
    value = {
        stream: {column: _type(each) for column, each in schema["properties"].items()}
        for stream, schema in schemas.items()
    }
    found = (f"{stream}: {', '.join(columns)}." for stream, columns in value.items())
    return ok(name, " ".join(found), value)


def _type(column: Schema) -> str:
    if column.get("format"):
        return str(column["format"])
    types = column.get("type", ["any"])
    names = [types] if isinstance(types, str) else [each for each in types if each != "null"]
    return " or ".join(names)


@dataclass(frozen=True)
class CreationFilters:
    """Filters around the time at which one invoice was created.

    Args:
        start: That time, in whole seconds.
    """

    start: datetime

    @property
    def end(self) -> datetime:
        """The last moment of `around`."""
        return self.start + timedelta(seconds=1)

    @property
    def around(self) -> Object:
        """A group that the invoice passes."""
        return _group(gte=self.start, lte=self.end)

    @property
    def after(self) -> Object:
        """A group that it does not pass."""
        return _group(gte=self.end + timedelta(seconds=1))


def _group(**bounds: datetime) -> Object:
    return {
        "filters": [
            {"key": "created_at", "operator": operator, "value": moment.isoformat()}
            for operator, moment in bounds.items()
        ]
    }


def creation_filters(rows: Iterable[Row]) -> CreationFilters | None:
    """Return filters around the first invoice with a time; None if there is none."""
    moments = (moment for row in rows if (moment := created_at(row)))
    first = next(moments, None)
    return CreationFilters(first.replace(microsecond=0)) if first else None


def judge_created_at_filter(
    filters: CreationFilters | None, around: Outcome | None, after: Outcome | None
) -> Check:
    """Judge whether filters by `created_at` are honoured.

    Args:
        filters: Around an invoice; None if there is none with a time.
        around: The first page of those that pass `around`.
        after: The first page of those that pass `after`.
    """
    name = "created_at_filter"
    advice = "Do not use filter_groups and reconcile_since. Ask the provider of the API."
    if filters is None or around is None or after is None:
        return unknown(name, "There is no invoice with a time to look for.")
    for outcome in (around, after):
        if isinstance(outcome, Failure):
            return problem(name, f"{outcome}.", advice, "refused" if outcome.is_rejection else None)
    inside, later = created(_rows(around)), created(_rows(after))
    if inside is None or later is None:
        return unknown(name, "An invoice has no created_at that can be read.")
    is_within = all(filters.start <= each <= filters.end for each in inside)
    if not is_within or any(each <= filters.end for each in later):
        return problem(name, "Invoices from outside the filter are listed.", advice, "ignored")
    if not inside:
        return problem(
            name,
            "An invoice is not found by its own created_at: the server may read the filter in "
            "another zone than UTC.",
            advice,
            "inexact",
        )
    return ok(name, "Filters by created_at are honoured.", "honoured")


def _rows(outcome: Outcome) -> Sequence[Row]:
    return () if isinstance(outcome, Failure) else outcome.rows
