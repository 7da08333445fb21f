"""One truth, two speeds: the fast path writes what the general path writes."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_invoices import answers, fast
from tap_invoices.answers import Invoice
from tap_invoices.discovery import lines_of
from tap_invoices.general import GeneralWriter
from tap_invoices.schema import EXTRA, OWN, stream_schema
from tap_invoices.tap import TapInvoices

CONFIG = {"access_token": "token", "system_id": "warehouse", "api_url": "http://127.0.0.1:9"}
decode = msgspec.json.Decoder(float_hook=Decimal).decode

NUMBERS = ["0", "-0", "7", "1.10", "-0.0", "1e-7", "1E5", "1.5e+300", "1e400", "0.1"]
LONG_NUMBERS = ["12345678901234567890", "-99999999999999999999.000000000000000000000000000001"]
TIMES = ["2026-11-23 10:00:00", "2026-11-23T10:00:00+01:00", "0000-00-00 00:00:00", "", "now"]
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
LINES = st.lists(an_object(VALUES, id=st.integers(1, 9).map(str)), max_size=3)
INVOICE_TEXTS = an_object(
    VALUES,
    id=st.just("1"),
    lines=LINES.map(lambda parts: joined(parts, "[]")) | st.sampled_from(["null", "{}", "7"]),
)


def catalog(sample: list[str], *deselected: tuple[str, ...]) -> dict[str, Any]:
    """Return what discovery would learn from a sample, with some fields deselected."""
    invoices = [decode(each) for each in sample]
    schemas = {
        "invoices": stream_schema("invoices", invoices),
        "invoice_lines": stream_schema("invoice_lines", lines_of(invoices)),
    }
    return {
        "streams": [
            {
                "tap_stream_id": name,
                "key_properties": ["id"],
                "schema": schema,
                "metadata": [
                    {"breadcrumb": [], "metadata": {"selected": True}},
                    *(
                        {
                            "breadcrumb": [w for part in path for w in ("properties", part)],
                            "metadata": {"inclusion": "available", "selected": False},
                        }
                        for path in deselected
                    ),
                ],
            }
            for name, schema in schemas.items()
        ],
    }


def streams(of: dict[str, Any], **config: Any) -> tuple[Any, Any]:
    tap = TapInvoices(config=CONFIG | config, catalog=of)
    return tap.streams["invoices"], tap.streams["invoice_lines"]


def writers(of: dict[str, Any], **config: Any) -> tuple[GeneralWriter, fast.FastWriter | None]:
    invoices, lines = streams(of, **config)
    general = GeneralWriter(invoices, lines)
    return general, fast.writer(invoices, lines, general.records)


def written(writer: GeneralWriter | fast.FastWriter | None, listed: list[Invoice]) -> list[Any]:
    """Return stream, record and number of lines written; numbers with every digit."""
    assert writer is not None
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(out):
        counts = writer.write(listed)
        out.flush()
    out.seek(0)
    messages = [json.loads(line, parse_float=lambda text: Decimal(text).as_tuple()) for line in out]
    assert all(each["type"] == "RECORD" and each["time_extracted"] for each in messages)
    return [counts, *((each["stream"], each["record"]) for each in messages)]


def listed(texts: list[str], *, non_booked: bool | None = None) -> list[Invoice]:
    invoices = answers.parse(f'{{"invoices": [{", ".join(texts)}]}}'.encode())
    return [Invoice(each.id, each.raw, non_booked) for each in invoices]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    sample=st.lists(INVOICE_TEXTS, max_size=3),
    later=st.lists(INVOICE_TEXTS, max_size=3),
    dropped=st.sets(NAMES, max_size=2),
    non_booked=st.none() | st.booleans(),
)
def test_both_paths_write_the_same(
    sample: list[str],
    later: list[str],
    dropped: set[str],
    non_booked: bool | None,  # noqa: FBT001 - an example's value
) -> None:
    general, quick = writers(catalog(sample, *((name,) for name in dropped)))
    invoices = listed(sample + later + sample, non_booked=non_booked)
    expected = written(general, invoices)
    assert written(quick, invoices) == expected
    assert written(quick, invoices) == expected  # with what it has learned meanwhile


WHOLE = """{"id": 1, "total": 1.10, "big": 12345678901234567890, "at": "2026-11-23 10:00:00",
 "customer": {"name": "Ø", "since": "2026-11-23 10:00:00", "n": 1.0}, "meta": {"a": {"b": 1e-7}},
 "tags": ["a", null], "paid": true, "lines": [{"id": 11, "total": 0.10}, {"id": 12, "total": 3}]}"""


def test_digits_and_texts_are_copied_and_times_rewritten() -> None:
    _, quick = writers(catalog([WHOLE]))
    (counts, (_, invoice), (_, line), (_, other)) = written(quick, listed([WHOLE]))
    assert counts == [2]
    assert invoice["total"] == Decimal("1.10").as_tuple()
    assert invoice["big"] == 12345678901234567890
    assert invoice["at"] == invoice["customer"]["since"] == "2026-11-23T10:00:00Z"
    assert invoice["customer"]["n"] == Decimal("1.0").as_tuple()
    assert invoice["meta"]["a"]["b"] == Decimal("1e-7").as_tuple()
    assert (line["id"], line["invoice_id"], line[EXTRA]) == (11, 1, None)
    assert other["total"] == 3
    assert "lines" not in invoice


@pytest.mark.parametrize(
    "later",
    [
        WHOLE.replace("1.10", '"1.10"'),
        WHOLE.replace("true", "1"),
        WHOLE.replace('"meta": {"a": {"b": 1e-7}}', '"meta": []'),
        WHOLE.replace('{"b": 1e-7}', "[]"),
        WHOLE.replace('"since": "2026-11-23 10:00:00"', '"since": "soon"'),
        WHOLE.replace('"n": 1.0', '"n": 1.0, "new": {"x": 1.0}'),
        WHOLE.replace('["a", null]', '["a", 1]'),
        WHOLE.replace('"at": "2026-11-23 10:00:00"', '"at": "0000-00-00 00:00:00"'),
        WHOLE.replace('"id": 11', '"id": 11, "invoice_id": 8'),
        WHOLE.replace('"id": 11', '"id": 11, "invoice_id": null'),
        WHOLE.replace('"id": 11', '"id": 11, "new": 1.0'),
        WHOLE.replace('"paid"', '"pa\\"id"'),
        WHOLE.replace('"paid": true', f'"{EXTRA}": null, "non_booked": 1'),
    ],
)
def test_what_does_not_fit_is_written_as_the_general_path_has_it(later: str) -> None:
    general, quick = writers(catalog([WHOLE]))
    invoices = listed([WHOLE, later, WHOLE])
    assert written(quick, invoices) == written(general, invoices)


def test_a_field_without_a_column_needs_the_general_path_once() -> None:
    both = streams(catalog([WHOLE]))
    general, asked = GeneralWriter(*both), []

    def records(one: Invoice) -> Any:
        asked.append(one)
        return general.records(one)

    quick = fast.writer(both[0], both[1], records)
    newer = WHOLE.replace('"total"', '"new": 1.50, "total"')
    invoices = listed([newer] * 40)
    assert written(quick, invoices) == written(general, invoices)
    assert len(asked) == 1


@pytest.mark.parametrize("wanted", ["invoices", "invoice_lines"])
def test_one_stream_alone_is_written_the_same(wanted: str) -> None:
    invoice, line = (each if each.name == wanted else None for each in streams(catalog([WHOLE])))
    general = GeneralWriter(invoice, line)
    quick = fast.writer(invoice, line, general.records)
    invoices = listed([WHOLE, WHOLE.replace("1.10", "false")])
    expected = written(general, invoices)
    assert {each[0] for each in expected[1:]} == {wanted}
    assert written(quick, invoices) == expected


@pytest.mark.parametrize(
    ("deselected", "config"),
    [
        ([("customer", "name")], {}),
        ([], {"stream_maps": {"invoices": {"total": "total"}}}),
        ([], {"stream_maps": {"invoice_lines": None}}),
        ([], {"flattening_enabled": True, "flattening_max_depth": 1}),
        ([], {"emit_activate_version_messages": True}),
    ],
)
def test_where_more_is_asked_for_the_general_path_is_taken(
    deselected: list[tuple[str, ...]],
    config: dict[str, Any],
) -> None:
    _, quick = writers(catalog([WHOLE], *deselected), **config)
    assert quick is None


@pytest.mark.parametrize("deselected", [("total",), ("customer",), (EXTRA,)])
def test_a_deselected_column_keeps_the_fast_path_and_is_absent(deselected: tuple[str]) -> None:
    general, quick = writers(catalog([WHOLE], deselected))
    invoices = listed([WHOLE, WHOLE.replace('"total"', '"new": 1, "total"')])
    expected = written(general, invoices)
    assert written(quick, invoices) == expected
    assert all(deselected[0] not in record for _, record in expected[1:])


def test_a_column_that_msgspec_cannot_name_takes_the_general_path() -> None:
    general, quick = writers(catalog([WHOLE.replace('"paid"', '"pa\\"id"')]))
    assert quick is None
    assert written(general, listed([WHOLE]))


def test_the_own_columns_are_those_of_the_schema() -> None:
    _, quick = writers(catalog([WHOLE]))
    (_, (_, invoice), (_, line), _) = written(quick, listed([WHOLE], non_booked=True))
    assert invoice.keys() >= OWN["invoices"].keys()
    assert line.keys() >= OWN["invoice_lines"].keys()
    assert invoice["non_booked"] is True
