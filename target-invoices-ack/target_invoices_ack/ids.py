"""Invoice ids and the flag of drafts, in the forms in which warehouses give them back."""

from __future__ import annotations

import re
from typing import Any

from target_invoices_ack.errors import InputError

_INTEGER = re.compile(r"([+-]?\d{1,18})(?:\.0*)?")
_LARGEST = 2**63
_EXACT = 2**53  # beyond it, a float is no longer one integer
_NO = {"", "0", "f", "false", "n", "no", "null"}


def invoice_id(value: Any, name: str) -> int:  # noqa: ANN401 - whatever JSON holds
    """Read an id: an integer, a number without a fraction, or either as text.

    Args:
        value: What a record holds.
        name: The property that holds it.

    Raises:
        InputError: It is anything else. The value itself is not repeated, save for
            numbers: it could be a customer's data.
    """
    found: str | None = None
    match value:
        case bool():
            found = "true or false"
        case int() if abs(value) < _LARGEST:
            return value
        case float() if value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        case float():
            found = f"the number {value!r}"
        case str() if match := _INTEGER.fullmatch(value.strip()):
            return int(match[1])
        case None:
            found = "null"
        case _:
            pass
    what = found or f"a {type(value).__name__}"
    raise InputError(
        f"An invoice's {name!r} is {what}, not an integer: it cannot be marked. "
        "Check stream and id_property.",
    )


def is_draft(flag: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    """Whether `non_booked` says so; not every database has a type for true and false.

    What is not known to mean no means yes: a draft that is marked does harm, an invoice
    that stays pending does not.
    """
    if isinstance(flag, str):
        return flag.strip().lower() not in _NO
    return bool(flag)
