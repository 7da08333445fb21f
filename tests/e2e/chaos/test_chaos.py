"""The soak in short, and that it finds what it looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.postgres import Postgres
from e2e.chaos import invariants
from e2e.chaos.chaos import Soak
from e2e.chaos.delivery_stores import Postgresql, Sqlite
from e2e.chaos.scenario import decide
from helpers.singer import merge_states
from helpers.warehouses import PostgresWarehouse
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(1200)  # many whole runs, on a machine that may be busy

LINES = {1: frozenset({11, 12})}
DURABLE = {("invoices", 1): 5.0, ("invoice_lines", 11): 6.0, ("invoice_lines", 12): 7.0}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=20, drafts=2) as sandbox:
        yield sandbox


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_whatever_is_killed_all_is_loaded_and_then_marked(
    sandbox: Sandbox, tmp_path: Path, seed: int
) -> None:
    soak = Soak(tmp_path, sandbox, Sqlite(tmp_path), seed)
    told = [soak.round(number) for number in range(1, 5)]
    soak.end()
    assert not soak.found, told
    assert len(sandbox.marked()) >= sandbox.state()["booked"]


def test_it_holds_for_a_real_loader_and_a_real_database_too(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    with Postgres() as server:
        tables = PostgresWarehouse(tmp_path, server)
        tables.load(sandbox)
        soak = Soak(tmp_path, sandbox, Postgresql(tables), seed=14)
        told = [soak.round(number) for number in range(1, 3)]
        soak.end()
    assert not soak.found, told


def test_a_round_can_be_played_again() -> None:
    first, second = decide(5, 3), decide(5, 3)
    assert first[0] == second[0]
    assert first[1].random() == second[1].random()
    assert first[0] != decide(5, 4)[0]
    assert first[0] != decide(6, 3)[0]


def test_a_soak_finds_an_invoice_that_was_marked_and_not_loaded(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.mark([7])
    soak = Soak(tmp_path, sandbox, Sqlite(tmp_path), seed=1)
    soak.end()
    assert soak.found[0] == "at the end: invoice 7 is marked, and 7 of invoices was never durable"
    assert "at the end: invoice 7 is not loaded" in soak.found


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (4.0, ["1 of invoices", "11 of invoice_lines", "12 of invoice_lines"]),
        (6.5, ["12 of invoice_lines"]),
        (7.0, []),
    ],
)
def test_a_mark_is_too_early_before_the_last_of_invoice_and_lines_is_durable(
    at: float, found: list[str]
) -> None:
    history = invariants.History(LINES, [(1, at)], {1}, DURABLE)
    told = list(invariants.too_early(history))
    assert len(told) == len(found)
    assert all(what in line for what, line in zip(found, sorted(told), strict=True))
    assert not list(invariants.not_done(history))


def test_what_is_not_loaded_or_not_marked_is_not_done() -> None:
    history = invariants.History(LINES, [], set(), {("invoices", 1): 5.0})
    assert list(invariants.not_done(history)) == [
        "line 11 of invoice 1 is not loaded",
        "line 12 of invoice 1 is not loaded",
        "invoice 1 is not marked",
    ]


def test_states_are_merged_key_by_key_and_lists_replaced() -> None:
    old = {"bookmarks": {"a": {"x": 1, "ids": [1]}, "b": {"y": 2}}}
    new = {"bookmarks": {"a": {"ids": [2]}}}
    assert merge_states(old, new) == {"bookmarks": {"a": {"x": 1, "ids": [2]}, "b": {"y": 2}}}
