"""Columns learned from a sample, and records that lose nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_invoices.catalog import COMPUTED_COLUMNS, EXTRA
from tap_invoices.discovery import learn_schema
from tap_invoices.records.build import RecordBuilder

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["2026-11-23 10:00:00", "2026-11-23T10:00:00+01:00", "0000-00-00 00:00:00"]),
)
NAMES = st.sampled_from(["total", "customer_id", "meta", "booked_at", EXTRA, "non_booked", "note"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
INVOICES = st.lists(
    st.dictionaries(NAMES, VALUES, max_size=4).map(lambda each: {"id": 1, **each}),
    max_size=4,
)


def kinds(column: dict[str, Any]) -> tuple[str, str | None]:
    return column["type"][0], column.get("format")


def builder(schema: dict[str, Any], *dropped: str, stream: str = "invoices") -> RecordBuilder:
    return RecordBuilder(schema, frozenset(COMPUTED_COLUMNS[stream]), frozenset(dropped))


def plain(value: Any) -> Any:
    """Make times comparable, RFC 3339 or not, and PHP's two empty objects."""
    if value == []:
        return {}
    if isinstance(value, str):
        return value.replace("T", " ").replace("Z", "")
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def merged(parts: list[Any]) -> Any:
    """Put an object together from its column and `_extra`; of anything else, take the latter."""
    first, *others = parts
    for other in others:
        if not (isinstance(first, dict) and isinstance(other, dict)):
            return other
        names = first.keys() | other.keys()
        first = {n: merged([part[n] for part in (first, other) if n in part]) for n in names}
    return first


def has_no_place(schema: dict[str, Any], rest: Any) -> bool:
    """Whether all of an object is unknown to a schema; of a list, some of it may be known."""
    if isinstance(rest, dict) and "properties" in schema:
        known = schema["properties"]
        return all(has_no_place(known[n], each) for n, each in rest.items() if n in known)
    return isinstance(rest, list)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(sample=INVOICES, later=INVOICES)
def test_nothing_is_lost_whatever_comes_after_discovery(
    sample: list[dict[str, Any]],
    later: list[dict[str, Any]],
) -> None:
    build = builder(learn_schema("invoices", sample))
    for invoice in sample + later:
        record = build.build(invoice, {"id": 1, "non_booked": False})
        extra = record.pop(EXTRA) or {}
        for name, value in invoice.items():
            kept = [part[name] for part in (record, extra) if name in part]
            assert plain(merged(kept)) == plain(value)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(sample=INVOICES)
def test_the_sample_itself_fits_its_columns(sample: list[dict[str, Any]]) -> None:
    schema = learn_schema("invoices", sample)
    build = builder(schema)
    for invoice in sample:
        record = build.build(invoice, {"id": 1, "non_booked": False})
        for name, rest in (record[EXTRA] or {}).items():
            assert name in COMPUTED_COLUMNS["invoices"] or has_no_place(schema, {name: rest})


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("customer_id", [1, 2, None], ("integer", None)),
        ("customer_id", [1, Decimal("2.5")], ("number", None)),
        ("quantity", [1, 2], ("number", None)),
        ("total", [Decimal("1.10"), 2], ("number", None)),
        ("booked_at", ["2026-11-23 10:00:00", None], ("string", "date-time")),
        ("booked_at", ["2026-11-23T10:00:00.5+02:00"], ("string", "date-time")),
        ("due", ["2026-11-23", None], ("string", "date")),
        ("due", ["2026-11-23", "2026-11-31"], ("string", None)),
        ("due", ["2026-11-23", "2026-11-23 10:00:00"], ("string", None)),
        ("customer_id", [2**63], ("number", None)),
        ("text", ["a"], ("string", None)),
        ("paid", [True, False], ("boolean", None)),
        ("meta", [{}, [], {"a": 1}], ("object", None)),
        ("tags", [["a"]], ("array", None)),
    ],
)
def test_a_column_has_the_kind_of_all_its_values(
    name: str,
    values: list[Any],
    kind: tuple[str, str | None],
) -> None:
    schema = learn_schema("invoices", [{"id": 1, name: value} for value in values])
    column = schema["properties"][name]
    assert kinds(column) == kind
    assert "null" in column["type"]


@pytest.mark.parametrize("values", [[1, "a"], [True, 1], [{"a": 1}, "a"], [None]])
def test_a_field_of_two_kinds_or_none_is_no_column(values: list[Any]) -> None:
    schema = learn_schema("invoices", [{"id": 1, "odd": value} for value in values])
    assert "odd" not in schema["properties"]


def test_objects_carry_their_properties_and_stay_open() -> None:
    sample = [{"id": 1, "customer": {"id": 3, "since": "2026-01-01 00:00:00", "odd": 1}}]
    sample.append({"id": 2, "customer": {"id": 4, "odd": "x"}})
    customer = learn_schema("invoices", sample)["properties"]["customer"]
    assert customer["additionalProperties"] is True
    assert set(customer["properties"]) == {"id", "since"}
    assert kinds(customer["properties"]["since"]) == ("string", "date-time")


def test_without_a_sample_the_documented_columns_are_there() -> None:
    assert set(learn_schema("invoices", [])["properties"]) == {
        "id",
        "non_booked",
        "created_at",
        "updated_at",
        EXTRA,
    }
    assert "invoice_id" in learn_schema("invoice_lines", [])["properties"]


def test_times_become_rfc_3339_also_inside_objects() -> None:
    sample = [{"id": 1, "at": "2026-11-23 10:00:00", "o": {"at": "2026-11-23 10:00:00"}}]
    record = builder(learn_schema("invoices", sample)).build(sample[0], {"id": 1})
    assert record["at"] == record["o"]["at"] == "2026-11-23T10:00:00Z"


def test_a_field_named_like_one_of_ours_is_kept_in_extra() -> None:
    build = builder(learn_schema("invoices", []))
    invoice = {"id": 1, EXTRA: {"a": 1}, "non_booked": "yes"}
    record = build.build(invoice, {"id": 1, "non_booked": True})
    assert record["non_booked"] is True
    assert record[EXTRA] == {EXTRA: {"a": 1}, "non_booked": "yes"}


def test_a_wrong_invoice_id_on_a_line_is_corrected_and_kept() -> None:
    build = builder(learn_schema("invoice_lines", []), stream="invoice_lines")
    for sent, extra in ((7, None), (8, {"invoice_id": 8}), (None, {"invoice_id": None})):
        line = {"id": 1, "invoice_id": sent}
        record = build.build(line, {"id": 1, "invoice_id": 7})
        assert (record["invoice_id"], record[EXTRA]) == (7, extra)


def test_a_deselected_field_is_not_in_extra_either() -> None:
    schema = learn_schema("invoices", [{"id": 1, "total": 1}])
    record = builder(schema, "total").build({"id": 1, "total": "odd"}, {"id": 1})
    assert "odd" not in json.dumps(record)
