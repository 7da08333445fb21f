"""From the API's objects to records: columns by the catalog, the rest in `_extra`.

This is the truth about records; `fast.py` makes the same ones where it can.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_invoices import times
from tap_invoices.errors import AnswerError
from tap_invoices.schema import EXTRA, INVOICE_ID, NON_BOOKED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from singer_sdk.helpers.types import Record

    from tap_invoices.schema import Schema

    Convert = Callable[[Any], Any]
    Hidden = dict[str, "Hidden"]


DATE_TIME = "date-time"


class MismatchError(Exception):
    """A value that is not of its column's kind."""


class Shaper:
    """Turns objects of one stream into its records.

    A value whose kind is not its column's goes to `_extra` under its name, and the column
    is null: nothing is lost, and no loader meets a kind that the schema does not allow.
    """

    def __init__(
        self,
        schema: Schema,
        own: tuple[str, ...],
        dropped: frozenset[str],
        hidden: Hidden | None = None,
    ) -> None:
        """Prepare the columns.

        Args:
            schema: The stream's schema.
            own: Columns that the tap itself writes.
            dropped: Columns that the user deselected.
            hidden: By column, what the user deselected inside objects; it is taken out of
                columns by the SDK, but of `_extra` by nobody else.
        """
        self._hidden = hidden or {}
        self._own = frozenset(own) | {EXTRA}
        self._with_extra = EXTRA not in dropped
        self._dropped = dropped - self._own
        self._columns = {
            name: converter(column)
            for name, column in schema["properties"].items()
            if name not in self._own | dropped
        }

    def shape(self, source: Mapping[str, Any], own: Mapping[str, Any]) -> Record:
        """Make a record.

        Args:
            source: An object as the API sent it.
            own: Values of the tap's own columns. A field of the API with the name of one
                goes to `_extra`, unless it says the same.
        """
        record: Record = dict(own)
        extra: dict[str, Any] = {}
        for name, value in source.items():
            column = self._columns.get(name)
            if column is not None:
                try:
                    record[name] = column(value)
                    continue
                except MismatchError:
                    record[name] = None
            if name not in self._dropped and (name not in own or own[name] != value):
                extra[name] = without(value, self._hidden.get(name))
        if self._with_extra:
            record[EXTRA] = extra or None
        return record


def without(value: Any, hidden: Hidden | None) -> Any:  # noqa: ANN401 - JSON
    """Take what was deselected out of an object; an empty `Hidden` hides all of a value."""
    if not hidden or not isinstance(value, dict):
        return value
    return {
        name: without(each, hidden.get(name))
        for name, each in value.items()
        if hidden.get(name) != {}
    }


def invoice_own(invoice: Mapping[str, Any], *, non_booked: bool | None) -> dict[str, Any]:
    """Return the tap's own columns of an invoice."""
    return {"id": invoice["id"], NON_BOOKED: non_booked}


def line_own(line: object, invoice_id: int) -> dict[str, Any]:
    """Return the tap's own columns of a line.

    Raises:
        AnswerError: The line is no object, or has no integer id.
    """
    found = line.get("id") if isinstance(line, dict) else None
    if not isinstance(found, int) or isinstance(found, bool):
        raise AnswerError(f"A line of invoice {invoice_id} has no integer id.")
    return {"id": found, INVOICE_ID: invoice_id}


def converter(schema: Schema) -> Convert:
    """Return what checks, and where needed converts, a value of a column.

    The result raises `MismatchError` for a value of another kind. Null fits always.
    """
    convert = _convert(schema)

    def nullable(value: Any) -> Any:  # noqa: ANN401 - JSON
        return None if value is None else convert(value)

    return nullable


def kind_of(schema: Schema) -> str:
    """Return the kind of a column's values: `date-time`, a JSON type, or nothing for any."""
    if schema.get("format") == DATE_TIME:
        return DATE_TIME
    kinds = schema.get("type", [])
    return kinds if isinstance(kinds, str) else next((k for k in kinds if k != "null"), "")


def _convert(schema: Schema) -> Convert:
    kind = kind_of(schema)
    if kind == DATE_TIME:
        return _date_time
    if kind == "object":
        return _object(schema)
    if kind == "array":
        return _array(schema)
    types = _SCALARS.get(kind)
    return _scalar(types) if types else lambda value: value


_SCALARS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, Decimal),
    "string": (str,),
    "boolean": (bool,),
}


def _scalar(types: tuple[type, ...]) -> Convert:
    exact = frozenset(types)

    def check(value: Any) -> Any:  # noqa: ANN401 - JSON
        if type(value) not in exact:
            raise MismatchError
        return value

    return check


def _date_time(value: Any) -> str:  # noqa: ANN401 - JSON
    moment = times.to_rfc3339(value) if isinstance(value, str) else None
    if moment is None:
        raise MismatchError
    return moment


def _object(schema: Schema) -> Convert:
    properties = {name: converter(each) for name, each in schema.get("properties", {}).items()}

    def check(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        if not isinstance(value, dict):
            if value == []:
                return {}  # PHP's way to write an empty object
            raise MismatchError
        return {
            name: properties[name](each) if name in properties else each
            for name, each in value.items()
        }

    return check


def _array(schema: Schema) -> Convert:
    item = converter(schema["items"]) if schema.get("items") else None

    def check(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
        if not isinstance(value, list):
            raise MismatchError
        return [item(each) for each in value] if item else value

    return check
