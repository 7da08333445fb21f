"""What all tests share: one database server for a worker, and which of them are slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def postgres(postgres_server: Postgres) -> Postgres:
    """A PostgreSQL server with an empty database."""
    return postgres_server.with_new_database()


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        fixtures: set[str] = set(getattr(item, "fixturenames", ()))
        is_slow = "e2e" in item.path.parts or fixtures & STARTS_PROGRAMS
        if is_slow and not item.get_closest_marker("fast"):
            item.add_marker(pytest.mark.slow)
