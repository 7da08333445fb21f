"""`filter_groups` as Bruno reads them, checked as strictly as the service would."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FILTER = re.compile(r"filter_groups\[(\d+)\]\[filters\]\[(\d+)\]\[(key|operator|value|not)\]")
_OR = re.compile(r"filter_groups\[(\d+)\]\[or\]")
_TRUE, _FALSE = {"true", "1"}, {"false", "0"}

KEYS = ("created_at", "updated_at")

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


@dataclass(frozen=True)
class Filter:
    """One comparison of a time with a value, in seconds of the epoch."""

    key: str
    operator: str
    value: float
    negated: bool

    def holds(self, times: tuple[float | None, float | None]) -> bool:
        """Whether it holds; a time that is not there fits nothing, as in SQL."""
        time = times[KEYS.index(self.key)]
        return time is not None and OPERATORS[self.operator](time, self.value) != self.negated


@dataclass(frozen=True)
class Group:
    """Filters joined by AND, or by OR."""

    filters: tuple[Filter, ...]
    any_of: bool

    def holds(self, times: tuple[float | None, float | None]) -> bool:
        """Whether it holds for an invoice's times."""
        join = any if self.any_of else all
        return join(each.holds(times) for each in self.filters)


def parse_time(text: str) -> float:
    """Read a time, in UTC where it has no zone.

    Raises:
        ValueError: It is none.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def groups(pairs: Iterable[tuple[str, str]]) -> tuple[Group, ...]:
    """Read the groups of a query.

    Raises:
        RefusalError: One of them is malformed.
    """
    filters: dict[int, dict[int, dict[str, str]]] = {}
    any_of: dict[int, bool] = {}
    for name, value in pairs:
        if match := _FILTER.fullmatch(name):
            group = filters.setdefault(int(match[1]), {})
            group.setdefault(int(match[2]), {})[match[3]] = value
        elif match := _OR.fullmatch(name):
            any_of[int(match[1])] = _flag(f"filter_groups.{match[1]}.or", value)
        elif name.startswith("filter_groups"):
            raise invalid(name, "The filter is malformed.")
    if empty := any_of.keys() - filters.keys():
        raise invalid(f"filter_groups.{min(empty)}.filters", "The filters field is required.")
    return tuple(
        Group(
            tuple(
                _filter(f"filter_groups.{number}.filters.{index}", each)
                for index, each in sorted(group.items())
            ),
            any_of.get(number, False),
        )
        for number, group in sorted(filters.items())
    )


def _filter(where: str, parts: dict[str, str]) -> Filter:
    if parts.get("key") not in KEYS:
        raise invalid(f"{where}.key", "Only created_at and updated_at can be filtered.")
    if parts.get("operator") not in OPERATORS:
        raise invalid(f"{where}.operator", "The operator is not known.")
    try:
        value = parse_time(parts.get("value", ""))
    except ValueError:
        raise invalid(f"{where}.value", "The value is not a valid date.") from None
    negated = _flag(f"{where}.not", parts.get("not", "false"))
    return Filter(parts["key"], parts["operator"], value, negated)


def _flag(where: str, value: str) -> bool:
    if value not in _TRUE | _FALSE:
        raise invalid(where, "The value must be true or false.")
    return value in _TRUE
