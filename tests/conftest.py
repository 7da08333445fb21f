"""What all tests share: one database server for a worker, and which of them are slow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from demo.postgres import Postgres
from helpers.run import warm_starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# What is installed for a test runs a few times: to compile what it runs, as it first runs, takes a
# fraction of the time that it takes to compile all of it.
os.environ.pop("UV_COMPILE_BYTECODE", None)
os.environ["PIP_NO_COMPILE"] = "1"

settings.register_profile("any machine", deadline=None)  # however busy it is
settings.load_profile("any machine")
settings.register_profile("fast", deadline=None, max_examples=20)
FAST = "not slow"
"""The tests that `run.py test --fast` asks for."""

STARTS_PROGRAMS = {"account", "api", "own_sandbox", "sandbox", "service", "tap"}
"""Fixtures that start programs. A test that needs one is slow, except the first of each file."""


@pytest.fixture(scope="session", autouse=True)
def _warm_starts() -> Iterator[None]:
    """The programs' dependencies are imported once, not in each of a thousand runs."""
    with warm_starts():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def postgres(postgres_server: Postgres) -> Postgres:
    """A PostgreSQL server with an empty database."""
    return postgres_server.with_new_database()


def pytest_configure(config: pytest.Config) -> None:
    """Let properties be tried with fewer examples by `run.py test --fast`."""
    if config.option.markexpr == FAST:
        settings.load_profile("fast")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark as slow what `run.py test --fast` leaves out, beside what is marked already."""
    seen: set[Path] = set()
    for item in items:
        starts_programs = STARTS_PROGRAMS.intersection(getattr(item, "fixturenames", ()))
        if "e2e" in item.path.parts or (starts_programs and item.path in seen):
            item.add_marker(pytest.mark.slow)
        elif starts_programs:
            seen.add(item.path)
