"""`filter_groups` as the query package Bruno 7 reads them: every mistake is a 500."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox import php_query
from sandbox.errors import server_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Comparison = Callable[[float, float], bool]

KEYS = ("created_at", "updated_at")

OPERATORS: dict[str, Comparison] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}

# Bruno turns the sign of `gt` and `lt` round, so that neither half has the boundary.
_NEGATED: dict[str, Comparison] = {
    "eq": operator.ne,
    "gt": operator.lt,
    "gte": operator.lt,
    "lt": operator.gt,
    "lte": operator.gt,
}

_NOT_IN_THE_SANDBOX = ("ct", "sw", "ew", "in", "bt")


@dataclass(frozen=True)
class Filter:
    """One comparison of a time with a value, in seconds of the epoch."""

    key: str
    operator: str
    value: float
    negated: bool

    def holds(self, times: tuple[float | None, float | None]) -> bool:
        """Return whether it holds; a missing time matches nothing, as in SQL."""
        time = times[KEYS.index(self.key)]
        comparisons = _NEGATED if self.negated else OPERATORS
        return time is not None and comparisons[self.operator](time, self.value)


@dataclass(frozen=True)
class Group:
    """Filters joined by AND, or by OR."""

    filters: tuple[Filter, ...]
    any_of: bool

    def holds(self, times: tuple[float | None, float | None]) -> bool:
        """Return whether it holds for an invoice's times."""
        join = any if self.any_of else all
        return join(condition.holds(times) for condition in self.filters)


def parse_time(text: str) -> float:
    """Read a time, in UTC where it has no zone.

    Raises:
        ValueError: It is not a time in ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def groups(pairs: Iterable[tuple[str, str]]) -> tuple[Group, ...]:
    """Read the groups of a query, given as pairs of names and values.

    Raises:
        ApiError: One of them is malformed.
    """
    return parse_groups(php_query.parse(pairs).get("filter_groups", {}))


def parse_groups(filter_groups: Any) -> tuple[Group, ...]:
    """Read the groups from the query's array.

    Raises:
        ApiError: One of them is malformed.
    """
    return tuple(_group(_array(group)) for group in _array(filter_groups).values())


def _group(group: dict[str, Any]) -> Group:
    filters = _array(group.get("filters")).values()
    return Group(tuple(_filter(_array(parts)) for parts in filters), group.get("or") == "true")


def _filter(parts: dict[str, Any]) -> Filter:
    try:
        key, operator_name, value = parts["key"], parts["operator"], parse_time(parts["value"])
    except (KeyError, TypeError, ValueError):
        raise server_error() from None
    if key not in KEYS or operator_name in _NOT_IN_THE_SANDBOX:
        raise server_error()
    known = operator_name if operator_name in OPERATORS else "eq"  # as Bruno does
    return Filter(key, known, value, _is_true(parts.get("not", "false")))


def _array(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise server_error()
    return value


def _is_true(value: Any) -> bool:
    """Return whether PHP takes a value for true, after Bruno has read `true` and `false`."""
    return value not in ("false", "0", "")
