"""`GET /v10/invoices/export`: the query, checked as strictly as the service would."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from sandbox.refusal import invalid
from sandbox.store import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

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
_SORT = re.compile(r"sort\[\d+\]\[(key|direction)\]")
_FILTER = re.compile(r"filter_groups\[(\d+)\]\[filters\]\[(\d+)\]\[(key|operator|value|not)\]")
_OR = re.compile(r"filter_groups\[(\d+)\]\[or\]")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def answer(store: Store, pairs: list[tuple[str, str]], page_number: int) -> list[bytes]:
    """Answer a request.

    Args:
        store: What there is.
        pairs: The query.
        page_number: How many requests of this list came before.

    Returns:
        Invoices as JSON.

    Raises:
        RefusalError: The query is not what the service expects.
    """
    query = dict(pairs)
    for name in query:
        if not (name in _KNOWN or _SORT.fullmatch(name) or name.startswith("filter_groups[")):
            raise invalid(name, f"The parameter {name} is not known.")
    if not query.get("system_id"):
        raise invalid("system_id", "The system id field is required.")
    includes = [value for name, value in pairs if name == "includes[]"]
    if set(includes) - {"lines"}:
        raise invalid("includes", "Only lines can be included.")
    groups = _groups(pairs)
    ids = store.listed(
        query["system_id"],
        _since(store, query.get("not_exported_since")),
        drafts=_flag(query, "include_non_booked"),
        wanted=(lambda invoice: _matches(groups, invoice)) if groups else None,
        filters=repr(groups),
    )
    shown = _window(store, query, ids, page_number)
    return [store.encoded(each, lines=bool(includes)) for each in shown]


def _since(store: Store, text: str | None) -> float:
    if text is None:
        return store.now()
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
    if not value.isdigit() or int(value) < least:
        raise invalid(name, f"The {name} must be an integer of at least {least}.")
    return int(value)


def _window(store: Store, query: dict[str, str], ids: list[int], page_number: int) -> list[int]:
    limit, page = _number(query, "limit", 1), _number(query, "page", 0)
    start = _number(query, "start", 0)
    if page is not None and limit is None:
        raise invalid("page", "Cannot use page without limit.")
    behaviour = store.behaviour
    if behaviour.empty_page is not None and page_number == behaviour.empty_page:
        return []
    if behaviour.paging == "ignored":
        return ids
    if isinstance(behaviour.paging, dict):
        limit = min(limit or behaviour.paging["capped"], behaviour.paging["capped"])
    if start is None or behaviour.paging == "page only":
        start = (page or 0) * (limit or 0)
    return ids[start : start + limit] if limit else ids[start:]


Group = tuple[bool, list[dict[str, str]]]


def _groups(pairs: list[tuple[str, str]]) -> list[Group]:
    filters: dict[int, dict[int, dict[str, str]]] = {}
    ors: dict[int, bool] = {}
    for name, value in pairs:
        if match := _FILTER.fullmatch(name):
            group = filters.setdefault(int(match[1]), {})
            group.setdefault(int(match[2]), {})[match[3]] = value
        elif match := _OR.fullmatch(name):
            ors[int(match[1])] = value in {"true", "1"}
        elif name.startswith("filter_groups"):
            raise invalid(name, "The filter is malformed.")
    for number, group in filters.items():
        for index, each in group.items():
            _check(f"filter_groups.{number}.filters.{index}", each)
    return [(ors.get(number, False), list(group.values())) for number, group in filters.items()]


def _check(where: str, each: dict[str, str]) -> None:
    if each.get("key") not in {"created_at", "updated_at"}:
        raise invalid(f"{where}.key", "Only created_at and updated_at can be filtered.")
    if each.get("operator") not in _OPERATORS:
        raise invalid(f"{where}.operator", "The operator is not known.")
    try:
        parse_time(each.get("value", ""))
    except ValueError:
        raise invalid(f"{where}.value", "The value is not a valid date.") from None


def _matches(groups: list[Group], invoice: dict[str, Any]) -> bool:
    for any_of, filters in groups:
        results = [
            _OPERATORS[each["operator"]](
                parse_time(invoice[each["key"]]), parse_time(each["value"])
            )
            != (each.get("not") in {"true", "1"})
            for each in filters
        ]
        if not (any(results) if any_of else all(results)):
            return False
    return True
