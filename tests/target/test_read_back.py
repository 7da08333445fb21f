"""Reading back from real databases: which rows are marked, which are not, and how often."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from helpers import warehouses
from helpers.warehouses import DuckdbWarehouse, PostgresWarehouse
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.postgres import Postgres
    from helpers.run import CompletedRun

pytestmark = pytest.mark.slow

BOOKED = set(range(1, 26))
DRAFTS = {26, 27, 28}


@pytest.fixture(scope="module")
def service() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=len(BOOKED), drafts=len(DRAFTS)) as running:
        yield running


@pytest.fixture(scope="module")
def duckdb(service: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> DuckdbWarehouse:
    warehouse = DuckdbWarehouse(tmp_path_factory.mktemp("duckdb"))
    warehouse.load(service, include_non_booked=True)
    return warehouse


@pytest.fixture(scope="module")
def postgresql(
    service: Sandbox, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> PostgresWarehouse:
    warehouse = PostgresWarehouse(tmp_path_factory.mktemp("postgres"), postgres)
    warehouse.load(service, include_non_booked=True)
    return warehouse


@dataclass(frozen=True)
class Account:
    """A receiving system of its own for a test, and both warehouses to read back from."""

    service: Sandbox
    system_id: str
    request: pytest.FixtureRequest

    def read_back(self, query: str, **settings: Any) -> CompletedRun:
        """Read what a query finds in DuckDB."""
        warehouse: DuckdbWarehouse = self._loaded("duckdb")
        return warehouse.read_back(self.service, query, system_id=self.system_id, **settings)

    def read_back_table(self, *changes: str, **settings: Any) -> CompletedRun:
        """Read PostgreSQL's table of invoices, as it is after some changes."""
        warehouse: PostgresWarehouse = self._loaded("postgresql")
        copy = PostgresWarehouse(warehouse.folder, warehouse.server, schema=self.system_id)
        copy.execute(f"CREATE SCHEMA {copy.schema}")
        copy.execute(f"CREATE TABLE {copy.schema}.invoices AS TABLE {warehouse.schema}.invoices")
        for change in changes:
            copy.execute(change.format(copy.schema))
        return copy.read_back(self.service, system_id=self.system_id, **settings)

    def _loaded(self, name: str) -> Any:
        """Return a warehouse, and keep the requests of the first load out of the log."""
        warehouse = self.request.getfixturevalue(name)
        self.service.clear_log()
        return warehouse

    @property
    def marks(self) -> list[int]:
        """Ids in the order in which they were marked, repeats included."""
        return [mark["invoice_id"] for mark in self.service.marks(self.system_id)]

    def marked_by_requests_that_all_succeeded(self) -> set[int]:
        """Return what was marked; what was asked for and refused would show as a failure."""
        assert {entry["status"] for entry in self.service.log("/mark-as-exported")} <= {200}
        return set(self.marks)

    def requests(self) -> tuple[int, int]:
        """Return how often a list was asked for, and how often a mark, and forget them."""
        found = (len(self.service.log("/export")), len(self.service.log("/mark-as-exported")))
        self.service.clear_log()
        return found


@pytest.fixture
def account(request: pytest.FixtureRequest, service: Sandbox) -> Account:
    service.clear_log()
    return Account(service, f"s{uuid.uuid4().hex[:8]}", request)


def test_what_a_loader_put_into_postgres_is_marked(account: Account) -> None:
    account.read_back_table("DELETE FROM {}.invoices WHERE id <= 3").check()
    assert set(account.marks) == BOOKED - {1, 2, 3}


def test_what_a_loader_put_into_duckdb_is_marked(account: Account) -> None:
    account.read_back("SELECT id, non_booked FROM wh.invoices WHERE id > 3").check()
    assert set(account.marks) == BOOKED - {1, 2, 3}


@pytest.mark.parametrize("kind", ["numeric(20, 2)", "text"])
def test_ids_may_be_decimals_or_text_in_postgres(account: Account, kind: str) -> None:
    account.read_back_table("ALTER TABLE {}.invoices ALTER id TYPE " + kind).check()
    assert set(account.marks) == BOOKED


@pytest.mark.parametrize("form", ["DECIMAL(20, 2)", "DOUBLE", "VARCHAR"])
def test_ids_may_be_decimals_or_text_in_duckdb(account: Account, form: str) -> None:
    account.read_back(f"SELECT id::{form} AS id, non_booked FROM wh.invoices").check()  # noqa: S608 - ours
    assert set(account.marks) == BOOKED


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("'invoice ' || id", "is text"),
        ("id + 0.5", "is the number 7.5"),
        ("NULL", "is null"),
        ("true", "is true or false"),
    ],
)
def test_anything_else_is_refused_by_name(account: Account, form: str, said: str) -> None:
    query = f"SELECT {form} AS key FROM wh.invoices WHERE id = 7"  # noqa: S608 - ours
    ended = account.read_back(query, id_property="key")
    assert ended.exit_code == 1
    assert f"An invoice cannot be marked: its 'key' {said}, not a 64-bit integer" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not account.service.log("/mark-as-exported")


def test_an_id_in_a_column_of_another_name_is_found(account: Account) -> None:
    query = "SELECT id AS invoice, 99 AS id FROM wh.invoices WHERE id = 7"
    account.read_back(query, id_property="invoice").check()
    assert account.marks == [7]


def test_drafts_in_postgres_are_never_marked(account: Account) -> None:
    ended = account.read_back_table(skip_exported=False).check()
    assert account.marked_by_requests_that_all_succeeded() == BOOKED
    assert f"{len(DRAFTS)} drafts" in ended.stderr


@pytest.mark.parametrize("flag", ["non_booked::INTEGER", "non_booked::VARCHAR"])
def test_drafts_are_known_where_true_and_false_are_numbers_or_words(
    account: Account, flag: str
) -> None:
    query = f"SELECT id, {flag} AS non_booked FROM wh.invoices"  # noqa: S608 - ours
    account.read_back(query, skip_exported=False).check()
    assert account.marked_by_requests_that_all_succeeded() == BOOKED


def test_drafts_in_sqlite_are_never_marked(account: Account, tmp_path: Path) -> None:
    file = tmp_path / "file.sqlite"
    rows = [(each, each in DRAFTS) for each in sorted(BOOKED | DRAFTS)]
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE invoices (id INTEGER, non_booked BOOLEAN)")
        database.executemany("INSERT INTO invoices VALUES (?, ?)", rows)
    reader = warehouses.reader(tmp_path, f"sqlite:///{file}", "SELECT * FROM invoices")
    settings = {"system_id": account.system_id, "skip_exported": False}
    warehouses.read_back(tmp_path, account.service, reader, **settings).check()
    assert account.marked_by_requests_that_all_succeeded() == BOOKED


def test_what_is_marked_is_left_as_it_is_with_one_listing_a_run(account: Account) -> None:
    query = "SELECT id, non_booked FROM wh.invoices"
    account.service.mark([1, 2, 3], account.system_id)
    before = account.service.marks(account.system_id)
    account.read_back(query).check()
    after = account.service.marks(account.system_id)
    # The list, whether a server with a limit holds more back, and three times ten marks.
    assert account.requests() == (2, 3)
    assert after[: len(before)] == before
    assert {mark["invoice_id"] for mark in after[len(before) :]} == BOOKED - {1, 2, 3}
    account.read_back(query).check()
    assert account.requests() == (1, 0)
    assert account.service.marks(account.system_id) == after


def test_without_skip_exported_all_is_marked_once_more_and_nothing_listed(
    account: Account,
) -> None:
    account.service.mark(BOOKED, account.system_id)
    query = "SELECT id, non_booked FROM wh.invoices UNION ALL SELECT id, false FROM wh.invoices"
    account.read_back(query + " WHERE id <= 25", skip_exported=False).check()
    assert account.requests() == (0, 3)
    assert sorted(account.marks) == sorted([*BOOKED, *BOOKED])
