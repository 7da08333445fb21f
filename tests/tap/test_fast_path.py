"""One reference, two speeds: the fast writer writes what the SDK's path writes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.tap_records import discovered, listed, make_tap, outputs, written
from tap_invoices.catalog import COMPUTED_COLUMNS, EXTRA
from tap_invoices.records import writer_for
from tap_invoices.records.build import InvoiceBuilder
from tap_invoices.records.fast import FastWriter
from tap_invoices.records.sdk import SdkWriter

if TYPE_CHECKING:
    from helpers.tap_records import Schemas
    from tap_invoices.records.stream_output import StreamOutput

NUMBERS = ["0", "-0", "7", "1.10", "-0.0", "1e-7", "1E5", "1.5e+300", "1e400", "0.1"]
LONG_NUMBERS = [
    "9223372036854775807",
    "-9223372036854775809",
    "12345678901234567890",
    "-99999999999999999999.000000000000000000000000000001",
    "1e9999999999999999999",
    "0E-9999999999999999999",
    "5" * 400,
]
TIMES = [
    "2026-11-23 10:00:00",
    "2026-11-23T10:00:00+01:00",
    "0000-00-00 00:00:00",
    "2026-11-23",
    "2026-13-01",
    "",
    "now",
]
SCALARS = st.one_of(
    st.sampled_from(["null", "true", "false", *NUMBERS, *LONG_NUMBERS, "[]", "{}"]),
    st.sampled_from(TIMES).map(json.dumps),
    st.text(max_size=4).map(json.dumps),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4).map(
        lambda text: json.dumps(text, ensure_ascii=False),
    ),
)
NAMES = st.sampled_from(
    ["total", "customer_id", "meta", "at", "note", "class", "ø", EXTRA, "non_booked", "invoice_id"],
)


def joined(parts: list[str], brackets: str) -> str:
    return brackets[0] + " ,\n".join(parts) + brackets[1]


def an_object(values: st.SearchStrategy[str], **fixed: st.SearchStrategy[str]) -> Any:
    fields = st.dictionaries(NAMES, values, max_size=5)
    return st.tuples(fields, st.fixed_dictionaries(fixed)).map(
        lambda both: joined(
            [f"{json.dumps(n)} : {v}" for n, v in (both[0] | both[1]).items()], "{}"
        ),
    )


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda parts: joined(parts, "[]")) | an_object(inner)
    ),
    max_leaves=5,
)
LINE_IDS = st.integers(1, 9).map(str) | st.sampled_from(["9223372036854775808", "null", '"1"'])
LINES = st.lists(an_object(VALUES, id=LINE_IDS) | st.just("null"), max_size=3)
INVOICE_TEXTS = an_object(
    VALUES,
    id=st.just("1"),
    lines=LINES.map(lambda parts: joined(parts, "[]"))
    | LINES.map(lambda parts: joined([f'"{n}": {v}' for n, v in enumerate(parts)], "{}"))
    | st.sampled_from(["null", "{}", "7"]),
)
TYPES = ["string", "integer", "number", "boolean", "object", "array", "null"]
UNIONS = st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)
SCHEMAS = st.one_of(
    UNIONS.map(lambda types: {"type": types}),
    UNIONS.map(lambda types: {"anyOf": [{"type": each} for each in types]}),
    st.just({"type": ["string", "null"], "format": "date"}),
    st.just({"type": "object", "properties": {"total": {"type": "number"}, "at": {}}}),
)


def writers(
    schemas: Schemas, *deselected: tuple[str, ...], **config: Any
) -> tuple[SdkWriter, FastWriter]:
    both = outputs(make_tap(schemas, *deselected, **config))
    return reference(*both), FastWriter(*both, builder(*both))


def builder(*both: StreamOutput | None) -> InvoiceBuilder:
    return InvoiceBuilder(*(each.builder() if each else None for each in both))


def reference(invoices: StreamOutput | None, lines: StreamOutput | None) -> SdkWriter:
    return SdkWriter(invoices, lines, builder(invoices, lines))


def digits(value: Any) -> Any:
    """Tell 1.1 from 1.10, and 1 from true: what is equal to Python differs in JSON."""
    if isinstance(value, Decimal | bool):
        return value.as_tuple() if isinstance(value, Decimal) else str(value)
    if isinstance(value, list | tuple):
        return [digits(each) for each in value]
    if isinstance(value, dict):
        return {name: digits(each) for name, each in value.items()}
    return value


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    sample=st.lists(INVOICE_TEXTS, max_size=3),
    later=st.lists(INVOICE_TEXTS, max_size=3),
    dropped=st.sets(NAMES, max_size=2),
    edited=st.dictionaries(st.sampled_from(["total", "meta", "note"]), SCHEMAS, max_size=2),
    non_booked=st.booleans(),
)
def test_both_write_the_same(
    sample: list[str],
    later: list[str],
    dropped: set[str],
    edited: dict[str, Any],
    non_booked: bool,  # noqa: FBT001 - an example's value
) -> None:
    """Whatever discovery saw, and whatever types a user wrote into the catalog."""
    decodable = [each for each in sample if "99999999999999999" not in each]
    schemas = discovered(decodable)
    for schema in schemas.values():
        schema["properties"] |= edited
    general, fast = writers(schemas, *((name,) for name in dropped))
    invoices = listed(*sample, *later, *sample, non_booked=non_booked)
    expected = digits(written(general, invoices))
    assert digits(written(fast, invoices)) == expected
    assert digits(written(fast, invoices)) == expected  # with the fields that it has learned


WHOLE = """{"id": 1, "total": 1.10, "big": 12345678901234567890, "at": "2026-11-23 10:00:00",
 "customer": {"name": "Ø", "since": "2026-11-23 10:00:00", "n": 1.0}, "meta": {"a": {"b": 1e-7}},
 "tags": ["a", null], "paid": true, "due": "2026-11-23",
 "lines": [{"id": 11, "total": 0.10}, {"id": 12, "total": 3}]}"""


def test_digits_and_texts_are_copied_and_times_rewritten() -> None:
    _, fast = writers(discovered([WHOLE]))
    outcomes, ((_, invoice), (_, line), (_, other)) = written(fast, listed(WHOLE))
    assert outcomes == [2]
    assert str(invoice["total"]) == "1.10"
    assert invoice["big"] == 12345678901234567890
    assert invoice["at"] == invoice["customer"]["since"] == "2026-11-23T10:00:00Z"
    assert invoice["due"] == "2026-11-23"
    assert str(invoice["customer"]["n"]) == "1.0"
    assert str(invoice["meta"]["a"]["b"]) == "1E-7"
    assert (line["id"], line["invoice_id"], line[EXTRA]) == (11, 1, None)
    assert other["total"] == 3
    assert "lines" not in invoice


@pytest.mark.parametrize(
    "later",
    [
        WHOLE.replace("1.10", '"1.10"'),
        WHOLE.replace("1.10", "1e9999999999999999999"),
        WHOLE.replace("1e-7", "1e-9999999999999999999"),
        WHOLE.replace("true", "1"),
        WHOLE.replace('"meta": {"a": {"b": 1e-7}}', '"meta": []'),
        WHOLE.replace('{"b": 1e-7}', "[]"),
        WHOLE.replace('"since": "2026-11-23 10:00:00"', '"since": "soon"'),
        WHOLE.replace('"n": 1.0', '"n": 1.0, "new": {"x": 1.0}'),
        WHOLE.replace('{"b": 1e-7}', '{"b": 1e-7, "new": [{"x": 1.0}]}'),
        WHOLE.replace('["a", null]', '["a", 1]'),
        WHOLE.replace('"at": "2026-11-23 10:00:00"', '"at": "0000-00-00 00:00:00"'),
        WHOLE.replace('"due": "2026-11-23"', '"due": "2026-11-31"'),
        WHOLE.replace('"id": 11', '"id": 11, "invoice_id": 8'),
        WHOLE.replace('"id": 11', '"id": 11, "invoice_id": null'),
        WHOLE.replace('"id": 11', '"id": 11, "new": 1.0'),
        WHOLE.replace('"id": 11', '"id": 11, "new": 1E9999999999999999999'),
        WHOLE.replace('"paid"', '"pa\\"id"'),
        WHOLE.replace('"paid": true', f'"{EXTRA}": null, "non_booked": 1'),
        WHOLE.replace('"paid": true', '"id": 2'),
        WHOLE.replace('"lines": [', '"lines": {"3": ').replace("}, {", '}, "7": {')[:-2] + "}}",
        WHOLE.replace('"id": 12', '"id": 9223372036854775808'),
    ],
)
def test_what_does_not_fit_is_written_as_the_reference_has_it(later: str) -> None:
    general, fast = writers(discovered([WHOLE]))
    invoices = listed(WHOLE, later, WHOLE)
    expected = digits(written(general, invoices))
    assert digits(written(fast, invoices)) == expected
    assert digits(written(fast, invoices)) == expected


def test_a_field_without_a_column_is_learned() -> None:
    """Only its first invoice is built by the reference."""
    both = outputs(make_tap(discovered([WHOLE])))
    built: list[int] = []

    class Counting(InvoiceBuilder):
        def build(self, invoice: Any) -> Any:
            built.append(invoice.id)
            return super().build(invoice)

    fast = FastWriter(*both, Counting(*(each.builder() for each in both)))
    newer = WHOLE.replace('"total"', '"new": 1.50, "total"')
    invoices = listed(*[newer] * 40)
    assert written(fast, invoices) == written(reference(*both), invoices)
    assert len(built) == 1


def test_a_property_that_its_object_lacks_stays_fast() -> None:
    both = outputs(make_tap(discovered([WHOLE])))
    newer = WHOLE.replace('"n": 1.0', '"n": 1.0, "vat": "DK1"')
    invoices = listed(*[newer] * 40)
    unused: Any = None
    assert written(FastWriter(*both, unused), invoices) == written(reference(*both), invoices)


@pytest.mark.parametrize("wanted", ["invoices", "invoice_lines"])
def test_one_stream_alone_is_written_the_same(wanted: str) -> None:
    invoice, line = (
        each if each.name == wanted else None for each in outputs(make_tap(discovered([WHOLE])))
    )
    fast = FastWriter(invoice, line, builder(invoice, line))
    odd = WHOLE.replace("1.10", "1e9999999999999999999")
    invoices = listed(WHOLE, WHOLE.replace("1.10", "false"), odd, WHOLE.replace("0.10", "null"))
    outcomes, messages = written(reference(invoice, line), invoices)
    assert {stream for stream, _ in messages} == {wanted}
    assert written(fast, invoices) == (outcomes, messages)


@pytest.mark.parametrize(
    ("deselected", "config"),
    [
        ([("customer", "name")], {}),
        ([], {"stream_maps": {"invoices": {"total": "total"}}}),
        ([], {"flattening_enabled": True, "flattening_max_depth": 1}),
    ],
)
def test_where_more_is_asked_for_the_sdk_writes(
    deselected: list[tuple[str, ...]], config: dict[str, Any]
) -> None:
    both = outputs(make_tap(discovered([WHOLE]), *deselected, **config))
    assert isinstance(writer_for(*both), SdkWriter)


@pytest.mark.parametrize("deselected", [("total",), ("customer",), (EXTRA,)])
def test_a_deselected_column_is_absent_and_stays_fast(deselected: tuple[str]) -> None:
    tap = make_tap(discovered([WHOLE]), deselected)
    fast = writer_for(*outputs(tap))
    assert isinstance(fast, FastWriter)
    invoices = listed(WHOLE, WHOLE.replace('"total"', '"new": 1, "total"'))
    expected = written(reference(*outputs(tap)), invoices)
    assert written(fast, invoices) == expected
    assert all(deselected[0] not in record for _, record in expected[1])


def test_a_column_that_msgspec_cannot_name_is_written() -> None:
    writer = writer_for(*outputs(make_tap(discovered([WHOLE.replace('"paid"', '"pa\\"id"')]))))
    assert isinstance(writer, SdkWriter)
    assert written(writer, listed(WHOLE))[0] == [2]


def test_the_computed_columns_are_those_of_the_schema() -> None:
    _, fast = writers(discovered([WHOLE]))
    _, ((_, invoice), (_, line), _) = written(fast, listed(WHOLE, non_booked=True))
    assert invoice.keys() >= COMPUTED_COLUMNS["invoices"].keys()
    assert line.keys() >= COMPUTED_COLUMNS["invoice_lines"].keys()
    assert invoice["non_booked"] is True
