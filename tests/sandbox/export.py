"""`GET /v10/invoices/export`: the query, checked as strictly as the service would."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import filters
from sandbox.filters import parse_time
from sandbox.lists import Wanted
from sandbox.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox.store import Store

_KNOWN = {
    "system_id",
    "not_exported_since",
    "include_non_booked",
    "includes[]",
    "limit",
    "page",
    "start",
}
_SORT = re.compile(r"sort\[(\d+)\]\[(key|direction)\]")
_SORT_KEYS = ("id", *filters.KEYS)
_DIRECTIONS = {"ASC": False, "DESC": True}
_INCLUDES = {"lines"}
_AT_ONCE = 256  # invoices that are written before others get their turn


@dataclass(frozen=True)
class Query:
    """What is asked for: which list, and which part of it."""

    wanted: Wanted
    lines: bool
    limit: int | None
    page: int
    start: int | None


def parse(pairs: list[tuple[str, str]]) -> Query:
    """Read a query.

    Raises:
        RefusalError: It is not what the service expects.
    """
    query = dict(pairs)
    for name in query:
        if not (name in _KNOWN or _SORT.fullmatch(name) or name.startswith("filter_groups[")):
            raise invalid(name, f"The parameter {name} is not known.")
    if not query.get("system_id"):
        raise invalid("system_id", "The system id field is required.")
    includes = {value for name, value in pairs if name == "includes[]"}
    if includes - _INCLUDES:
        raise invalid("includes", "Only lines can be included.")
    limit, page = _number(query, "limit", 1), _number(query, "page", 0)
    if page is not None and limit is None:
        raise invalid("page", "Cannot use page without limit.")
    wanted = Wanted(
        query["system_id"],
        _since(query.get("not_exported_since")),
        _flag(query, "include_non_booked"),
        filters.groups(pairs),
        _sort(query),
    )
    return Query(wanted, bool(includes), limit, page or 0, _number(query, "start", 0))


def select(store: Store, query: Query) -> list[int]:
    """Return the ids of the part that is asked for, by the way in which the service pages."""
    behaviour = store.behaviour
    ids = store.listed(query.wanted)
    if behaviour.empty_page == query.page and query.limit:
        return []
    if behaviour.paging == "ignored":
        return ids[:]
    limit, start = query.limit, query.start
    if isinstance(behaviour.paging, dict):
        limit = min(limit or math.inf, behaviour.paging["capped"])  # type: ignore[assignment]
    if start is None or behaviour.paging == "page only":
        start = query.page * (limit or 0)
    return ids[start : start + limit] if limit else ids[start:]


def write(store: Store, ids: list[int], *, lines: bool) -> Iterator[bytes]:
    """Write an answer, piece by piece."""
    yield b'{"invoices":['
    for at in range(0, len(ids), _AT_ONCE):
        piece = b",".join(store.encoded(each, lines=lines) for each in ids[at : at + _AT_ONCE])
        yield b"," + piece if at else piece
    yield b"]}"


def _since(text: str | None) -> float:
    if text is None:
        return math.inf
    try:
        return parse_time(text)
    except ValueError:
        raise invalid("not_exported_since", "The time is not a valid date.") from None


def _flag(query: dict[str, str], name: str) -> bool:
    value = query.get(name, "0")
    if value not in {"0", "1"}:
        raise invalid(name, "The value must be 0 or 1.")
    return value == "1"


def _number(query: dict[str, str], name: str, least: int) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()) or int(value) < least:
        raise invalid(name, f"The {name} must be an integer of at least {least}.")
    return int(value)


def _sort(query: dict[str, str]) -> tuple[tuple[str, bool], ...]:
    parts: dict[int, dict[str, str]] = {}
    for name, value in query.items():
        if match := _SORT.fullmatch(name):
            parts.setdefault(int(match[1]), {})[match[2]] = value
    return tuple(_sort_keys(parts))


def _sort_keys(parts: dict[int, dict[str, str]]) -> Iterable[tuple[str, bool]]:
    for number, part in sorted(parts.items()):
        direction = part.get("direction", "ASC").upper()
        if part.get("key") not in _SORT_KEYS or direction not in _DIRECTIONS:
            raise invalid(f"sort.{number}", "The sort key or its direction is not known.")
        yield part["key"], _DIRECTIONS[direction]
