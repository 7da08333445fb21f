"""A stream's objects as msgspec structs: kinds are checked while they are decoded, in C.

What needs no change stays the bytes that came, so that every digit survives. All objects
of some invoices are finished together, column by column.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from itertools import chain, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType
from typing_extensions import override

from tap_invoices import times
from tap_invoices.records import DATE_TIME, MismatchError, converter, kind_of
from tap_invoices.schema import EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_invoices.schema import Schema

    Field = tuple[str, Any] | tuple[str, Any, Any]
    Rows = Sequence[Any]  # instances of a struct that is made at run time

_NUMERIC = b"0123456789+-.eE,nul"
"""JSON values that are nothing without these are numbers or null, all of them."""

_TIMES_KEPT = 4096
_KINDS: dict[str, Any] = {
    "string": str | None,
    "boolean": bool | None,
    "integer": int | None,
    DATE_TIME: str | None,
}

encoder = msgspec.json.Encoder(decimal_format="number")
_decode_all = msgspec.json.Decoder(float_hook=Decimal).decode


class Ours:
    """The kind of a field that only the tap writes: whatever the API sends there is refused."""


class Columns:
    """Columns as a struct: an object, decoded to it and finished, is as its record has it.

    Attributes:
        struct: The msgspec struct. Its attributes are numbered, since a column may have any
            name; an object with a field that it lacks is refused.
    """

    def __init__(
        self,
        columns: Mapping[str, Schema],
        others: Iterable[Field] = (),
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Make the struct.

        Args:
            columns: Names and schemas.
            others: Fields of the struct that are no columns, as `msgspec.defstruct` has them.
            names: Names in JSON of attributes that are no columns.

        Raises:
            ValueError: A name is one that msgspec does not take, such as one with a quote.
        """
        attributes = {f"c{number}": name for number, name in enumerate(columns)}
        kinds = {attribute: columns[name] for attribute, name in attributes.items()}
        types = {name: _KINDS.get(kind_of(kind), Raw) for name, kind in kinds.items()}
        self.struct = msgspec.defstruct(
            "Row",
            [*others, *((name, kind | UnsetType, UNSET) for name, kind in types.items())],
            rename={**attributes, **(names or {})},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._times = [name for name, schema in kinds.items() if kind_of(schema) == DATE_TIME]
        self._numbers = _getter([name for name, s in kinds.items() if kind_of(s) == "number"])
        nested = {a: s for a, s in kinds.items() if kind_of(s) in {"object", "array"}}
        self._nested = [(attribute, _nested(schema)) for attribute, schema in nested.items()]

    def finish(self, rows: Rows) -> None:
        """Turn decoded objects into what their records hold.

        Raises:
            MismatchError: A value is not of its column's kind.
        """
        if self._numbers:
            _check_numbers(rows, self._numbers)
        for attribute in self._times:
            _convert_times(rows, attribute)
        for attribute, nested in self._nested:
            _convert_nested(rows, attribute, nested)


class Layout(Columns):
    """A stream's objects, with the fields that have no column.

    Attributes:
        known: Names of the API's fields that it takes.
    """

    def __init__(
        self,
        schema: Schema,
        own: Sequence[Field],
        dropped: Collection[str],
        loose: Sequence[str],
    ) -> None:
        """Make the struct.

        Args:
            schema: The stream's schema.
            own: Fields that the tap itself reads or writes: name, type, and default if any.
            dropped: Columns that the user deselected.
            loose: Names of fields without a column, which go to `_extra`.

        Raises:
            ValueError: A name is one that msgspec does not take, such as one with a quote.
        """
        own_names = {EXTRA, *(name for name, *_ in own)}
        columns = {n: s for n, s in schema["properties"].items() if n not in own_names}
        hidden = [*(name for name in columns if name in dropped), *loose]
        self.known = own_names.union(columns, loose)
        self._extra = None if EXTRA not in dropped else UNSET
        self._hidden = {f"h{number}": name for number, name in enumerate(hidden)}
        self._loose = {a: name for a, name in self._hidden.items() if name not in columns}
        super().__init__(
            {name: schema for name, schema in columns.items() if name not in dropped},
            [
                *own,
                ("extra", Ours, self._extra),
                *((a, Raw | UnsetType, UNSET) for a in self._hidden),
            ],
            {"extra": EXTRA, **self._hidden},
        )

    @override
    def finish(self, rows: Rows) -> None:
        super().finish(rows)
        if not self._hidden:
            return
        for row in rows:
            extra = {n: v for a, n in self._loose.items() if (v := getattr(row, a)) is not UNSET}
            for attribute in self._hidden:
                setattr(row, attribute, UNSET)
            if self._extra is None:
                row.extra = extra or None


class _Moments(dict[Any, Any]):
    """Times as the API writes them, to what records hold; most come several times."""

    def __missing__(self, text: str | UnsetType | None) -> str | UnsetType | None:
        """Convert a time.

        Raises:
            MismatchError: It is none.
        """
        moment = times.to_rfc3339(text) if isinstance(text, str) else text
        if moment is None and text is not None:
            raise MismatchError
        if len(self) > _TIMES_KEPT:
            self.clear()
        self[text] = moment
        return moment


_moments = _Moments()


def _convert_times(rows: Rows, attribute: str) -> None:
    _assign(rows, attribute, map(_moments.__getitem__, map(attrgetter(attribute), rows)))


def _getter(attributes: list[str]) -> Callable[[Any], tuple[Any, ...]] | None:
    if not attributes:
        return None
    return attrgetter(attributes[0], *attributes)  # one twice: of a single one it is no tuple


def _check_numbers(rows: Rows, numbers: Callable[[Any], tuple[Any, ...]]) -> None:
    try:
        joined = b",".join(chain.from_iterable(map(numbers, rows)))
    except TypeError:  # some are absent
        raws = chain.from_iterable(map(numbers, rows))
        joined = b",".join(raw for raw in raws if raw is not UNSET)
    if joined.translate(None, _NUMERIC):
        raise MismatchError


def _convert_nested(rows: Rows, attribute: str, nested: _Converted) -> None:
    raws = [*map(attrgetter(attribute), rows)]
    try:
        values = nested.convert(raws)
    except TypeError:  # some are absent
        rows = [row for row in rows if getattr(row, attribute) is not UNSET]
        raws = [*map(attrgetter(attribute), rows)]
        values = nested.convert(raws)
    if values is not raws:
        _assign(rows, attribute, values)


def _assign(rows: Rows, attribute: str, values: Iterable[Any]) -> None:
    deque(map(setattr, rows, repeat(attribute), values), maxlen=0)  # a loop without Python


class _Converted:
    """A column of objects or lists that are decoded, converted and encoded again."""

    def __init__(self, schema: Schema) -> None:
        self._convert = converter(schema)

    def convert(self, raws: list[Raw]) -> Sequence[Any]:
        """Return what the records hold; the very list where that is what came.

        Raises:
            MismatchError: A value, or one in it, is not of its column's kind.
        """
        return [Raw(encoder.encode(self._convert(_decode_all(raw)))) for raw in raws]


class _Copied(_Converted):
    """One without times inside: values that fit stay as they came, the others are converted."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        kind = _type_inside(schema)
        self._check = msgspec.json.Decoder(kind).decode
        self._check_all = msgspec.json.Decoder(_list_of(kind)).decode

    @override
    def convert(self, raws: list[Raw]) -> Sequence[Any]:
        try:
            self._check_all(_as_list(raws))
        except msgspec.ValidationError:  # PHP's `[]` for an object may be all there is to it
            return [
                raw if self._fits(raw) else super(_Copied, self).convert([raw])[0] for raw in raws
            ]
        return raws

    def _fits(self, raw: Raw) -> bool:
        try:
            self._check(raw)
        except msgspec.ValidationError:
            return False
        return True


class _Rewritten(_Converted):
    """One of objects with times inside; those with other fields than the schema's are converted."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self._columns = Columns(schema["properties"])
        self._decode = msgspec.json.Decoder(_list_of(self._columns.struct | None)).decode

    @override
    def convert(self, raws: list[Raw]) -> Sequence[Any]:
        try:
            rows: list[Any] = self._decode(_as_list(raws))
            self._columns.finish([row for row in rows if row is not None])
        except (msgspec.ValidationError, MismatchError):
            return super().convert(raws)
        return rows


def _nested(schema: Schema) -> _Converted:
    if not _has_times(schema):
        return _Copied(schema)
    return _Rewritten(schema) if kind_of(schema) == "object" else _Converted(schema)


def _list_of(kind: Any) -> Any:  # noqa: ANN401 - type expressions
    kinds: Any = list
    return kinds[kind]


def _as_list(raws: Iterable[Raw]) -> bytes:
    return b"[" + b",".join(raws) + b"]"


def _type_inside(schema: Schema) -> Any:  # noqa: ANN401 - a type expression
    """Return the type of a value in an object or a list; fields that it lacks are skipped."""
    match kind_of(schema):
        case "object":
            properties = schema.get("properties", {})
            types = [(f"f{i}", _type_inside(s), None) for i, s in enumerate(properties.values())]
            names = {f"f{i}": name for i, name in enumerate(properties)}
            return msgspec.defstruct("Inside", types, rename=names, gc=False) | None
        case "array":
            return _list_of(_type_inside(schema["items"]) if schema.get("items") else Raw) | None
        case "number":
            return int | float | None
        case kind:
            return _KINDS.get(kind, Raw)


def _has_times(schema: Schema) -> bool:
    within = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
    return kind_of(schema) == DATE_TIME or any(map(_has_times, within))
