"""Which tests are slow: `run.py test --fast` and `pytest -m "not slow"` leave them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

STARTS_PROGRAMS = {
    "account",
    "api",
    "dagster",
    "environment",
    "line",
    "own_sandbox",
    "project",
    "sandbox",
    "service",
    "tap",
}
"""Fixtures that start programs. A test that needs one is slow, unless it is marked `fast`."""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        fixtures: set[str] = set(getattr(item, "fixturenames", ()))
        is_slow = "e2e" in item.path.parts or fixtures & STARTS_PROGRAMS
        if is_slow and not item.get_closest_marker("fast"):
            item.add_marker(pytest.mark.slow)
