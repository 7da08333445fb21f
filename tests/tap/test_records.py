"""What a run writes, field by field, against what the API holds."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import deselect, entry

if TYPE_CHECKING:
    from .conftest import Tap

TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\+00:00)?")
ODD = {
    "tenth": Decimal("0.1"),
    "tiny": Decimal("1e-7"),
    "trailing": Decimal("1.10"),
    "long": 12345678901234567890,
    "longer": Decimal("-123456789012345678901234567890.123456789012345678901234567890"),
    "zero": Decimal("0.00"),
    "separator": "one\u2028two\u2029three\x85four",
    "nul": "a\x00b",
    "emoji": "🧶👩‍👩‍👧",
    "quotes": '"\\/\b\f\n\r\t',
    "empty": "",
    "nothing": None,
    "flag": False,
}


def as_rfc3339(value: Any) -> Any:
    """Return a value as a record has it: times in RFC 3339, all else as it is."""
    if isinstance(value, str) and TIME.fullmatch(value):
        return value.replace(" ", "T") + ("" if value.endswith("00:00") and "T" in value else "Z")
    if isinstance(value, list):
        return [as_rfc3339(each) for each in value]
    if isinstance(value, dict):
        return {name: as_rfc3339(each) for name, each in value.items()}
    return value


def digits(value: Any) -> Any:
    """Tell 1.1 from 1.10: what equals in numbers differs in digits."""
    if isinstance(value, Decimal):
        return value.as_tuple()
    if isinstance(value, list):
        return [digits(each) for each in value]
    if isinstance(value, dict):
        return {name: digits(each) for name, each in value.items()}
    return value


def columns(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record's fields, put together from its columns and `_extra`."""
    own = {"_extra", "non_booked"}
    found: dict[str, Any] = merged(
        {k: v for k, v in record.items() if k not in own}, record["_extra"] or {}
    )
    return found


def merged(column: Any, extra: Any) -> Any:
    if not (isinstance(column, dict) and isinstance(extra, dict)):
        return extra
    return column | {k: merged(column[k], v) if k in column else v for k, v in extra.items()}


@pytest.mark.parametrize("times", ["laravel", "rfc3339"])
def test_every_field_of_every_invoice_and_line_arrives(tap: Tap, times: str) -> None:
    tap.sandbox.behave(times=times)
    done = tap.sync()
    held = {each["id"]: each for each in tap.sandbox.invoices() if each["is_booked"]}
    lines = [line for each in held.values() for line in each.pop("lines")]
    assert digits([columns(each) for each in done.records()]) == digits(
        [as_rfc3339(each) for each in held.values()]
    )
    assert digits([columns(each) for each in done.records("invoice_lines")]) == digits(
        [as_rfc3339(each) for each in lines]
    )
    assert all(each["_extra"] is None for each in done.records())


def test_schemas_come_once_and_first_and_an_invoice_before_its_lines(tap: Tap) -> None:
    done = tap.sync(page_size=3)
    kinds = [message["type"] for message in done.messages]
    assert kinds[:2] == ["SCHEMA", "SCHEMA"]
    assert kinds.count("SCHEMA") == 2
    invoice = None
    for message in done.of_type("RECORD"):
        if message["stream"] == "invoices":
            invoice = message["record"]["id"]
        else:
            assert message["record"]["invoice_id"] == invoice
    assert {each["stream"]: each["key_properties"] for each in done.of_type("SCHEMA")} == {
        "invoices": ["id"],
        "invoice_lines": ["id"],
    }


def test_digits_and_text_survive_in_columns_in_objects_and_without_a_column(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.change(1, meta=ODD, **ODD)
    for known in (catalog, tap.discover()):
        record = tap.sync(catalog=known).records()[0]
        fields = columns(record)
        assert digits({name: fields["meta"][name] for name in ODD}) == digits(ODD)
        assert digits({name: fields[name] for name in ODD}) == digits(ODD)
    assert {"tenth", "longer", "separator"} <= set(entry(tap.discover())["schema"]["properties"])


def test_a_text_of_five_megabytes_survives(tap: Tap) -> None:
    text = "å🧶" * 1_000_000
    tap.sandbox.change(2, comment=text)
    assert tap.sync().records()[1]["comment"] == text


def test_a_field_that_appears_after_discovery_arrives_in_extra_of_both_streams(tap: Tap) -> None:
    catalog = tap.discover()
    lines = tap.sandbox.invoices([1])[0]["lines"]
    lines[0] |= {"new": [1, {"a": Decimal("1.10")}]}
    tap.sandbox.change(1, new={"b": None}, lines=lines)
    done = tap.sync(catalog=catalog)
    assert done.records()[0]["_extra"] == {"new": {"b": None}}
    assert done.records("invoice_lines")[0]["_extra"] == {"new": [1, {"a": Decimal("1.10")}]}
    assert done.records()[1]["_extra"] is None


def test_a_field_of_two_kinds_goes_to_extra_with_all_its_values(tap: Tap) -> None:
    values = [1, "one", True, {"a": 1}, [1], None, Decimal("1.10")]
    for number, value in enumerate(values, 1):
        tap.sandbox.change(number, odd=value)
    catalog = tap.discover()
    assert "odd" not in entry(catalog)["schema"]["properties"]
    found = [each["_extra"]["odd"] for each in tap.sync(catalog=catalog).records()[: len(values)]]
    assert digits(found) == digits(values)


def test_a_value_that_is_not_of_its_columns_kind_goes_to_extra(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.change(1, total="twelve", created_at="0000-00-00 00:00:00", customer=[])
    record = tap.sync(catalog=catalog).records()[0]
    assert record["total"] is record["created_at"] is None
    assert record["_extra"] == {"total": "twelve", "created_at": "0000-00-00 00:00:00"}
    assert record["customer"] == {}


def test_fields_that_are_named_like_the_taps_own_are_kept_in_extra(tap: Tap) -> None:
    line = tap.sandbox.invoices([1])[0]["lines"][0]
    absent = {name: value for name, value in line.items() if name != "invoice_id"}
    wrong = line | {"id": 2, "invoice_id": 99}
    nulled = line | {"id": 3, "invoice_id": None, "_extra": "mine"}
    tap.sandbox.change(1, _extra={"a": 1}, non_booked="yes", lines=[absent, wrong, nulled])
    done = tap.sync()
    invoice, found = done.records()[0], done.records("invoice_lines")[:3]
    assert invoice["_extra"] == {"_extra": {"a": 1}, "non_booked": "yes"}
    assert invoice["non_booked"] is False
    assert {each["invoice_id"] for each in found} == {1}
    assert [each["_extra"] for each in found] == [
        None,
        {"invoice_id": 99},
        {"invoice_id": None, "_extra": "mine"},
    ]


@pytest.mark.parametrize("lines", [[], {}], ids=str)
def test_an_invoice_without_lines_has_none(tap: Tap, lines: Any) -> None:
    tap.sandbox.change(1, lines=lines)
    done = tap.sync()
    assert done.ids() == list(range(1, 13))
    assert 1 not in {each["invoice_id"] for each in done.records("invoice_lines")}
    assert done.records()[0]["_extra"] is None


def test_the_sample_covers_old_and_new_invoices(tap: Tap) -> None:
    """Here old ones are the first hundreds of the list, new ones its end."""
    tap.sandbox.add(300)
    now = "2026-11-01 10:00:00"
    last = tap.sandbox.add(1, set={"created_at": now, "only_new": "x"})
    tap.sandbox.change(1, only_old=True)
    tap.sandbox.mark(range(1, 200))
    tap.sandbox.mark(last)
    properties = entry(tap.discover())["schema"]["properties"]
    assert {"only_old", "only_new"} <= set(properties)


def test_flattening_and_stream_maps_work_on_learned_objects(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.change(1, new={"a": [1]})
    flattened = tap.sync(catalog=catalog, flattening_enabled=True, flattening_max_depth=2)
    held = tap.sandbox.invoices([1])[0]
    flat = flattened.records()[0]
    assert flat["customer__name"] == held["customer"]["name"]
    assert flat["customer__address__city"] == held["customer"]["address"]["city"]
    assert "customer" not in flat
    schema = flattened.of_type("SCHEMA")[0]["schema"]["properties"]
    assert flat.keys() <= schema.keys()
    assert json.loads(flat["_extra"]) == {"new": {"a": [1]}}
    maps = {
        "invoices": {"customer_name": "customer['name']", "total": None},
        "invoice_lines": "__NULL__",
    }
    mapped = tap.sync(stream_maps=maps)
    assert mapped.records()[0]["customer_name"] == held["customer"]["name"]
    assert "total" not in mapped.records()[0]
    assert mapped.records("invoice_lines") == []


def test_what_is_deselected_is_absent_wherever_it_may_be(tap: Tap) -> None:
    """As a column, inside an object, and in `_extra`'s place where its kind is another."""
    catalog = tap.discover()
    deselect(catalog, "invoices", "comment")
    deselect(catalog, "invoices", "customer", "name")
    deselect(catalog, "invoices", "customer", "address", "street")
    deselect(catalog, "invoice_lines", "variant", "ean")
    deselect(catalog, "invoice_lines", "text")
    odd = {"name": "SECRET", "vat_number": 5, "address": {"street": "SECRET", "city": "Oslo"}}
    tap.sandbox.change(1, comment={"a": "SECRET"}, customer=odd)
    done = tap.sync(catalog=catalog)
    assert "SECRET" not in done.stdout
    assert done.records()[0]["_extra"] == {"customer": {"vat_number": 5}}
    assert done.records()[0]["customer"]["address"] == {"city": "Oslo"}
    for record in done.records()[1:]:
        assert "comment" not in record
        assert {"name"}.isdisjoint(record["customer"])
        assert "city" in record["customer"]["address"]
        assert "street" not in record["customer"]["address"]
    for line in done.records("invoice_lines"):
        assert "text" not in line
        assert set(line["variant"]) == {"color", "size"}
