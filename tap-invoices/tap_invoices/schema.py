"""Columns: the documented ones, and those learned from a sample of the account's invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_invoices import times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Schema = dict[str, Any]

INTEGER: Schema = {"type": ["integer", "null"]}
NUMBER: Schema = {"type": ["number", "null"]}
STRING: Schema = {"type": ["string", "null"]}
BOOLEAN: Schema = {"type": ["boolean", "null"]}
DATE_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}

EXTRA = "_extra"
LINES = "lines"
NON_BOOKED = "non_booked"
INVOICE_ID = "invoice_id"

_OPEN: Schema = {"type": ["object", "null"], "additionalProperties": True}

OWN = {
    "invoices": {
        "id": {"type": ["integer"]},
        NON_BOOKED: BOOLEAN | {"description": "True for a draft; null where none are asked for."},
        EXTRA: _OPEN | {"description": "Fields that the catalog does not have."},
    },
    "invoice_lines": {
        "id": {"type": ["integer"]},
        INVOICE_ID: {"type": ["integer"]},
        EXTRA: _OPEN | {"description": "Fields that the catalog does not have."},
    },
}
"""Columns that the tap itself writes: they are there whatever a catalog says."""

_DOCUMENTED = {"created_at": DATE_TIME, "updated_at": DATE_TIME}


def stream_schema(stream: str, sample: Iterable[dict[str, Any]]) -> Schema:
    """Make a stream's schema.

    Args:
        stream: `invoices` or `invoice_lines`.
        sample: Records as the API sends them; none gives the documented columns.
    """
    own = OWN[stream]
    learned = _properties(sample, skip={*own, *([LINES] if stream == "invoices" else [])})
    first = {name: own[name] for name in own if name != EXTRA}
    return {
        "type": "object",
        "properties": first | _DOCUMENTED | learned | {EXTRA: own[EXTRA]},
    }


def _properties(objects: Iterable[dict[str, Any]], skip: set[str]) -> dict[str, Schema]:
    values: dict[str, list[Any]] = {}
    for each in objects:
        for name, value in each.items():
            values.setdefault(name, []).append(value)
    learned = {name: _kind(name, seen) for name, seen in values.items() if name not in skip}
    return {name: kind for name, kind in learned.items() if kind}


def _kind(name: str, values: list[Any]) -> Schema | None:
    """Find the one kind of all values.

    Returns:
        Its schema, or None where there are two, or nothing to tell by.
    """
    telling = [value for value in values if value is not None]
    if any(isinstance(value, dict) for value in telling):
        telling = [value for value in telling if value != []]  # PHP's empty object
    if not telling:
        return None
    for fits, make in _KINDS:
        if all(fits(value) for value in telling):
            return make(name, telling)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _number(name: str, values: list[Any]) -> Schema:
    is_id = name == "id" or name.endswith("_id")
    return INTEGER if is_id and all(isinstance(value, int) for value in values) else NUMBER


def _string(_: str, values: list[Any]) -> Schema:
    return DATE_TIME if all(times.to_rfc3339(value) for value in values) else STRING


def _object(_: str, values: list[Any]) -> Schema:
    # Without properties there is no such word: flattening would make no column of it at all.
    properties = _properties(values, skip=set())
    return _OPEN | ({"properties": properties} if properties else {})


def _array(_: str, values: list[Any]) -> Schema:
    items = _kind("", [item for value in values for item in value])
    return {"type": ["array", "null"]} | ({"items": items} if items else {})


_KINDS: list[tuple[Callable[[Any], bool], Callable[[str, list[Any]], Schema]]] = [
    (lambda value: isinstance(value, bool), lambda _name, _values: BOOLEAN),
    (_is_number, _number),
    (lambda value: isinstance(value, str), _string),
    (lambda value: isinstance(value, dict), _object),
    (lambda value: isinstance(value, list), _array),
]
