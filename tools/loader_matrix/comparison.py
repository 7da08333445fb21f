"""Comparing a loaded row with what the API holds, whatever the form it was stored in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_YES = {"true", "t", "1"}
_NO = {"false", "f", "0", ""}


def differing(sent: dict[str, Any], row: dict[str, Any]) -> set[str]:
    """Return the paths of values that are not in a row as they were sent, nor in its `_extra`.

    Args:
        sent: The API's record.
        row: The stored row; `customer__name` there is the same as an object `customer`.
    """
    nested = _nested(row)
    extra = extra_of(nested)
    return set(_differing("", sent, nested, _nested(extra) if isinstance(extra, dict) else {}))


def extra_of(row: dict[str, Any]) -> Any:
    """Return what a row holds in `_extra`, whose name some loaders change; None for nothing."""
    for name, value in row.items():
        if name.strip("_").lower() == "extra":
            return _decoded(value)
    return None


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for column, value in row.items():
        first, *rest = column.split("__") if not column.startswith("_") else [column]
        place, name = nested, first
        for part in rest:
            inner = place.setdefault(name, {})
            place, name = inner if isinstance(inner, dict) else {}, part
        place[name] = value
    return nested


def _differing(path: str, sent: Any, found: Any, extra: Any) -> list[str]:
    if _is_same(sent, found) or _is_same(sent, extra):
        return []
    decoded = _decoded(found)
    if not isinstance(sent, dict) or not isinstance(decoded, dict):
        return [path.lstrip(".")]
    more = extra if isinstance(extra, dict) else {}
    return [
        each
        for name, value in sent.items()
        for each in _differing(f"{path}.{name}", value, decoded.get(name), more.get(name))
    ]


def _is_same(sent: Any, found: Any) -> bool:
    match sent:
        case None:
            return found in (None, "")
        case bool():
            return str(found).lower() in (_YES if sent else _NO)
        case int() | Decimal():
            return _number(found) == sent
        case str():
            return bool(sent == found) or (_time(sent) or sent) == _time(found)
        case dict() | list():
            return _is_same_inside(sent, _decoded(found))
    return False


def _is_same_inside(sent: Any, found: Any) -> bool:
    match sent, found:
        case dict(), dict():
            return all(_is_same(each, found.get(name)) for name, each in sent.items())
        case list(), list():
            return len(sent) == len(found) and all(map(_is_same, sent, found))
        case dict(), None:  # an object without anything in it, flattened
            return not sent
    return False


def _number(found: Any) -> Decimal | None:
    try:
        return Decimal(str(found))
    except InvalidOperation:
        return None


def _time(found: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(found))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _decoded(found: Any) -> Any:
    if not isinstance(found, str):
        return found
    try:
        return json.loads(found, parse_float=Decimal)
    except ValueError:
        return None
