"""Comparing a loaded row with what the API holds, whatever the form it was stored in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_YES = {"true", "t", "1"}
_NO = {"false", "f", "0", ""}


def differing(sent: dict[str, Any], row: dict[str, Any]) -> set[str]:
    """Return the fields that are not in a row as they were sent, nor in its `_extra`."""
    extra = _decoded(row.get("_extra")) or {}
    return {
        name
        for name, value in sent.items()
        if not _same(value, row.get(name)) and not _same(value, extra.get(name))
    }


def _same(sent: Any, found: Any) -> bool:
    match sent:
        case None:
            return found in (None, "")
        case bool():
            return str(found).lower() in (_YES if sent else _NO)
        case int() | Decimal():
            return _number(found) == sent
        case str():
            return bool(sent == found) or (_moment(sent) or sent) == _moment(found)
        case dict() | list():
            return _same_inside(sent, _decoded(found))
    return False


def _same_inside(sent: Any, found: Any) -> bool:
    match sent, found:
        case dict(), dict():
            return all(_same(each, found.get(name)) for name, each in sent.items())
        case list(), list():
            return len(sent) == len(found) and all(map(_same, sent, found))
    return False


def _number(found: Any) -> Decimal | None:
    try:
        return Decimal(str(found))
    except InvalidOperation:
        return None


def _moment(found: Any) -> datetime | None:
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
