"""A stream's objects as msgspec structs: types are checked while they are decoded, in C.

What needs no change stays the bytes that came, so that every digit survives. The objects of
several invoices are finished together, column by column.
"""

from __future__ import annotations

import re
from collections import deque
from itertools import chain, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType
from typing_extensions import override

from tap_invoices._shared.response import MAX_ID, decode_json
from tap_invoices.catalog import EXTRA
from tap_invoices.records.build import (
    ABSENT,
    ANY,
    TEXT_CONVERTERS,
    MisfitError,
    alternatives,
    converter,
    format_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_invoices.catalog import JsonSchema

Field: TypeAlias = tuple[str, Any] | tuple[str, Any, Any]
Rows: TypeAlias = "Sequence[Any]"
"""Instances of a struct that is made at run time."""

INT64 = Annotated[int, Meta(ge=-MAX_ID - 1, le=MAX_ID)]

_NUMBER_BYTES = b"0123456789+-.,nul"
"""JSON values that are nothing without these, and exponents, are numbers or null."""

LONG_EXPONENT = re.compile(rb"[eE][+-]?[0-9]{16}")
"""A number that `Decimal` may not hold."""

encoder = msgspec.json.Encoder(decimal_format="number")


class TapOnly:
    """The type of a field that only the tap fills: whatever the API sends there is rejected."""


class ColumnStruct:
    """Objects as a struct of their columns: once finished, one is as its record has to be.

    Args:
        columns: Their schemas, by name.
        own: Fields that are not columns: name, type, and default if any.
        names: Names in JSON of fields that are not columns.

    Attributes:
        struct: The msgspec struct. Its attributes are numbered, since a column may have any
            name; an object with a field that it lacks is rejected.

    Raises:
        ValueError: A name is one that msgspec does not take, such as one with a quote.
    """

    def __init__(
        self,
        columns: Mapping[str, JsonSchema],
        own: Sequence[Field] = (),
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._names = {f"c{number}": name for number, name in enumerate(columns)}
        types = {a: column_type(columns[name]) for a, name in self._names.items()}
        fields = ((a, found | UnsetType, UNSET) for a, (_, found) in types.items())
        self.struct = msgspec.defstruct(
            "Row",
            [*own, *fields],
            rename={**self._names, **(names or {})},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._texts = {
            a: TEXT_CONVERTERS[kind] for a, (kind, _) in types.items() if kind in TEXT_CONVERTERS
        }
        self._numbers = _getter([a for a, (kind, _) in types.items() if kind == "number"])
        self._raw_columns = {
            a: raw_column(columns[self._names[a]]) for a, (kind, _) in types.items() if not kind
        }

    def finish(self, rows: Rows) -> dict[int, dict[str, Any]]:
        """Turn decoded objects into what their records hold.

        Returns:
            By the index of a row, what its columns cannot hold.

        Raises:
            MisfitError: A value is not of its column's type, and not all rows were converted.
        """
        if self._numbers:
            _check_numbers(rows, self._numbers)
        for attribute, convert in self._texts.items():
            _assign(rows, attribute, map(convert, map(attrgetter(attribute), rows)))
        rests: dict[int, dict[str, Any]] = {}
        for attribute, column in self._raw_columns.items():
            _convert_raw(rows, attribute, column, self._names[attribute], rests)
        return rests


class StreamStruct(ColumnStruct):
    """The objects of a stream, with the fields that have no column.

    Args:
        schema: The stream's schema.
        own: Fields that the tap itself reads or fills: name, type, and default if any.
        dropped: Columns that the user deselected.
        extra_fields: Fields without a column, which go to `_extra`.

    Attributes:
        known_fields: Names of the API's fields that it takes.

    Raises:
        ValueError: A name is one that msgspec does not take, such as one with a quote.
    """

    def __init__(
        self,
        schema: JsonSchema,
        own: Sequence[Field],
        dropped: Collection[str],
        extra_fields: Sequence[str],
    ) -> None:
        own_names = {EXTRA, *(name for name, *_ in own)}
        columns = {n: s for n, s in schema["properties"].items() if n not in own_names}
        hidden = [*(name for name in columns if name in dropped), *extra_fields]
        self.known_fields = own_names.union(columns, extra_fields)
        self._extra = UNSET if EXTRA in dropped else None
        self._hidden = {f"h{number}": name for number, name in enumerate(hidden)}
        self._extra_fields = {a: n for a, n in self._hidden.items() if n not in columns}
        fields: list[Field] = [
            *own,
            ("extra", TapOnly, self._extra),
            *((a, Raw | UnsetType, UNSET) for a in self._hidden),
        ]
        super().__init__(
            {name: each for name, each in columns.items() if name not in dropped},
            fields,
            {"extra": EXTRA, **self._hidden},
        )

    @override
    def finish(self, rows: Rows) -> dict[int, dict[str, Any]]:
        rests = super().finish(rows)
        if self._hidden or rests:
            self._set_extra(rows, rests)
        return {}

    def _set_extra(self, rows: Rows, rests: dict[int, dict[str, Any]]) -> None:
        for index, row in enumerate(rows):
            extra = rests.get(index, {})
            for attribute in self._hidden:
                if (raw := getattr(row, attribute)) is UNSET:
                    continue
                if LONG_EXPONENT.search(raw):
                    raise MisfitError(ABSENT, None)
                if name := self._extra_fields.get(attribute):
                    extra[name] = raw
                setattr(row, attribute, UNSET)
            if self._extra is None:
                row.extra = extra or None


_TYPES: dict[str, Any] = {
    "string": str | None,
    "boolean": bool | None,
    "integer": INT64 | None,
    "number": Raw,
    **dict.fromkeys(TEXT_CONVERTERS, str | None),
}


def column_type(schema: JsonSchema) -> tuple[str, Any]:
    """Return the type of a column that holds one sort of scalars and null, and its struct type.

    Any other column has no name, and is read as raw JSON.
    """
    name, alternative, is_nullable = _only_type(schema)
    name = (format_of(alternative) or name) if name == "string" else name
    return (name, _TYPES[name]) if is_nullable and name in _TYPES else ("", Raw)


def _only_type(schema: JsonSchema) -> tuple[str, JsonSchema, bool]:
    """Return the only type besides null, what the schema says of it, and whether null is allowed.

    The type of a union is `""`.
    """
    types = [*alternatives(schema)]
    others = [(name, alternative) for name, alternative in types if name != "null"]
    name, alternative = others[0] if len(others) == 1 else ("", {})
    return name, alternative, len(others) < len(types)


def _getter(attributes: list[str]) -> Callable[[Any], tuple[Any, ...]] | None:
    if not attributes:
        return None
    return attrgetter(attributes[0], *attributes)  # with one name, attrgetter returns no tuple


def _check_numbers(rows: Rows, numbers: Callable[[Any], tuple[Any, ...]]) -> None:
    try:
        joined = b",".join(chain.from_iterable(map(numbers, rows)))
    except TypeError:  # some are absent
        raws = chain.from_iterable(map(numbers, rows))
        joined = b",".join(raw for raw in raws if raw is not UNSET)
    rest = joined.translate(None, _NUMBER_BYTES)
    if rest and (rest.strip(b"eE") or LONG_EXPONENT.search(joined)):
        raise MisfitError(ABSENT, None)


def _convert_raw(
    rows: Rows, attribute: str, column: RawColumn, name: str, rests: dict[int, dict[str, Any]]
) -> None:
    raws = [*map(attrgetter(attribute), rows)]
    indexes: Sequence[int] = range(len(raws))
    if UNSET in raws:
        indexes = [index for index in indexes if raws[index] is not UNSET]
        raws = [raws[index] for index in indexes]
    if column.fits(raws):
        return
    for index, (kept, rest) in zip(indexes, column.convert(raws), strict=True):
        setattr(rows[index], attribute, kept)
        if rest is not ABSENT:
            rests.setdefault(index, {})[name] = rest


def _assign(rows: Rows, attribute: str, values: Iterable[Any]) -> None:
    deque(map(setattr, rows, repeat(attribute), values), maxlen=0)  # a loop in C


class RawColumn:
    """A column of raw values that are decoded and converted."""

    def __init__(self, schema: JsonSchema) -> None:
        self._convert = converter(schema)

    def fits(self, raws: list[Raw]) -> bool:  # noqa: ARG002 - of subclasses
        """Whether these values can be copied as they came."""
        return False

    def convert(self, raws: list[Raw]) -> list[tuple[Any, Any]]:
        """Return what the column holds of each value, and the rest of it or `ABSENT`.

        Raises:
            MisfitError: A value cannot be decoded.
        """
        try:
            values = decode_json(_as_list(raws))
        except ValueError:
            raise MisfitError(ABSENT, None) from None
        return [self._split(value) for value in values]

    def _split(self, value: Any) -> tuple[Any, Any]:  # noqa: ANN401 - JSON
        try:
            return self._convert(value), ABSENT
        except MisfitError as misfit:
            return UNSET if misfit.kept is ABSENT else misfit.kept, misfit.rest


class CopiedColumn(RawColumn):
    """One without times: values that fit stay as they came, and only the others are converted."""

    def __init__(self, schema: JsonSchema) -> None:
        super().__init__(schema)
        self._decode = msgspec.json.Decoder(_list_of(_inner_type(schema))).decode
        self._has_numbers = _holds_numbers(schema)

    @override
    def fits(self, raws: list[Raw]) -> bool:
        joined = _as_list(raws)
        try:
            self._decode(joined)
        except (msgspec.MsgspecError, RecursionError):
            return False
        return not (self._has_numbers and LONG_EXPONENT.search(joined))

    @override
    def convert(self, raws: list[Raw]) -> list[tuple[Any, Any]]:
        convert = super().convert
        return [(raw, ABSENT) if self.fits([raw]) else convert([raw])[0] for raw in raws]


def _as_list(raws: list[Raw]) -> bytes:
    return b"[" + b",".join(raws) + b"]"


class StructColumn(RawColumn):
    """One of objects with times: those with all their fields in the schema are structs."""

    def __init__(self, schema: JsonSchema) -> None:
        super().__init__(schema)
        self._columns = ColumnStruct(schema["properties"])
        self._decode = msgspec.json.Decoder(_list_of(self._columns.struct | None)).decode

    @override
    def convert(self, raws: list[Raw]) -> list[tuple[Any, Any]]:
        try:
            rows: list[Any] = self._decode(_as_list(raws))
            if not self._columns.finish([row for row in rows if row is not None]):
                return [(row, ABSENT) for row in rows]
        except (msgspec.MsgspecError, MisfitError):
            pass
        return super().convert(raws)


def raw_column(schema: JsonSchema) -> RawColumn:
    """Return what converts the raw values of a column."""
    try:
        return CopiedColumn(schema)
    except _NotCopiedError:
        name, alternative, is_nullable = _only_type(schema)
        if is_nullable and name == "object" and "properties" in alternative:
            return StructColumn(alternative)
        return RawColumn(schema)


class _NotCopiedError(Exception):
    """A schema of values that are not copied as they came."""


def _inner_type(schema: JsonSchema) -> Any:  # noqa: ANN401 - a type expression
    """Return the type of values that a schema holds completely and unchanged.

    Raises:
        _NotCopiedError: Values have to be converted, or the schema is a union.
    """
    name, alternative, is_nullable = _only_type(schema)
    if not name:
        raise _NotCopiedError
    found = _INNER_TYPES[name](alternative)
    return found | None if is_nullable else found


def _inner_object(schema: JsonSchema) -> Any:  # noqa: ANN401 - a type expression
    if "properties" not in schema:
        return _dict_of_any()
    properties = schema["properties"]
    fields: list[Any] = [
        (f"f{number}", _inner_type(each) | UnsetType, UNSET)
        for number, each in enumerate(properties.values())
    ]
    names = {f"f{number}": name for number, name in enumerate(properties)}
    return msgspec.defstruct("Inner", fields, rename=names, forbid_unknown_fields=True, gc=False)


def _inner_array(schema: JsonSchema) -> Any:  # noqa: ANN401 - a type expression
    items = schema.get("items")
    return _list_of(_inner_type(items) if isinstance(items, dict) else Any)


def _inner_text(schema: JsonSchema) -> Any:  # noqa: ANN401 - a type expression
    if format_of(schema):
        raise _NotCopiedError
    return str


_INNER_TYPES: dict[str, Callable[[JsonSchema], Any]] = {
    ANY: lambda _: Any,
    "boolean": lambda _: bool,
    "integer": lambda _: INT64,
    "number": lambda _: int | float,
    "string": _inner_text,
    "object": _inner_object,
    "array": _inner_array,
}


def _holds_numbers(schema: JsonSchema) -> bool:
    """Whether values of a schema may have numbers with an exponent in them."""
    for name, alternative in alternatives(schema):
        inner = [*alternative.get("properties", {}).values()] if name == "object" else []
        inner += [alternative["items"]] if name == "array" and "items" in alternative else []
        is_free = name in {"object", "array"} and not inner
        if name in {"number", ANY} or is_free or any(map(_holds_numbers, inner)):
            return True
    return False


def _list_of(inner: Any) -> Any:  # noqa: ANN401 - type expressions
    generic: Any = list
    return generic[inner]


def _dict_of_any() -> Any:  # noqa: ANN401 - a type expression
    generic: Any = dict
    return generic[str, Any]
