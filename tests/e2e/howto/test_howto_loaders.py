"""The pages that bring invoices into a warehouse, followed as they are written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from helpers.checkout import CHECKOUT
from helpers.howto_pages import rows_of
from helpers.meltano_project import MeltanoProject
from helpers.postgres_account import APP_KEY, in_environment
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.postgres_account import Account

pytestmark = pytest.mark.xdist_group("howto loaders")

RUN = "meltano run tap-invoices target-invoices-ack"
IN_DUCKDB = """
import duckdb
with duckdb.connect("warehouse.duckdb", read_only=True) as warehouse:
    for table in ("invoices", "invoice_lines"):
        rows = warehouse.sql(f"SELECT id FROM invoices.{table} ORDER BY id").fetchall()
        print([number for (number,) in rows])
"""


def test_a_meltano_project(tmp_path: Path, built: Path) -> None:
    project = MeltanoProject(tmp_path, built)
    with Sandbox.start(app_key=APP_KEY, invoices=3) as sandbox:
        project.use(in_environment(sandbox))
        project.follow("project")
        assert sandbox.marked() == set()


def test_into_postgresql(account: Account) -> None:
    account.project.follow("postgresql")
    assert account.is_loaded_and_marked_once()
    new = account.sandbox.add(3)
    again = account.project.type(RUN).check()
    assert "Delivered 3 invoices" in again.stdout
    assert set(new) <= set(account.ids("invoices.invoices"))
    assert account.is_loaded_and_marked_once()


def test_the_types_in_postgresql_are_those_of_the_page_about_columns(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.type(RUN).check()
    types = account.rows(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'invoices' AND table_name = 'invoices'"
    )
    named = dict(rows_of(CHECKOUT / "docs" / "columns.md", "the column's type"))
    columns = {
        "integer": "customer_id",
        "number": "total",
        "string": "comment",
        "boolean": "paid",
        "date-time": "created_at",
        "object": "customer",
        "array": "tags",
    }
    assert {kind: dict(types)[column] for kind, column in columns.items()} == named
    query = re.search(r"`(SELECT .*?)`", (CHECKOUT / "docs" / "columns.md").read_text())
    assert query
    assert account.rows(query[1].replace("FROM ", "FROM invoices.")) == []  # all have columns


def test_look_before_you_mark(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("dry-run")
    assert account.ids("invoices.invoices") == sorted(account.booked())
    assert account.marks() == []
    account.project.type(RUN).check()
    assert account.is_loaded_and_marked_once()


def test_into_duckdb(account: Account) -> None:
    account.project.follow("duckdb")
    python = account.project.folder / ".meltano" / "loaders" / "target-duckdb" / "venv" / "bin"
    said = account.project.type(f"{python}/python -c '{IN_DUCKDB}'").check()
    invoices, lines = (json.loads(line) for line in said.stdout.splitlines())
    assert invoices == sorted(account.booked()) == account.marks()
    assert lines == sorted(account.lines())


def test_two_systems_from_one_project(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("two-systems")
    assert account.is_loaded_and_marked_once()
    assert account.is_loaded_and_marked_once("accounting", "accounting")


def test_two_loaders(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("two-loaders")
    assert account.is_loaded_and_marked_once()
    assert archived(account) == account.marks("archive") == sorted(account.booked())


def archived(account: Account) -> list[int]:
    files = account.project.folder.glob("output/invoices-*.jsonl")  # one for each run
    lines = (line for file in files for line in file.read_text().splitlines())
    return sorted(json.loads(line)["id"] for line in lines)
