"""`POST /v10/invoices/mark-as-exported`: all of a batch, or none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.refusal import RefusalError, invalid

if TYPE_CHECKING:
    from sandbox.store import Store

MOST = 10


def mark(store: Store, body: Any, refused: set[int]) -> list[int]:
    """Mark a batch.

    Args:
        store: Where the marks are kept.
        body: The request's JSON.
        refused: Ids that were told to be refused.

    Returns:
        The ids that were marked.

    Raises:
        RefusalError: One of them is bad: nothing is marked.
    """
    batch = body.get("invoices") if isinstance(body, dict) else None
    if not isinstance(batch, list) or not batch:
        raise invalid("invoices", "The invoices field is required.")
    if len(batch) > MOST:
        raise invalid("invoices", f"The invoices may not have more than {MOST} items.")
    errors = {
        f"invoices.{index}.{field}": [text]
        for index, each in enumerate(batch)
        for field, text in _problems(store, each, refused)
    }
    if errors:
        raise RefusalError(422, "The given data was invalid.", errors)
    for each in batch:
        store.mark(each["invoice_id"], each["system_id"], each.get("note"), None)
    return [each["invoice_id"] for each in batch]


def _problems(store: Store, each: Any, refused: set[int]) -> list[tuple[str, str]]:
    if not isinstance(each, dict):
        return [("invoice_id", "The invoice must be an object.")]
    found = []
    number = each.get("invoice_id")
    if not isinstance(number, int) or isinstance(number, bool):
        found.append(("invoice_id", "The invoice id must be an integer."))
    elif number not in store.booked:
        found.append(("invoice_id", "The selected invoice id is invalid."))
    elif not store.booked[number]:
        found.append(("invoice_id", "The invoice is not booked."))
    elif number in refused:
        found.append(("invoice_id", "The invoice is locked by an accountant."))
    if not isinstance(each.get("system_id"), str) or not each["system_id"]:
        found.append(("system_id", "The system id field is required."))
    if not isinstance(each.get("note"), str | None):
        found.append(("note", "The note must be a string."))
    return found
