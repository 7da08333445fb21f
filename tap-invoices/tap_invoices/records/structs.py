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

from tap_invoices._shared.response import MAX_ID, decode_json
from tap_invoices.catalog import EXTRA
from tap_invoices.records.build import (
    ABSENT,
    ANY,
    MisfitError,
    alternatives,
    check_date,
    convert_date_time,
    converter,
    format_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tap_invoices.catalog import JsonSchema

Field: TypeAlias = tuple[str, Any] | tuple[str, Any, Any]
Rows: TypeAlias = "Sequence[Any]"
"""Instances of a struct that is made at run time."""

INT64 = Annotated[int, Meta(ge=-MAX_ID - 1, le=MAX_ID)]

_CACHE_SIZE = 4096
_NUMBER_BYTES = b"0123456789+-.,nul"
"""JSON values that are nothing without these, and exponents, are numbers or null."""

LONG_EXPONENT = re.compile(rb"[eE][+-]?[0-9]{16}")
"""A number that `Decimal` may not hold."""

encoder = msgspec.json.Encoder(decimal_format="number")


class TapOnly:
    """The type of a field that only the tap fills: whatever the API sends there is rejected."""


class StreamStruct:
    """The objects of a stream as a struct: once finished, one is as its record has to be.

    Args:
        schema: The stream's schema.
        own: Fields that the tap itself reads or fills: name, type, and default if any.
        dropped: Columns that the user deselected.
        extra_fields: Fields without a column, which go to `_extra`.

    Attributes:
        struct: The msgspec struct. Its attributes are numbered, since a column may have any
            name; an object with a field that it lacks is rejected.
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
        kept = [name for name in columns if name not in dropped]
        hidden = [*(name for name in columns if name in dropped), *extra_fields]
        self.known_fields = own_names.union(columns, extra_fields)
        self._extra = UNSET if EXTRA in dropped else None
        self._names = {f"c{number}": name for number, name in enumerate(kept)}
        self._hidden = {f"h{number}": name for number, name in enumerate(hidden)}
        self._extra_fields = {a: n for a, n in self._hidden.items() if n not in columns}
        types = {a: column_type(columns[name]) for a, name in self._names.items()}
        fields: list[Any] = [
            *own,
            ("extra", TapOnly, self._extra),
            *((a, found | UnsetType, UNSET) for a, (_, found) in types.items()),
            *((a, Raw | UnsetType, UNSET) for a in self._hidden),
        ]
        names = {"extra": EXTRA, **self._names, **self._hidden}
        self.struct = msgspec.defstruct(
            "Row", fields, rename=names, forbid_unknown_fields=True, gc=False
        )
        self._caches = {
            a: _ConversionCache(_TEXT_CONVERTERS[kind])
            for a, (kind, _) in types.items()
            if kind in _TEXT_CONVERTERS
        }
        self._numbers = _getter([a for a, (kind, _) in types.items() if kind == "number"])
        self._raw_columns = {
            a: raw_column(columns[self._names[a]]) for a, (kind, _) in types.items() if not kind
        }

    def finish(self, rows: Rows) -> None:
        """Turn decoded objects into what their records hold.

        Raises:
            MisfitError: A value is not of its column's type, and not all of the object was
                converted.
        """
        if self._numbers:
            _check_numbers(rows, self._numbers)
        for attribute, cache in self._caches.items():
            _assign(rows, attribute, map(cache.__getitem__, map(attrgetter(attribute), rows)))
        rests: dict[int, dict[str, Any]] = {}
        for attribute, column in self._raw_columns.items():
            _convert_raw(rows, attribute, column, self._names[attribute], rests)
        if self._hidden or rests:
            self._set_extra(rows, rests)

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


class _ConversionCache(dict[Any, Any]):
    """Texts as the API writes them, to what records hold; most come several times."""

    def __init__(self, convert: Callable[[str], str]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str | UnsetType | None) -> str | UnsetType | None:
        """Convert a text; it raises a `MisfitError` if the column cannot hold it."""
        converted = self._convert(text) if isinstance(text, str) else text
        if len(self) > _CACHE_SIZE:
            self.clear()
        self[text] = converted
        return converted


_TEXT_CONVERTERS = {"date-time": convert_date_time, "date": check_date}
_TYPES: dict[str, Any] = {
    "string": str | None,
    "boolean": bool | None,
    "integer": INT64 | None,
    "number": Raw,
    **dict.fromkeys(_TEXT_CONVERTERS, str | None),
}


def column_type(schema: JsonSchema) -> tuple[str, Any]:
    """Return the type of a column that holds one sort of scalars and null, and its struct type.

    Any other column has no name, and is read as raw JSON.
    """
    types = [name for name, _ in alternatives(schema)]
    if len(types) == 2 and "null" in types:  # noqa: PLR2004 - null and another one
        name = next(name for name in types if name != "null")
        name = (format_of(schema) or name) if name == "string" else name
        if name in _TYPES and "type" in schema:
            return name, _TYPES[name]
    return "", Raw


def _getter(attributes: list[str]) -> Callable[[Any], tuple[Any, ...]] | None:
    if not attributes:
        return None
    return attrgetter(attributes[0], *attributes)  # of one alone, attrgetter makes no tuple


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
    if UNSET not in raws and column.fits(raws):
        return
    for index, (row, raw) in enumerate(zip(rows, raws, strict=True)):
        if raw is UNSET:
            continue
        kept, rest = column.convert(raw)
        setattr(row, attribute, kept)
        if rest is not ABSENT:
            rests.setdefault(index, {})[name] = rest


def _assign(rows: Rows, attribute: str, values: Iterable[Any]) -> None:
    deque(map(setattr, rows, repeat(attribute), values), maxlen=0)  # a loop without Python


class RawColumn:
    """A column of raw values that are decoded, converted and encoded again."""

    def __init__(self, schema: JsonSchema) -> None:
        self._convert = converter(schema)

    def fits(self, raws: list[Raw]) -> bool:  # noqa: ARG002 - of a subclass
        """Whether these values can be copied as they came."""
        return False

    def convert(self, raw: Raw) -> tuple[Any, Any]:
        """Return what the column holds of a value, and the rest or `ABSENT`.

        Raises:
            MisfitError: The value cannot be decoded.
        """
        try:
            value = decode_json(raw)
        except ValueError:
            raise MisfitError(ABSENT, None) from None
        try:
            return Raw(encoder.encode(self._convert(value))), ABSENT
        except MisfitError as misfit:
            kept = UNSET if misfit.kept is ABSENT else Raw(encoder.encode(misfit.kept))
            return kept, misfit.rest


class CopiedColumn(RawColumn):
    """One without times: values that fit stay as they came, and only the others are converted."""

    def __init__(self, schema: JsonSchema) -> None:
        super().__init__(schema)
        self._decode = msgspec.json.Decoder(_list_of(_inner_type(schema))).decode
        self._has_numbers = _holds_numbers(schema)

    def fits(self, raws: list[Raw]) -> bool:
        """Whether these values can be copied as they came."""
        joined = b",".join(raws)
        try:
            self._decode(b"[" + joined + b"]")
        except (msgspec.MsgspecError, RecursionError):
            return False
        return not (self._has_numbers and LONG_EXPONENT.search(joined))

    def convert(self, raw: Raw) -> tuple[Any, Any]:
        """Return what the column holds of a value, and the rest or `ABSENT`."""
        return (raw, ABSENT) if self.fits([raw]) else super().convert(raw)


def raw_column(schema: JsonSchema) -> RawColumn:
    """Return what converts the raw values of a column."""
    try:
        return CopiedColumn(schema)
    except _NotCopiedError:
        return RawColumn(schema)


class _NotCopiedError(Exception):
    """A schema of values that are not copied as they came."""


def _inner_type(schema: JsonSchema) -> Any:  # noqa: ANN401 - a type expression
    """Return the type of values that a schema holds completely and unchanged.

    Raises:
        _NotCopiedError: Values have to be converted, or the schema is a union.
    """
    types = [*alternatives(schema)]
    others = [(name, alternative) for name, alternative in types if name != "null"]
    if len(others) != 1:
        raise _NotCopiedError
    [(name, alternative)] = others
    found = _INNER_TYPES[name](alternative)
    return found | None if len(types) > 1 else found


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
