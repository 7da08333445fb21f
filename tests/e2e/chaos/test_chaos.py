"""Short chaos runs, and the checks that they rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.chaos import invariants
from e2e.chaos.chaos import ChaosRun
from e2e.chaos.delivery_stores import Postgresql, Sqlite
from e2e.chaos.scenario import decide
from helpers.singer import merge_states
from helpers.warehouses import PostgresWarehouse
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.postgres import Postgres

pytestmark = pytest.mark.timeout(1200)  # many whole runs, on a machine that may be busy

LINES = {1: frozenset({11, 12})}
DURABLE = {("invoices", 1): 5.0, ("invoice_lines", 11): 6.0, ("invoice_lines", 12): 7.0}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=20, drafts=2) as sandbox:
        yield sandbox


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_every_invoice_is_loaded_and_marked_whatever_is_killed(
    sandbox: Sandbox, tmp_path: Path, seed: int
) -> None:
    chaos = ChaosRun(tmp_path, sandbox, Sqlite(tmp_path), seed)
    told = [chaos.round(number) for number in range(1, 5)]
    chaos.end()
    assert not chaos.found, told
    assert len(sandbox.marked()) >= sandbox.state()["booked"]


def test_it_holds_with_target_postgres_and_a_database(
    sandbox: Sandbox, tmp_path: Path, postgres: Postgres
) -> None:
    tables = PostgresWarehouse(tmp_path, postgres)
    tables.load(sandbox)
    chaos = ChaosRun(tmp_path, sandbox, Postgresql(tables), seed=14)
    told = [chaos.round(number) for number in range(1, 3)]
    chaos.end()
    assert not chaos.found, told


def test_a_seed_decides_a_round() -> None:
    first, second = decide(5, 3), decide(5, 3)
    assert first[0] == second[0]
    assert first[1].random() == second[1].random()
    assert first[0] != decide(5, 4)[0]
    assert first[0] != decide(6, 3)[0]


def test_an_invoice_marked_but_not_loaded_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.mark([7], at=1_600_000_000.0)  # in the second of the run, it would be listed
    chaos = ChaosRun(tmp_path, sandbox, Sqlite(tmp_path), seed=1)
    chaos.end()
    assert chaos.found[0] == "at the end: invoice 7 is marked, and 7 of invoices was never durable"
    assert "at the end: invoice 7 is not loaded" in chaos.found


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (4.0, ["1 of invoices", "11 of invoice_lines", "12 of invoice_lines"]),
        (6.5, ["12 of invoice_lines"]),
        (7.0, []),
    ],
)
def test_a_mark_before_the_last_durable_row_is_too_early(at: float, found: list[str]) -> None:
    history = invariants.History(LINES, [(1, at)], {1}, DURABLE)
    told = list(invariants.too_early(history))
    assert len(told) == len(found)
    assert all(what in line for what, line in zip(found, sorted(told), strict=True))
    assert not list(invariants.not_done(history))


def test_rows_not_loaded_and_invoices_not_marked_are_found() -> None:
    history = invariants.History(LINES, [], set(), {("invoices", 1): 5.0})
    assert list(invariants.not_done(history)) == [
        "line 11 of invoice 1 is not loaded",
        "line 12 of invoice 1 is not loaded",
        "invoice 1 is not marked",
    ]


def test_merged_states_keep_keys_and_replace_lists() -> None:
    old = {"bookmarks": {"a": {"x": 1, "ids": [1]}, "b": {"y": 2}}}
    new = {"bookmarks": {"a": {"ids": [2]}}}
    assert merge_states(old, new) == {"bookmarks": {"a": {"x": 1, "ids": [2]}, "b": {"y": 2}}}
