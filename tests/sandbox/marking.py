"""`POST /v10/invoices/mark-as-exported`: all of a batch is marked, or none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import ApiError, invalid, validation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.faults import Faults
    from sandbox.store import Store

MOST = 10


def mark(store: Store, body: Any, faults: Faults) -> list[int]:
    """Mark a batch.

    Args:
        store: Where the marks are kept.
        body: The request's JSON.
        faults: Which ids are rejected.

    Returns:
        The ids that were marked.

    Raises:
        ApiError: One of them cannot be marked: nothing is marked.
    """
    batch = body.get("invoices") if isinstance(body, dict) else None
    if not isinstance(batch, list) or not batch:
        raise invalid("invoices", "The invoices field is required.")
    if len(batch) > MOST:
        raise invalid("invoices", f"The invoices may not have more than {MOST} items.")
    errors = {
        f"invoices.{index}.{field}": [text]
        for index, entry in enumerate(batch)
        for field, text in _problems(store, entry)
    }
    if errors:
        raise validation(errors)
    _check_rejections([entry["invoice_id"] for entry in batch], faults)
    if store.behaviour.keep_marks:
        for entry in batch:
            store.mark(entry["invoice_id"], entry["system_id"], entry.get("note"), None)
    return [entry["invoice_id"] for entry in batch]


def _problems(store: Store, entry: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(entry, dict):
        yield "invoice_id", "The invoice must be an object."
        return
    yield from _id_problems(store, entry.get("invoice_id"))
    system_id, note = entry.get("system_id"), entry.get("note")
    systems, most = store.behaviour.systems, store.behaviour.note_limit
    if not isinstance(system_id, str) or not system_id:
        yield "system_id", "The system id field is required."
    elif systems is not None and system_id not in systems:
        yield "system_id", "The selected system id is invalid."
    if not isinstance(note, str | None):
        yield "note", "The note must be a string."
    elif note and most is not None and len(note) > most:
        yield "note", f"The note must not be greater than {most} characters."


def _id_problems(store: Store, invoice_id: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(invoice_id, int) or isinstance(invoice_id, bool):
        yield "invoice_id", "The invoice id must be an integer."
    elif invoice_id not in store.booked:
        yield "invoice_id", "The selected invoice id is invalid."
    elif not store.booked[invoice_id]:
        yield "invoice_id", "The invoice is not booked."


def _check_rejections(ids: list[int], faults: Faults) -> None:
    """Raise the error of the first rejection, which names all ids that have the same one."""
    rejections = {
        index: fault
        for index, invoice_id in enumerate(ids)
        if (fault := faults.rejection(invoice_id))
    }
    if not rejections:
        return
    first, fault = next(iter(rejections.items()))
    status = fault.detail.get("status", 422)
    if status == 404:
        raise ApiError(404, rf"No query results for model [App\Models\Invoice] {ids[first]}")
    if status != 422:
        raise ApiError(status, f"Invoice {ids[first]} cannot be marked as exported.")
    text = "The invoice is locked by an accountant."
    if not fault.detail.get("named", True):
        raise invalid("invoices", text)
    raise validation({f"invoices.{index}.invoice_id": [text] for index in rejections})
