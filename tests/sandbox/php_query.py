"""The query string as PHP reads it: brackets make arrays, and too many variables are dropped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_INPUT_VARS = 1000
"""PHP's default; it drops every variable after these without an error."""

_NAME = re.compile(r"([^\[]+)((?:\[[^\]]*\])*)")
_KEY = re.compile(r"\[([^\]]*)\]")


def parse(pairs: Iterable[tuple[str, str]], most: int = MAX_INPUT_VARS) -> dict[str, Any]:
    """Read a query.

    Args:
        pairs: Names and values, decoded, in order.
        most: How many variables are read.

    Returns:
        Values by name; an array is a dictionary whose keys are text.
    """
    query: dict[str, Any] = {}
    for name, value in list(pairs)[:most]:
        if match := _NAME.match(name):
            _insert(query, [match[1], *_KEY.findall(match[2])], value)
    return query


def _insert(array: dict[str, Any], keys: list[str], value: str) -> None:
    *path, last = keys
    for key in path:
        key = key or _next_index(array)  # noqa: PLW2901 - `[]` appends
        if not isinstance(array.get(key), dict):
            array[key] = {}
        array = array[key]
    array[last or _next_index(array)] = value


def _next_index(array: dict[str, Any]) -> str:
    return str(max((int(key) + 1 for key in array if key.isdecimal()), default=0))
