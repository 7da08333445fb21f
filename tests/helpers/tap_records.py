"""Records without a process: what the tap writes for invoices, given as JSON."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_invoices._shared.response import (
    RawInvoice,
    UndeliverableInvoice,
    decode_json,
    parse_listing,
)
from tap_invoices.discovery import learn_schema, sample_lines
from tap_invoices.tap import TapInvoices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_invoices.records.stream_output import RecordWriter, StreamOutput

CONFIG = {"access_token": "token", "system_id": "warehouse", "api_url": "http://127.0.0.1:9"}

Schemas = dict[str, dict[str, Any]]


def discovered(sample: Iterable[str]) -> Schemas:
    """Return the schemas that discovery learns from invoices."""
    invoices = [decode_json(text.encode()) for text in sample]
    return {
        "invoices": learn_schema("invoices", invoices),
        "invoice_lines": learn_schema("invoice_lines", sample_lines(invoices)),
    }


def catalog(schemas: Schemas, *deselected: tuple[str, ...]) -> dict[str, Any]:
    """Return a catalog with everything selected but some paths, of both streams."""
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


def make_tap(schemas: Schemas, *deselected: tuple[str, ...], **config: Any) -> TapInvoices:
    """Return a tap with this catalog."""
    return TapInvoices(config=CONFIG | config, catalog=catalog(schemas, *deselected))


def outputs(tap: TapInvoices) -> tuple[StreamOutput, StreamOutput]:
    """Return both streams as their writers see them."""
    invoices: Any = tap.streams["invoices"]
    lines: Any = tap.streams["invoice_lines"]
    return invoices.output(), lines.output()


def listed(*texts: str, non_booked: bool = False) -> list[RawInvoice]:
    """Return invoices as a listing has them."""
    rows = parse_listing(f'{{"invoices": [{", ".join(texts)}]}}'.encode())
    found = [row for row in rows if isinstance(row, RawInvoice)]
    assert len(found) == len(texts), rows
    return [RawInvoice(row.id, row.raw, non_booked) for row in found]


def decoded(text: str) -> Any:
    """Decode JSON; numbers are decimals."""
    return json.loads(text, parse_float=Decimal)


def written(writer: RecordWriter, invoices: list[RawInvoice]) -> tuple[list[Any], list[Any]]:
    """Return the outcome of each invoice, and stream and record of each message.

    The reasons of what cannot be delivered are left out.
    """
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(out):
        outcomes = writer.write(invoices)
        writer.flush(force=True)
    out.seek(0)
    messages = [decoded(line) for line in out]
    assert all(each["type"] == "RECORD" and each["time_extracted"] for each in messages)
    return (
        ["no" if isinstance(each, UndeliverableInvoice) else each for each in outcomes],
        [(each["stream"], each["record"]) for each in messages],
    )
