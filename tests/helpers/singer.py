"""Singer messages as a tap writes them, for tests of what reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LINES_EACH = 2
"""Lines of an invoice, where a test does not say."""


def message(kind: str, **content: Any) -> bytes:
    """Return one message as a line."""
    return json.dumps({"type": kind, **content}).encode() + b"\n"


def schema(*streams: str) -> bytes:
    """Return the SCHEMA of these streams, of `invoices` and `invoice_lines` if none is named."""
    return b"".join(
        message(
            "SCHEMA",
            stream=stream,
            schema={"properties": {"id": {"type": ["null", "integer"]}}},
            key_properties=["id"],
        )
        for stream in streams or ("invoices", "invoice_lines")
    )


def record(record_id: Any, /, *, stream: str = "invoices", **fields: Any) -> bytes:
    """Return a RECORD, of an invoice unless a stream is named."""
    return message("RECORD", stream=stream, record={"id": record_id, **fields})


def line(line_id: int, invoice_id: int) -> bytes:
    """Return the RECORD of an invoice's line."""
    return record(line_id, stream="invoice_lines", invoice_id=invoice_id)


def invoice(invoice_id: int, *, lines: int = LINES_EACH, **fields: Any) -> bytes:
    """Return an invoice's RECORD with those of its lines behind it."""
    return record(invoice_id, **fields) + b"".join(
        line(invoice_id * 1000 + number, invoice_id) for number in range(lines)
    )


def value(invoices: int, lines: int | None = None) -> dict[str, Any]:
    """Return the value of a STATE: how far each of the two streams has come."""
    return {
        "bookmarks": {
            "invoices": {"replication_key_value": invoices},
            "invoice_lines": {"replication_key_value": invoices if lines is None else lines},
        },
    }


def state(invoices: int, lines: int | None = None) -> bytes:
    """Return a STATE message: how far each of the two streams has come."""
    return message("STATE", value=value(invoices, lines))


def pages(*groups: Iterable[int], **fields: Any) -> bytes:
    """Return all of a tap's output: SCHEMAs, and for each group its invoices and a STATE.

    The STATEs are numbered from 1.
    """
    return schema() + b"".join(
        b"".join(invoice(each, **fields) for each in group) + state(number)
        for number, group in enumerate(groups, 1)
    )


def merge_states(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Merge states as Meltano does after a partial run: objects key by key, all else replaced."""
    both = {
        name: merge_states(old[name], value)
        for name, value in new.items()
        if isinstance(value, dict) and isinstance(old.get(name), dict)
    }
    return {**old, **new, **both}


def assert_states_are_true(output: bytes) -> None:
    """Assert that every line is a message, and no STATE claims what does not stand before it."""
    assert output.endswith(b"\n")
    seen: set[int] = set()
    for line in output.splitlines():
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "RECORD" and message["stream"] == "invoices":
            seen.add(message["record"]["id"])
        if message["type"] == "STATE":
            assert delivered_ids(message["value"]) <= seen


def delivered_ids(state: Mapping[str, Any]) -> set[int]:
    """Return the invoices that a STATE of `tap-invoices` claims as delivered."""
    _, text = state["bookmarks"]["invoices"]["delivered"]
    ends = [[int(each) for each in part.split("..")] for part in text.split()]
    return {each for first, *last in ends for each in range(first, (last or [first])[0] + 1)}
