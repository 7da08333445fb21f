"""`filter_groups` and listings in the query syntax of the service, that of Bruno.

Bruno (https://github.com/esbenp/bruno) is the Laravel package that parses it. What its
versions do was measured: see `docs/export-api.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

KEYS = ("created_at", "updated_at")
"""The only fields that the export API filters."""

OPERATORS = ("eq", "gt", "gte", "lt", "lte")

_NEGATED = {"gt": "lte", "lt": "gte"}
"""Bruno turns `not gt` into `<` and `not lt` into `>`: what is meant has an operator of its own."""

MAX_QUERY_VARIABLES = 900
"""PHP drops variables beyond `max_input_vars`, 1,000 by default, without an error."""


def filter_errors(groups: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Describe filters that cannot be sent completely; their form is checked by the schema."""
    is_valid = True
    for number, group in enumerate(groups):
        if not group["filters"]:
            yield f"filter_groups[{number}].filters is empty; the API answers 500 to that"
        for index, each in enumerate(group["filters"]):
            if problem := times.invalid_time(each["value"]):
                yield f"filter_groups[{number}].filters[{index}].value is {problem}"
                is_valid = False
    if is_valid and (count := sum(1 for _ in filters_to_query(groups))) > MAX_QUERY_VARIABLES:
        yield (
            f"filter_groups takes {count} query parameters, and the service's PHP drops those "
            f"beyond 1,000 without an error; at most {MAX_QUERY_VARIABLES} are sent "
            "(a filter takes 3 or 4)"
        )


def created_between(first: str | datetime, last: str | datetime | None = None) -> dict[str, Any]:
    """Return the filter group for invoices created at or after a time.

    Args:
        first: The time.
        last: If given, the group is for invoices created at or before this time too.
    """
    bounds = (("gte", first), ("lte", last))
    return {
        "filters": [
            {"key": "created_at", "operator": operator, "value": _as_bookmark(time)}
            for operator, time in bounds
            if time is not None
        ]
    }


def _as_bookmark(time: str | datetime) -> str:
    return time if isinstance(time, str) else times.format_bookmark(time)


def filters_to_query(groups: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Format groups as query parameters.

    Groups are joined by AND; filters in a group by AND, or by OR if `or` is true.
    Times without a zone are UTC.
    """
    for number, group in enumerate(groups):
        if group.get("or"):
            yield f"filter_groups[{number}][or]", "true"
        for index, each in enumerate(group["filters"]):
            operator, is_negated = each["operator"], bool(each.get("not"))
            if is_negated and operator in _NEGATED:
                operator, is_negated = _NEGATED[operator], False
            name = f"filter_groups[{number}][filters][{index}]"
            yield f"{name}[key]", each["key"]
            yield f"{name}[operator]", operator
            yield f"{name}[value]", times.format_for_api(each["value"])
            if is_negated:
                yield f"{name}[not]", "true"
