"""Columns: the documented ones, and those learned from a sample of the account's invoices."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from tap_invoices._shared import PLUGIN_NAME, times
from tap_invoices._shared.delivered_ids import INVOICE_LINES, INVOICES
from tap_invoices._shared.filters import created_between
from tap_invoices._shared.listing import ExportQuery
from tap_invoices._shared.quantity import counted
from tap_invoices._shared.response import UndeliverableInvoice
from tap_invoices.catalog import COMPUTED_COLUMNS, EXTRA, FREE_FORM, LINES
from tap_invoices.records.build import UndeliverableError, is_date, is_int64, lines_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_invoices._shared.listing import ExportClient, Page
    from tap_invoices._shared.response import JSON, Row
    from tap_invoices.catalog import JsonSchema

SAMPLE_SIZE = 100
_RECENT_DAYS = (7, 90, 700)

MAX_DEPTH = 12
"""How deep a schema describes objects and lists; what is deeper is kept as it comes."""

INTEGER: JsonSchema = {"type": ["integer", "null"]}
NUMBER: JsonSchema = {"type": ["number", "null"]}
STRING: JsonSchema = {"type": ["string", "null"]}
BOOLEAN: JsonSchema = {"type": ["boolean", "null"]}
DATE: JsonSchema = STRING | {"format": "date"}
DATE_TIME: JsonSchema = STRING | {"format": "date-time"}

_DOCUMENTED = {"created_at": DATE_TIME, "updated_at": DATE_TIME}

_logger = logging.getLogger(PLUGIN_NAME)


def read_sample(
    client: ExportClient, *, drafts: bool, is_limited: bool = True
) -> list[dict[str, JSON]]:
    """Read a sample: the first of all invoices, the latest, and some that are pending.

    An invoice that cannot be read is left out.

    Args:
        client: Sends the requests.
        drafts: Whether drafts are delivered too.
        is_limited: Whether to send a limit, which some servers reject.

    Raises:
        PluginError: The API rejects the request or cannot be reached.
    """
    fetch = partial(_fetch, client, drafts=drafts, is_limited=is_limited)
    invoices, reasons = decode_rows(chain.from_iterable(_sample_rows(fetch)))
    if reasons:
        number = counted(len(reasons), "invoice")
        _logger.warning("Discovery left out %s that cannot be read.", number)
    return invoices


def decode_rows(rows: Iterable[Row]) -> tuple[list[dict[str, JSON]], list[str]]:
    """Decode invoices.

    Returns:
        Those that can be read, each once, and for each of the others why it cannot be.
    """
    invoices: dict[int, dict[str, JSON]] = {}
    reasons: list[str] = []
    for row in rows:
        if isinstance(row, UndeliverableInvoice):
            reasons.append(row.reason)
            continue
        try:
            invoices[row.id] = row.decode()
        except ValueError as error:
            reasons.append(str(error))
    return list(invoices.values()), reasons


def _sample_rows(fetch: Callable[..., Page]) -> Iterator[Sequence[Row]]:
    first = fetch(since=times.EPOCH)
    yield first.rows
    if len(first.rows) < SAMPLE_SIZE:
        return  # these are all
    yield fetch().rows
    now = first.server_time or datetime.now(UTC)
    for days in _RECENT_DAYS:
        after = times.format_for_api((now - timedelta(days=days)).isoformat())
        rows = fetch(since=times.EPOCH, filter_groups=(created_between(after),)).rows
        yield rows
        if rows:
            return


def _fetch(
    client: ExportClient,
    *,
    drafts: bool,
    is_limited: bool,
    **query: Any,  # noqa: ANN401 - of `ExportQuery`
) -> Page:
    listing = ExportQuery(lines=True, drafts=drafts, **query)
    return client.fetch_sample(listing, SAMPLE_SIZE, is_limited=is_limited)


def sample_lines(invoices: Iterable[dict[str, JSON]]) -> Iterator[dict[str, JSON]]:
    """Iterate over the lines of a sample's invoices."""
    for invoice in invoices:
        try:
            lines = lines_in(invoice.get(LINES))
        except UndeliverableError:
            continue
        yield from (line for line in lines if isinstance(line, dict))


def learn_schemas(sample: Sequence[dict[str, JSON]]) -> dict[str, JsonSchema]:
    """Make the schema of each stream.

    Args:
        sample: Invoices as the API sends them; none gives the documented columns.
    """
    return {
        INVOICES: learn_schema(INVOICES, sample),
        INVOICE_LINES: learn_schema(INVOICE_LINES, sample_lines(sample)),
    }


def learn_schema(stream: str, sample: Iterable[dict[str, JSON]]) -> JsonSchema:
    """Make the schema of a stream.

    Args:
        stream: `invoices` or `invoice_lines`.
        sample: Objects as the API sends them; none gives the documented columns.
    """
    computed = COMPUTED_COLUMNS[stream]
    skip = {*computed, *([LINES] if stream == INVOICES else [])}
    learned = {
        name: schema
        for name, schema in _learn_properties(sample, MAX_DEPTH).items()
        if name not in skip
    }
    first = {name: schema for name, schema in computed.items() if name != EXTRA}
    return {
        "type": "object",
        "properties": first | _DOCUMENTED | learned | {EXTRA: computed[EXTRA]},
    }


def _learn_properties(objects: Iterable[dict[str, JSON]], depth: int) -> dict[str, JsonSchema]:
    values = values_by_column(objects)
    learned = {name: _learn_type(name, seen, depth) for name, seen in values.items()}
    return {name: schema for name, schema in learned.items() if schema}


def values_by_column(objects: Iterable[dict[str, JSON]]) -> dict[str, list[JSON]]:
    """Collect the values that each column has in objects of the API."""
    values: dict[str, list[JSON]] = {}
    for each in objects:
        for name, value in each.items():
            values.setdefault(name, []).append(value)
    return values


def _learn_type(name: str, values: list[JSON], depth: int) -> JsonSchema | None:
    """Find the type that all values have.

    Returns:
        Its schema; None if there are two types, or no value to learn from.
    """
    known = [value for value in values if value is not None]
    if any(isinstance(value, dict) for value in known):
        known = [value for value in known if value != []]  # PHP's empty object
    if not known:
        return None
    for is_of_type, learn in _TYPES:
        if all(is_of_type(value) for value in known):
            return learn(name, known, depth)
    return None


def _is_number(value: JSON) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _learn_number(name: str, values: list[JSON], _: int) -> JsonSchema:
    is_id = name == "id" or name.endswith("_id")
    return INTEGER if is_id and all(map(is_int64, values)) else NUMBER


def _learn_text(_name: str, values: list[JSON], _depth: int) -> JsonSchema:
    if all(map(times.to_rfc3339, values)):
        return DATE_TIME
    return DATE if all(map(is_date, values)) else STRING


def _learn_object(_: str, values: list[JSON], depth: int) -> JsonSchema:
    properties = _learn_properties(values, depth - 1) if depth else {}
    # An empty `properties` would mean that the object can hold nothing.
    return FREE_FORM | ({"properties": properties} if properties else {})


def _learn_array(_: str, values: list[JSON], depth: int) -> JsonSchema:
    items = [item for value in values for item in value]
    schema = _learn_type("", items, depth - 1) if depth else None
    return {"type": ["array", "null"]} | ({"items": schema} if schema else {})


_TYPES: list[tuple[Callable[[JSON], bool], Callable[[str, list[JSON], int], JsonSchema]],] = [
    (lambda value: isinstance(value, bool), lambda *_: BOOLEAN),
    (_is_number, _learn_number),
    (lambda value: isinstance(value, str), _learn_text),
    (lambda value: isinstance(value, dict), _learn_object),
    (lambda value: isinstance(value, list), _learn_array),
]
