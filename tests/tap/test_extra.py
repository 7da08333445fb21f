"""What has no place in the schema arrives in `_extra`; the rest fits the schema."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from singer_sdk.helpers._flattening import flatten_key

from helpers.tap_records import decoded, discovered, listed, make_tap, outputs, written
from tap_invoices.catalog import EXTRA
from tap_invoices.records import writer_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.tap_records import Schemas

SCALARS: Any = st.one_of(
    st.sampled_from([None, True, 7, 2**63, Decimal("1.10"), "", "a", "2026-11-23", [], {}]),
    st.just("2026-11-23 10:00:00"),
)
NAMES = st.sampled_from(["total", "meta", "a", "b", "note", "id_"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
INVOICES = st.dictionaries(NAMES, VALUES, max_size=4)
TYPES = st.lists(
    st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null"]),
    min_size=1,
    max_size=4,
    unique=True,
)
PLAIN = TYPES.map(lambda types: {"type": types}) | st.just({"type": "string", "format": "date"})
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.builds(
            lambda types, properties: {
                "type": sorted({*types, "object"}),
                "properties": properties,
            },
            TYPES,
            st.dictionaries(NAMES, inner, max_size=3),
        ),
        st.builds(
            lambda types, items: {"type": sorted({*types, "array"}), "items": items}, TYPES, inner
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=4,
)
FLATTENING = st.one_of(
    st.just({}),
    st.builds(
        lambda depth, length: {
            "flattening_enabled": True,
            "flattening_max_depth": depth,
            "flattening_max_key_length": length,
        },
        st.integers(0, 3),
        st.sampled_from([255, 11]),
    ),
)


@pytest.mark.slow
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(
    sample=st.lists(INVOICES, max_size=2),
    later=INVOICES,
    edited=st.dictionaries(NAMES, NESTED, max_size=3),
    flattening=FLATTENING,
)
def test_every_leaf_arrives_and_the_record_fits_the_schema(
    sample: list[dict[str, Any]],
    later: dict[str, Any],
    edited: dict[str, Any],
    flattening: dict[str, Any],
) -> None:
    """Whatever discovery saw, a user wrote into the catalog, and flattening makes of both."""
    schemas = discovered([text(each) for each in sample])
    schemas["invoices"]["properties"] |= edited
    for invoice in [*sample, later]:
        record, schema = write(schemas, invoice, flattening)
        jsonschema.Draft7Validator(schema).validate(record)
        assert record.keys() <= schema["properties"].keys()
        for path, value in leaves(invoice):
            assert any(plain(each) == plain(value) for each in found(record, path, flattening)), (
                path,
                record,
            )


def text(invoice: dict[str, Any]) -> str:
    content = {"id": 1, "lines": [], **invoice}
    return json.dumps(content, default=float)


def write(
    schemas: Schemas, invoice: dict[str, Any], config: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the record of an invoice, and its SCHEMA."""
    try:
        tap = make_tap(schemas, **config)
    except Exception as error:
        assume("flattening" not in str(error))
        raise
    outcomes, messages = written(writer_for(*outputs(tap)), listed(text(invoice)))
    assert outcomes == [0]
    schema: dict[str, Any] = tap.streams["invoices"].stream_maps[0].transformed_schema
    return messages[0][1], schema


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Iterate over what is not an object, and over empty objects, each with its path."""
    if path and not (isinstance(value, dict) and value):
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))


def found(
    record: dict[str, Any], path: tuple[str, ...], flattening: dict[str, Any]
) -> Iterator[Any]:
    """Iterate over what the record has for a path: in columns, in `_extra`."""
    length = flattening.get("flattening_max_key_length", 255)
    for depth in range(1, len(path) + 1):
        name = flatten_key(path[depth - 1], [*path[: depth - 1]], max_key_length=length)
        yield from walk(record.get(name if flattening else path[0]), path[depth:])
    yield from walk(record[EXTRA], path)


def walk(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    values = [value]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        values.append(decoded(value))
    for each in values:
        if not path:
            yield each
        elif isinstance(each, dict):
            yield from walk(each.get(path[0]), path[1:])
        elif each is None:
            yield None


def plain(value: Any) -> Any:
    """Make times, PHP's empty objects and numbers comparable, and null like nothing."""
    if value in ([], {}):
        return None
    if isinstance(value, str):
        return value.replace("T", " ").replace("Z", "")
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value if isinstance(value, bool) or value is None else Decimal(value)
