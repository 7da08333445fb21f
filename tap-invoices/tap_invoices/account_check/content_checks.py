"""Checks of the content: lines, times, numbers, flags, columns, and filters by `created_at`."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_invoices._shared import times
from tap_invoices._shared.quantity import counted
from tap_invoices.discovery import sample_lines, values_by_column
from tap_invoices.records.build import UndeliverableError, is_int64, lines_in

from .facts import CREATION_RANGE, Use, created
from .finding import Finding, Unchecked, ok, problem
from .probe import Failure, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .facts import Facts, Object

_NO_LINES = "There is no line to look at."
_NO_FILTERS = "Do not use filter_groups and reconcile_since. Ask the provider of the API."
_DECIMAL = re.compile(r"-?\d+\.\d+", re.ASCII)
_ZONE = re.compile(r"(?<=\d)(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)


def _invoices(facts: Facts) -> list[Object]:
    """Return the invoices of the sample.

    Raises:
        Unchecked: There is none.
    """
    invoices, _ = facts.decoded
    if not invoices:
        raise Unchecked("There is no invoice to look at.")
    return invoices


def check_deliverable(facts: Facts) -> Finding:
    """Check whether all invoices of the sample can be delivered."""
    invoices, reasons = facts.decoded
    if not reasons:
        number = len(_invoices(facts))
        return ok(f"All {number} invoices that were looked at can be delivered.", 0)
    number, why = len(invoices) + len(reasons), "; ".join(Counter(reasons))
    found = f"{len(reasons)} of {number} invoices cannot be delivered: {why}."
    advice = "A sync names each with its id and skips it. Correct them in Traede."
    return problem(found, advice, len(reasons))


def lines_shape(invoice: Object) -> str:
    """Return in which form an invoice has its lines: `list`, `object`, or what is wrong."""
    match invoice:
        case {"lines": list()}:
            return "list"
        case {"lines": dict(lines)} if all(isinstance(line, dict) for line in lines.values()):
            return "object"
        case {"lines": None}:
            return "null"
    return "other" if "lines" in invoice else "missing"


def check_lines(facts: Facts) -> Finding:
    """Judge in which form invoices have their lines."""
    shapes = dict(Counter(map(lines_shape, _invoices(facts))))
    found = "They arrive as: " + ", ".join(f"{shape} ({n})" for shape, n in shapes.items())
    if shapes.keys() <= {"list", "object"}:
        return ok(f"{found}.", shapes)
    return problem(
        f"{found}; a list or an object is expected.",
        "Such invoices are not delivered while invoice_lines is selected. Ask the provider of the "
        "API why includes[]=lines does not work.",
        shapes,
    )


def check_line_ids(facts: Facts) -> Finding:
    """Check whether every line has an integer id of its own."""
    lines: list[Any] = []
    for invoice in facts.decoded[0]:
        with suppress(UndeliverableError):
            lines += lines_in(invoice.get("lines"))
    if not lines:
        raise Unchecked(_NO_LINES)
    ids = [line["id"] for line in lines if isinstance(line, dict) and is_int64(line.get("id"))]
    if missing := len(lines) - len(ids):
        found = f"{missing} of {len(lines)} lines have no 64-bit integer as their id."
        advice = "Invoices with such lines are not delivered. Ask the provider of the API."
        return problem(found, advice, value=False)
    if repeated := len(ids) - len(set(ids)):
        found = f"{repeated} of {len(ids)} lines have the id of another line."
        advice = "A loader that upserts by id keeps one of them. Ask the provider of the API."
        return problem(found, advice, value=False)
    return ok(f"All {len(ids)} lines have ids of their own.", value=True)


def check_line_invoice_id(facts: Facts) -> Finding:
    """Check whether lines carry the id of their invoice; the tap writes it in any case."""
    invoices, _ = facts.decoded
    lines = [(line, invoice.get("id")) for invoice in invoices for line in sample_lines([invoice])]
    if not lines:
        raise Unchecked(_NO_LINES)
    carried = [line["invoice_id"] == expected for line, expected in lines if "invoice_id" in line]
    if not all(carried):
        found = "Some carry another one than that of their invoice; the tap writes the latter."
        return ok(found, "differs")
    if len(carried) == len(lines):
        return ok("Lines carry it.", "present")
    return ok("Lines do not carry it; the tap adds it.", "missing")


def columns_by(
    classify: Callable[[list[Any]], str | None], invoices: Sequence[Object]
) -> dict[str, list[str]]:
    """Group the columns of both streams by what their values look like.

    Args:
        classify: Returns the group of a column by its values that are not null; None leaves it
            out.
        invoices: With their lines.

    Returns:
        Names such as `invoices.total` by group.
    """
    groups: dict[str, list[str]] = {}
    for stream, objects in (("invoices", invoices), ("invoice_lines", sample_lines(invoices))):
        known = ({name: v for name, v in each.items() if v is not None} for each in objects)
        for name, values in values_by_column(known).items():
            if name != "lines" and (group := classify(values)):
                groups.setdefault(group, []).append(f"{stream}.{name}")
    return groups


def time_format(values: list[Any]) -> str | None:
    """Return the form of a column of times, such as `YYYY-MM-DD hh:mm:ss`."""
    if not all(isinstance(value, str) and times.to_rfc3339(value) for value in values):
        return None
    return " or ".join(sorted({_describe_time(value) for value in values}))


def _describe_time(text: str) -> str:
    zone = _ZONE.search(text)
    fraction = ".f" if "." in text else ""
    return f"YYYY-MM-DD{text[10]}hh:mm:ss{fraction}{zone[0] if zone else ''}"


def check_times(facts: Facts) -> Finding:
    """Say in which forms times arrive."""
    forms = columns_by(time_format, _invoices(facts))
    if not any("invoices.created_at" in columns for columns in forms.values()):
        return problem("created_at is not a time in every invoice.", _NO_FILTERS, forms)
    found = "; ".join(f"{_arrive(columns)} as {form}" for form, columns in forms.items())
    return ok(f"{found}. Without a zone, UTC is assumed.", forms)


def _arrive(columns: Sequence[str]) -> str:
    return f"{counted(len(columns), 'column')} arrive{'s' if len(columns) == 1 else ''}"


def number_form(values: list[Any]) -> str | None:
    """Return `number` for a column of numbers, `text` for one of decimals as text."""
    if {type(each) for each in values} <= {int, Decimal}:
        return "number"
    if all(isinstance(each, str) and _DECIMAL.fullmatch(each) for each in values):
        return "text"
    return None


def check_numbers(facts: Facts) -> Finding:
    """Say which columns are numbers, and which are text that looks like a decimal."""
    columns = columns_by(number_form, _invoices(facts))
    forms = {form: columns.get(form, []) for form in ("number", "text")}
    return _judge_forms(forms, "numbers", "text", ", and as text: ")


def flag_form(values: list[Any]) -> str | None:
    """Return `boolean` for a column of booleans, `0 and 1` for one of these numbers alone."""
    if all(isinstance(each, bool) for each in values):
        return "boolean"
    return "0 and 1" if {type(each) for each in values} == {int} and {*values} == {0, 1} else None


def check_flags(facts: Facts) -> Finding:
    """Say which columns are booleans, and which hold 0 and 1 alone."""
    columns = columns_by(flag_form, _invoices(facts))
    forms = {form: columns.get(form, []) for form in ("boolean", "0 and 1")}
    return _judge_forms(forms, "true and false", "number", "; only 0 and 1 are in: ")


def _judge_forms(
    forms: dict[str, list[str]], usual_form: str, column_type: str, others: str
) -> Finding:
    """Say which columns have the usual form, the first one, and which have the other.

    Args:
        forms: Columns by form.
        usual_form: A name of the usual form for a sentence.
        column_type: What type columns of the other form get.
        others: What introduces these columns.
    """
    (_, usual), (other_form, other) = forms.items()
    found = f"{_arrive(usual)} as {usual_form}"
    if not other:
        return ok(f"{found}, none as {other_form}.", forms)
    advice = f"The latter become {column_type} columns; cast them in the warehouse."
    return ok(f"{found}{others}{', '.join(other)}.", forms, advice)


def check_columns(facts: Facts) -> Finding:
    """Say which columns discovery would create."""
    schemas = require(facts.schemas, "Discovery fails, and no sync starts.")
    value = {
        stream: {column: _type(each) for column, each in schema["properties"].items()}
        for stream, schema in schemas.items()
    }
    found = (f"{stream}: {', '.join(columns)}." for stream, columns in value.items())
    return ok(" ".join(found), value)


def _type(column: Object) -> str:
    if column.get("format"):
        return str(column["format"])
    types = column.get("type", ["any"])
    names = [types] if isinstance(types, str) else [each for each in types if each != "null"]
    return " or ".join(names)


def check_created_at_filter(facts: Facts) -> Finding:
    """Judge whether filters by `created_at` are honoured."""
    start = facts.first_created
    if start is None:
        raise Unchecked("There is no invoice with a time to look for.")
    for outcome in (facts.around, facts.after):
        if isinstance(outcome, Failure):
            value = Use.REJECTED if outcome.is_rejection else None
            return problem(f"{outcome}.", _NO_FILTERS, value)
    around, after = created(facts.around.rows), created(facts.after.rows)
    if around is None or after is None:
        raise Unchecked("An invoice has no created_at that can be read.")
    end = start + CREATION_RANGE
    if not all(start <= each <= end for each in around) or any(each <= end for each in after):
        return problem("Invoices from outside the filter are listed.", _NO_FILTERS, Use.IGNORED)
    if around:
        return ok("Filters by created_at are honoured.", Use.HONOURED)
    return problem(
        "An invoice is not found by its own created_at: the server may read the filter in another "
        "zone than UTC.",
        _NO_FILTERS,
        "inexact",
    )
