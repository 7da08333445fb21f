"""`GET /v10/invoices/export`: the query as Laravel and Bruno 7 read it, and the list."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import filters, php_query
from sandbox.errors import invalid, server_error
from sandbox.filters import parse_time
from sandbox.list_cache import ListKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.behaviour import Behaviour
    from sandbox.store import Store

SORT_KEYS = ("id", *filters.KEYS)

_AT_ONCE = 256  # invoices that are written before other requests get their turn
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE)
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)")


@dataclass(frozen=True)
class Query:
    """Which list is requested, and which part of it.

    Attributes:
        key: The list.
        lines: Whether lines are included.
        limit: Invoices at most; None for no limit.
        page: The number of the page, from 0; 0 where none is given.
        start: The offset, if one is given; it wins over the page.
    """

    key: ListKey
    lines: bool
    limit: int | None
    page: int
    start: int | None


def parse(pairs: list[tuple[str, str]], behaviour: Behaviour) -> Query:
    """Read a query; parameters that are not known are ignored.

    Raises:
        ApiError: 422 for what the endpoint validates, 500 for what Bruno cannot take.
    """
    query = php_query.parse(pairs, behaviour.max_input_vars)
    given = {name: value for name, value in query.items() if value != ""}  # empty means null
    system_id = _system(given, behaviour)
    since = _since(given.get("not_exported_since")) - 3600 * float(behaviour.utc_offset_hours)
    drafts = _flag(given, "include_non_booked")
    lines = _includes_lines(given.get("includes", {}))
    sort = _sort(given.get("sort", {}))
    groups = filters.parse_groups(given.get("filter_groups", {}))
    key = ListKey(
        system_id,
        since,
        drafts,
        groups if behaviour.filters == "honoured" else (),
        sort if behaviour.sort == "honoured" else (),
    )
    return Query(key, lines, *_part(given, behaviour))


def select(store: Store, query: Query) -> list[int]:
    """Return the ids of the requested part."""
    behaviour = store.behaviour
    ids = store.list_ids(query.key)
    if behaviour.repeats != 1:
        ids = [row for row in ids for _ in range(_repeats(store, row))]
    if behaviour.paging == "ignored":
        return ids[:]
    if behaviour.empty_page == query.page and query.limit:
        return []
    limit, start = query.limit, query.start
    if behaviour.cap is not None:
        limit = behaviour.cap if limit is None else min(limit, behaviour.cap)
    if start is None or behaviour.paging == "page only":
        start = query.page * (limit or 0)
    if limit is None or behaviour.paging == "limit ignored":
        return ids[start:]
    return ids[start : start + limit]


def write(store: Store, ids: list[int], *, lines: bool) -> Iterator[bytes]:
    """Write a response's body, piece by piece."""
    shape = store.behaviour.invoices
    if shape in _WITHOUT_INVOICES:
        yield _WITHOUT_INVOICES[shape]
        return
    begin, end = _ENVELOPES[shape if ids else "array"]
    line_shape = store.behaviour.lines if lines else "missing"
    yield begin
    for at in range(0, len(ids), _AT_ONCE):
        encoded = [
            store.invoice_json(invoice_id, line_shape) for invoice_id in ids[at : at + _AT_ONCE]
        ]
        if shape == "object":
            encoded = [_member(at + index, invoice) for index, invoice in enumerate(encoded)]
        piece = b",".join(encoded)
        yield b"," + piece if at else piece
    yield end


_ENVELOPES = {
    "array": (b'{"invoices":[', b"]}"),
    "object": (b'{"invoices":{', b"}}"),
    "data": (b'{"invoices":{"data":[', b"]}}"),
}
_WITHOUT_INVOICES = {
    "null": b'{"invoices":null}',
    "string": b'{"invoices":"Array"}',
    "missing": b"{}",
}


def _member(index: int, invoice: bytes) -> bytes:
    return b'"%d":%b' % (3 * index + 1, invoice)  # a filtered collection keeps its old indexes


def _repeats(store: Store, invoice_id: int) -> int:
    repeats = store.behaviour.repeats
    return repeats if isinstance(repeats, int) else max(store.line_count(invoice_id), 1)


def _system(query: dict[str, Any], behaviour: Behaviour) -> str:
    system_id = query.get("system_id")
    if not isinstance(system_id, str):
        raise invalid("system_id", "The system id field is required.")
    if behaviour.systems is not None and system_id not in behaviour.systems:
        raise invalid("system_id", "The selected system id is invalid.")
    return system_id


def _since(text: Any) -> float:
    if text is None:
        return math.inf
    try:
        return parse_time(text)
    except (TypeError, ValueError):
        raise invalid("not_exported_since", "The not exported since is not a valid date.") from None


def _flag(query: dict[str, Any], name: str) -> bool:
    value = query.get(name, "0")
    if value not in ("0", "1"):
        raise invalid(name, "The include non booked field must be 0 or 1.")
    return bool(value == "1")


def _includes_lines(includes: Any) -> bool:
    if not isinstance(includes, dict) or any(include != "lines" for include in includes.values()):
        raise server_error()
    return bool(includes)


def _sort(sort: Any) -> tuple[tuple[str, bool], ...]:
    """Read the sort keys, each with whether it descends: whatever is not `asc` does."""
    if not isinstance(sort, dict):
        raise server_error()
    keys = []
    for rule in sort.values():
        if not isinstance(rule, dict) or rule.get("key") not in SORT_KEYS:
            raise server_error()
        keys.append((rule["key"], str(rule.get("direction", "asc")).lower() != "asc"))
    return tuple(keys)


def _part(query: dict[str, Any], behaviour: Behaviour) -> tuple[int | None, int, int | None]:
    """Read `limit`, `page` and `start`."""
    limit, page, start = (query.get(name) for name in ("limit", "page", "start"))
    if any(isinstance(value, dict) for value in (limit, page, start)):
        raise server_error()
    if limit is not None and behaviour.refusal == 422:
        raise invalid("limit", "The limit field is prohibited.")
    if limit is not None and behaviour.refusal == 500:
        raise server_error()
    if behaviour.paging == "page only":
        start = None
    if behaviour.paging in ("honoured", "page only"):
        _check_offset(limit, page, start, behaviour.database)
    return _limit(limit), max(_integer(page), 0), None if start is None else max(_integer(start), 0)


def _check_offset(limit: str | None, page: str | None, start: str | None, database: str) -> None:
    """Raise what makes an exception: `page` alone, no number to multiply, invalid SQL."""
    if page is not None and limit is None:
        raise server_error()
    if page is not None and start is None and not (_is_number(page) and _is_number(limit or "")):
        raise server_error()
    has_offset = start is not None or page is not None
    if has_offset and _limit(limit) is None and database == "mysql":
        raise server_error()


def _limit(text: str | None) -> int | None:
    """Read a limit as Laravel does: a negative one is none, and text that is no number is 0."""
    if text is None:
        return None
    is_negative = float(text) < 0 if _is_number(text) else text < "0"
    return None if is_negative else _integer(text)


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _integer(text: str | None) -> int:
    """Cast to an integer as PHP does: by the leading digits, 0 if there are none."""
    match = _LEADING_INTEGER.match(text or "")
    return int(match[1]) if match else 0
