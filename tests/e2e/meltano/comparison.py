"""Comparing what is loaded with what the API holds, field by field and digit by digit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_OF_THE_LOADER = "_sdc_"
_OF_THE_TAP = {"_extra", "non_booked"}
_NOTHING = object()


def differences(sent: dict[str, Any], row: dict[str, Any]) -> list[str]:
    """Return what differs between a record of the API and its row.

    A field is in the column of its name or, where that is empty, in `_extra`. What is in
    neither, and what is in the row but was never sent, is a difference too.
    """
    extra = row["_extra"] or {}
    found = [
        f"{name}: sent {value!r}, loaded {_found(name, row, extra)!r}"
        for name, value in sent.items()
        if not _equal(value, _found(name, row, extra))
    ]
    return found + [f"{name}: never sent" for name in _unknown(sent, row, extra)]


def _found(name: str, row: dict[str, Any], extra: dict[str, Any]) -> Any:
    in_column = row.get(name)
    return extra.get(name) if in_column is None else in_column


def _unknown(sent: dict[str, Any], row: dict[str, Any], extra: dict[str, Any]) -> Iterable[str]:
    filled = [name for name, value in row.items() if value is not None]
    ours = (name for name in filled if not name.startswith(_OF_THE_LOADER))
    return sorted((set(ours) - _OF_THE_TAP | set(extra)) - set(sent))


def _equal(sent: Any, loaded: Any) -> bool:
    match sent, loaded:
        case dict(), dict():
            same = (_equal(value, loaded.get(name, _NOTHING)) for name, value in sent.items())
            return sent.keys() == loaded.keys() and all(same)
        case list(), list():
            return len(sent) == len(loaded) and all(map(_equal, sent, loaded))
        case bool(), _:
            return sent is loaded
        case int() | Decimal(), int() | Decimal():
            return sent == loaded
        case str(), _:
            text = loaded.isoformat() if type(loaded) is date else loaded
            return sent == text or _moment(sent) == _moment(loaded) is not None
        case _:
            return sent is None and loaded is None


def _moment(value: Any) -> datetime | None:
    """Read a time, in UTC where it has no zone, from the API, JSON or a column."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
