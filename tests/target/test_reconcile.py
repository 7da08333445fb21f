"""Balancing the account: what the API says this system has, against what was read."""

from __future__ import annotations

import re
import shlex
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from helpers.plugin_envs import LOSSY_TARGET_DUCKDB
from helpers.run import TAP, TARGET, pipe, write_json
from helpers.warehouses import DuckdbWarehouse
from sandbox.client import Sandbox
from target_invoices_ack.reconcile import reload_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helpers.run import CompletedRun

pytestmark = pytest.mark.slow

BOOKED = set(range(1, 26))
DRAFTS = {26, 27, 28}
SINCE = "2000-01-01"

_BALANCE = re.compile(
    r"the API has (\d+): (\d+) read and marked, (\d+) pending, (\d+) marked but not read\."
)


@pytest.fixture(scope="module")
def service() -> Iterator[Sandbox]:
    """A service whose invoices are created a minute apart, the first at 2024-01-02 08:01."""
    with Sandbox.start(invoices=len(BOOKED), drafts=len(DRAFTS)) as running:
        yield running


@pytest.fixture(scope="module")
def warehouse(service: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> DuckdbWarehouse:
    warehouse = DuckdbWarehouse(tmp_path_factory.mktemp("duckdb"))
    warehouse.load(service, include_non_booked=True)
    return warehouse


@dataclass(frozen=True)
class Account:
    """A receiving system of its own, and a warehouse with all invoices and drafts."""

    service: Sandbox
    system_id: str
    warehouse: DuckdbWarehouse

    def mark(self, ids: set[int]) -> None:
        """Mark, as an earlier run has."""
        self.service.mark(sorted(ids), self.system_id)

    def read(self, where: str = "true", **settings: Any) -> CompletedRun:
        """Read back what the warehouse has, of the rows of which something is true."""
        settings = {"reconcile_since": SINCE, "system_id": self.system_id} | settings
        query = f"SELECT id, non_booked FROM wh.invoices WHERE {where}"  # noqa: S608 - ours
        return self.warehouse.read_back(self.service, query, **settings)

    @property
    def marked(self) -> set[int]:
        return self.service.marked(self.system_id)


@pytest.fixture
def account(service: Sandbox, warehouse: DuckdbWarehouse) -> Account:
    service.heal()
    service.clear_log()
    return Account(service, f"s{uuid.uuid4().hex[:8]}", warehouse)


def balance(ended: CompletedRun) -> tuple[int, ...]:
    """Return the account: booked, read and marked, pending, missing."""
    [found] = _BALANCE.findall(ended.stderr)
    counts = tuple(map(int, found))
    assert counts[0] == sum(counts[1:])
    return counts


def test_nothing_is_missing_once_all_that_is_read_is_marked(account: Account) -> None:
    account.mark({1, 2, 3})
    ended = account.read()
    assert balance(ended) == (25, 25, 0, 0)
    assert "Nothing is missing in the warehouse." in ended.stderr
    assert ended.exit_code == 0
    assert account.marked == BOOKED


def test_what_is_pending_and_not_loaded_yet_is_not_missed(account: Account) -> None:
    account.mark({1, 2, 3})
    ended = account.read("id <= 5")
    assert balance(ended) == (25, 5, 20, 0)
    assert ended.exit_code == 0


def test_rows_that_were_deleted_are_named_by_id(account: Account) -> None:
    account.mark(BOOKED)
    ended = account.read("id NOT IN (4, 10, 11, 12)")
    assert balance(ended) == (25, 21, 0, 4)
    assert "Marked, but not read: 4, 10..12." in ended.stderr
    assert ended.exit_code == 1


def test_an_empty_table_misses_all_that_is_marked(account: Account) -> None:
    account.mark(BOOKED - {25})
    ended = account.read("false")
    assert balance(ended) == (25, 0, 1, 24)
    assert ended.exit_code == 1


@pytest.mark.parametrize("since", ["2024-01-02T08:10:00Z", "2024-01-02 10:10:00+02:00"])
def test_only_invoices_created_since_then_count(account: Account, since: str) -> None:
    account.mark(BOOKED)
    ended = account.read("id NOT IN (9, 10)", reconcile_since=since)
    assert balance(ended) == (16, 15, 0, 1)
    assert "Marked, but not read: 10." in ended.stderr


def test_another_systems_marks_are_no_matter(account: Account) -> None:
    account.service.mark(sorted(BOOKED), "another")
    assert balance(account.read("id = 1")) == (25, 1, 24, 0)


@pytest.mark.parametrize(
    ("where", "code", "counts"),
    [("id > 3", 1, (25, 6, 16, 3)), ("true", 0, (25, 9, 16, 0))],
)
def test_a_dry_run_is_an_audit_that_changes_nothing(
    account: Account, where: str, code: int, counts: tuple[int, ...]
) -> None:
    account.mark(set(range(1, 10)))
    before = account.service.marks(account.system_id)
    ended = account.read(where, dry_run=True)
    assert ended.exit_code == code
    assert balance(ended) == counts
    assert account.service.marks(account.system_id) == before
    assert not account.service.log("/mark-as-exported")


def test_an_invoice_that_cannot_be_marked_stays_pending_in_the_account(account: Account) -> None:
    account.service.fail({"kind": "refuse_ids", "ids": [7]})
    ended = account.read()
    assert balance(ended) == (25, 24, 1, 0)
    assert ended.exit_code == 1


def test_lists_that_cannot_be_had_end_the_run_without_a_balance(account: Account) -> None:
    account.service.fail({"kind": "status", "status": 403, "on": "export", "times": None})
    ended = account.read()
    assert ended.exit_code == 1
    assert not _BALANCE.findall(ended.stderr)
    assert "Traceback" not in ended.stderr
    assert not account.marked


@pytest.mark.parametrize("created_at", [None, 1704182460, "02/01/2024 8 AM"])
def test_all_is_loaded_again_where_a_missing_invoice_has_no_readable_time(
    created_at: object,
) -> None:
    found = reload_command(["2024-01-02 08:01:00", created_at])
    assert "TAP_INVOICES_FILTER_GROUPS='[]'" in found


@pytest.mark.parametrize("environment", ["production", "it's ours"])
def test_the_command_names_the_environment_in_which_meltano_runs(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    monkeypatch.setenv("MELTANO_ENVIRONMENT", environment)
    words = shlex.split(reload_command(["2024-01-02 08:01:00"]))
    assert words[2:5] == ["meltano", "--environment", environment]


def test_a_loader_that_drops_rows_and_says_it_has_not_is_found_out(tmp_path: Path) -> None:
    """target-duckdb 0.8.0 loses the first row of a batch of texts, and exits with 0."""
    texts = {"id": "str(id)", "invoice_number": "invoice_number", "__else__": None}
    with Sandbox.start(invoices=25, drafts=0) as service:
        warehouse = DuckdbWarehouse(tmp_path, LOSSY_TARGET_DUCKDB)
        tap = service.config(stream_maps={"invoices": texts})
        target = service.config(loader=shlex.join(warehouse.loader()))
        pipe(
            [TAP, "--config", write_json(tmp_path, "tap", tap)],
            [TARGET, "--config", write_json(tmp_path, "target", target)],
            cwd=tmp_path,
        ).check()
        assert service.marked() == set(range(1, 26))
        query = "SELECT id FROM wh.invoices"
        ended = warehouse.read_back(service, query, reconcile_since=SINCE)
    assert balance(ended) == (25, 24, 0, 1)
    assert "Marked, but not read: 1." in ended.stderr
    assert ended.exit_code == 1
