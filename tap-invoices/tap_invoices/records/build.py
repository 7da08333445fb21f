"""From the API's objects to records: what a column can hold, and the rest in `_extra`.

This is the reference for records; `fast.py` makes the same ones where it can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tap_invoices._shared import times
from tap_invoices._shared.response import MAX_ID
from tap_invoices.catalog import EXTRA, INVOICE_ID, LINES, NON_BOOKED

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_invoices._shared.response import JSON, RawInvoice
    from tap_invoices.catalog import HiddenTree, JsonSchema

T = TypeVar("T")

Convert: TypeAlias = Callable[[Any], Any]
Records: TypeAlias = "tuple[Record | None, list[Record]]"
"""The record of an invoice and those of its lines, of the streams that are selected."""

ABSENT: Any = object()
"""In place of a value: the property is left out, since its schema does not allow null."""


class UndeliverableError(Exception):
    """An invoice of which no record can be made; the text is the reason, without its data."""


class MisfitError(Exception):
    """A value that its schema cannot hold, or not all of it.

    Attributes:
        kept: What the schema can hold: a part of the value, null, or `ABSENT`.
        rest: What it cannot hold.
    """

    def __init__(self, kept: JSON, rest: JSON) -> None:
        super().__init__()
        self.kept = kept
        self.rest = rest


class RecordBuilder:
    """Makes the records of one stream.

    What a column cannot hold goes to `_extra` under the column's name, so nothing is lost, and
    a loader meets nothing that the schema does not have.

    Args:
        schema: The stream's schema.
        computed: The columns that the tap itself fills.
        dropped: Columns that the user deselected.
        hidden: By column, what the user deselected inside objects. The SDK removes it from
            columns, but not from `_extra`.
    """

    def __init__(
        self,
        schema: JsonSchema,
        computed: frozenset[str],
        dropped: frozenset[str] = frozenset(),
        hidden: HiddenTree | None = None,
    ) -> None:
        self._hidden = hidden or {}
        self._has_extra = EXTRA not in dropped
        self._dropped = dropped - computed
        self._columns = {
            name: converter(column)
            for name, column in schema["properties"].items()
            if name not in computed | dropped
        }

    def build(self, source: Mapping[str, JSON], computed: Mapping[str, JSON]) -> Record:
        """Make a record.

        Args:
            source: An object of the API.
            computed: Values of the columns that the tap itself fills. A field of the API
                with the name of one goes to `_extra`, unless its value is the same.
        """
        record: Record = dict(computed)
        extra: dict[str, JSON] = {}
        for name, value in source.items():
            if convert := self._columns.get(name):
                try:
                    record[name] = convert(value)
                except MisfitError as misfit:
                    extra[name] = misfit.rest
                    if misfit.kept is not ABSENT:
                        record[name] = misfit.kept
            elif name not in self._dropped and not _equals_computed(name, value, computed):
                extra[name] = value
        for name in extra.keys() & self._hidden.keys():
            extra[name] = remove_hidden(extra[name], self._hidden[name])
        if self._has_extra:
            record[EXTRA] = extra or None
        return record


class InvoiceBuilder:
    """Makes the records of an invoice and its lines.

    Args:
        invoices: Makes records of invoices; None if the stream is not selected.
        lines: Makes records of lines; None if the stream is not selected.
    """

    def __init__(self, invoices: RecordBuilder | None, lines: RecordBuilder | None) -> None:
        self._invoices = invoices
        self._lines = lines

    def build(self, invoice: RawInvoice) -> Records:
        """Make the records of an invoice and of its lines.

        Raises:
            UndeliverableError: No record can be made of the invoice or of one of its lines.
        """
        try:
            return self._build(invoice)
        except ValueError as error:
            raise UndeliverableError(str(error)) from None
        except RecursionError:
            raise UndeliverableError("it is nested too deeply") from None

    def _build(self, invoice: RawInvoice) -> Records:
        source = invoice.decode()
        lines = source.pop(LINES, ABSENT)
        record = None
        if self._invoices:
            computed = {"id": invoice.id, NON_BOOKED: invoice.non_booked}
            record = self._invoices.build(source, computed)
        if self._lines is None:
            return record, []
        build = self._lines.build
        lines = lines_in(lines)
        reject_repeated_ids(lines)
        return record, [
            build(line, {"id": line_id(line), INVOICE_ID: invoice.id}) for line in lines
        ]


def lines_in(lines: JSON) -> list[JSON]:
    """Return the lines of an invoice: a list, or the values of PHP's filtered collection.

    Raises:
        UndeliverableError: It is neither.
    """
    match lines:
        case list():
            return lines
        case dict():
            return list(lines.values())
        case _:
            raise UndeliverableError(f"its lines are {_describe(lines)}, not a list")


def line_id(line: JSON) -> int:
    """Return the id of a line.

    Raises:
        UndeliverableError: The line is not an object, or has no 64-bit integer as its id.
    """
    if not isinstance(line, dict):
        raise UndeliverableError(f"one of its lines is {_describe(line)}, not an object")
    found = line.get("id")
    if isinstance(found, int) and is_int64(found):
        return found
    raise UndeliverableError("one of its lines has no 64-bit integer as its id")


def reject_repeated_ids(lines: Sequence[JSON]) -> None:
    """Check that a loader that updates rows by `id` keeps all lines of an invoice.

    Raises:
        UndeliverableError: Two lines have the same id, and are not the same line.
    """
    found: dict[int, JSON] = {}
    for line in lines:
        if found.setdefault(line_id(line), line) != line:
            raise UndeliverableError(f"several of its lines have the id {line_id(line)}")


_DESCRIPTIONS = {list: "a list", str: "text", bool: "a boolean", dict: "an object"}


def _describe(value: JSON) -> str:
    if value is ABSENT:
        return "missing"
    return "null" if value is None else _DESCRIPTIONS.get(type(value), "a number")


def remove_hidden(value: JSON, hidden: HiddenTree | None) -> JSON:
    """Remove what was deselected from an object."""
    if not hidden or not isinstance(value, dict):
        return value
    return {
        name: remove_hidden(each, hidden.get(name))
        for name, each in value.items()
        if hidden.get(name) != {}
    }


def _equals_computed(name: str, value: JSON, computed: Mapping[str, JSON]) -> bool:
    other = computed.get(name, ABSENT)
    return type(value) is type(other) and bool(value == other)


def converter(schema: JsonSchema) -> Convert:
    """Return what checks a value of a column, and converts it where needed.

    The result raises `MisfitError` for a value that the schema cannot hold completely.
    """
    types = [*alternatives(schema)]
    if ANY in dict(types):
        return _keep
    attempts = _attempts(types)
    nothing = None if type(None) in attempts else ABSENT
    unchanged = {found for found, converts in attempts.items() if converts == [_keep]}

    def try_alternatives(value: JSON) -> JSON:
        if type(value) in unchanged:
            return value
        kept, rest = nothing, value
        for convert in attempts.get(type(value), ()):
            try:
                return convert(value)
            except MisfitError as misfit:
                if misfit.kept is not ABSENT and kept is nothing:
                    kept, rest = misfit.kept, misfit.rest
        raise MisfitError(kept, rest)

    return try_alternatives


def _attempts(types: list[tuple[str, JsonSchema]]) -> dict[type, list[Convert]]:
    attempts: dict[type, list[Convert]] = {}
    for name, schema in types:
        make_converter, python_types = _TYPES[name]
        convert = make_converter(schema)
        for python_type in python_types:
            attempts.setdefault(python_type, []).append(convert)
    if dict in attempts:
        attempts.setdefault(list, [_php_object])
    return attempts


ANY = "any"


def alternatives(schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """Iterate over the types that a schema allows, each with the schema that says more of it.

    `ANY` stands for a schema that does not name types.
    """
    branches = schema.get("anyOf", schema.get("oneOf"))
    if isinstance(branches, list):
        rest = {key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}}
        for branch in branches:
            yield from alternatives(rest | branch if isinstance(branch, dict) else {})
    elif types := schema.get("type"):
        for name in [types] if isinstance(types, str) else types:
            if name in _TYPES:
                yield name, schema
    else:
        yield ANY, schema


def format_of(schema: JsonSchema) -> str:
    """Return the format of a schema's text if records depend on it; else nothing."""
    found = schema.get("format")
    return found if found in TEXT_CONVERTERS else ""


@lru_cache(maxsize=4096)  # most times come several times, in lines as in their invoice
def convert_date_time(value: T) -> T | str:
    """Convert a time to RFC 3339; what is not text is returned as it is.

    Raises:
        MisfitError: It is text, but not a time.
    """
    if not isinstance(value, str):
        return value
    if (moment := times.to_rfc3339(value)) is None:
        raise MisfitError(ABSENT, value)
    return moment


@lru_cache(maxsize=4096)
def check_date(value: T) -> T:
    """Return a date, or what is not text, as it is.

    Raises:
        MisfitError: It is text, but not a date.
    """
    if isinstance(value, str) and not is_date(value):
        raise MisfitError(ABSENT, value)
    return value


def is_int64(value: JSON) -> bool:
    """Whether a value is an integer that databases can hold."""
    return type(value) is int and -MAX_ID - 1 <= value <= MAX_ID


def is_date(text: str) -> bool:
    """Whether a text is a date: `2026-11-23`."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


TEXT_CONVERTERS: dict[str, Convert] = {"date-time": convert_date_time, "date": check_date}


def _keep(value: JSON) -> JSON:
    return value


def _php_object(value: list[JSON]) -> dict[str, JSON]:
    """Convert PHP's empty object, which is `[]`.

    Raises:
        MisfitError: It is a list with content.
    """
    if value:
        raise MisfitError(ABSENT, value)
    return {}


def _text(schema: JsonSchema) -> Convert:
    return TEXT_CONVERTERS.get(format_of(schema), _keep)


def _check_integer(value: int) -> int:
    if not is_int64(value):
        raise MisfitError(ABSENT, value)
    return value


def _object(schema: JsonSchema) -> Convert:
    if "properties" not in schema:
        return _keep
    properties = {name: converter(each) for name, each in schema["properties"].items()}

    def split(value: dict[str, JSON]) -> dict[str, JSON]:
        kept: dict[str, JSON] = {}
        rest: dict[str, JSON] = {}
        for name, each in value.items():
            if (convert := properties.get(name)) is None:
                rest[name] = each
                continue
            try:
                kept[name] = convert(each)
            except MisfitError as misfit:
                rest[name] = misfit.rest
                if misfit.kept is not ABSENT:
                    kept[name] = misfit.kept
        if rest:
            raise MisfitError(kept, rest)
        return kept

    return split


def _array(schema: JsonSchema) -> Convert:
    items = schema.get("items")
    if not isinstance(items, dict):
        return _keep
    convert = converter(items)

    def split(value: list[JSON]) -> list[JSON]:
        kept: list[JSON] = []
        is_whole = True
        for each in value:
            try:
                kept.append(convert(each))
            except MisfitError as misfit:
                is_whole = False
                if misfit.kept is not ABSENT:
                    kept.append(misfit.kept)
        if not is_whole:
            raise MisfitError(kept, value)
        return kept

    return split


_TYPES: dict[str, tuple[Callable[[JsonSchema], Convert], tuple[type, ...]]] = {
    "null": (lambda _: _keep, (type(None),)),
    "boolean": (lambda _: _keep, (bool,)),
    "integer": (lambda _: _check_integer, (int,)),
    "number": (lambda _: _keep, (int, Decimal)),
    "string": (_text, (str,)),
    "object": (_object, (dict,)),
    "array": (_array, (list,)),
}
"""By a type's name in JSON Schema: what makes its converter, and its types in Python."""
