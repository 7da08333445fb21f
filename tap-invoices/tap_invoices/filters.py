"""`filter_groups`: checked by the settings' schema, sent in Bruno's query syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_invoices import times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KEYS = ("created_at", "updated_at")
"""The only fields that the export API filters."""

OPERATORS = ("eq", "gt", "gte", "lt", "lte")


def problems(groups: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Find the values that are no times; the form itself is the settings' schema's."""
    for number, group in enumerate(groups):
        for index, each in enumerate(group["filters"]):
            if problem := times.problem(each["value"]):
                yield f"filter_groups[{number}].filters[{index}].value is {problem}"


def to_query(groups: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Write groups as query parameters.

    Groups are joined by AND; filters in a group by AND, or by OR where `or` is true.
    Times without a zone are UTC.
    """
    for number, group in enumerate(groups):
        if group.get("or"):
            yield f"filter_groups[{number}][or]", "true"
        for index, each in enumerate(group["filters"]):
            name = f"filter_groups[{number}][filters][{index}]"
            yield f"{name}[key]", each["key"]
            yield f"{name}[operator]", each["operator"]
            yield f"{name}[value]", times.to_api(each["value"])
            if each.get("not"):
                yield f"{name}[not]", "true"
