"""Invoice ids and the draft flag, in the forms in which warehouses give them back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_invoices_ack._shared.response import MAX_ID
from target_invoices_ack.input.messages import NON_BOOKED

if TYPE_CHECKING:
    from collections.abc import Mapping

_INTEGER = re.compile(r"([+-]?[0-9]{1,19})(?:\.0*)?")
_MAX_EXACT = 2**53  # beyond it, a float no longer stands for a single integer
_KINDS: dict[type, str] = {str: "text", list: "a list"}
_FALSE = {"", "0", "f", "false", "n", "no", "null"}


def parse_invoice_id(value: object, name: str) -> int:
    """Parse an id: an integer, a number without a fraction, or either as text.

    Args:
        value: What a record holds.
        name: The property that holds it.

    Raises:
        ValueError: It is anything else; the text says what. Only numbers are repeated: any
            other value could be a customer's data.
    """
    match value:
        case bool():
            found = "true or false"
        case int() if abs(value) <= MAX_ID:
            return value
        case float() if value.is_integer() and abs(value) <= _MAX_EXACT:
            return int(value)
        case int():
            found = "a larger number"
        case float():
            found = f"the number {value!r}"
        case str() if (match := _INTEGER.fullmatch(value.strip())) and _fits(match[1]):
            return int(match[1])
        case None:
            found = "null"
        case _:
            found = _KINDS.get(type(value), "an object")
    raise ValueError(f"its {name!r} is {found}, not a 64-bit integer")


def _fits(digits: str) -> bool:
    return abs(int(digits)) <= MAX_ID


def is_draft(record: Mapping[str, Any]) -> bool:
    """Whether a record is flagged as a draft, whatever the case of the column's name."""
    return any(is_true(record[name]) for name in record if name.lower() == NON_BOOKED)


def is_true(flag: object) -> bool:
    """Whether a flag is set; not every database has a type for true and false.

    What is not known to mean no means yes: a draft that is marked does harm, an invoice that
    stays pending does not.
    """
    if isinstance(flag, str):
        return flag.strip().lower() not in _FALSE
    return bool(flag)
