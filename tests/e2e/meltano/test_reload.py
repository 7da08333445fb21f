"""What is lost in the warehouse comes back, by the command that the target prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from helpers.run import run
from helpers.warehouses import PostgresWarehouse

if TYPE_CHECKING:
    from pathlib import Path

    from demo.postgres import Postgres
    from e2e.meltano.pipeline import MeltanoPipeline
    from helpers.run import CompletedRun

LOST = {4, 40}

pytestmark = pytest.mark.xdist_group("pipeline")

_COMMAND = re.compile(r"as one line in the Meltano project: (.+)$", re.MULTILINE)


def test_the_printed_command_loads_lost_rows_again(
    pipeline: MeltanoPipeline, database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "sandbox")  # as Meltano tells its plugins
    warehouse = PostgresWarehouse(tmp_path, database, schema="invoices")
    assert pipeline.run().exit_code == 0
    booked = pipeline.whole()
    for table, column in (("invoices", "id"), ("invoice_lines", "invoice_id")):
        pipeline.execute(f"DELETE FROM invoices.{table} WHERE {column} IN (4, 40)")  # noqa: S608 - ours
    assert pipeline.whole() == booked - LOST

    audit = _audit(pipeline, warehouse)
    assert audit.exit_code == 1
    assert "Marked, but not read: 4, 40." in audit.stderr
    [command] = _COMMAND.findall(audit.stderr)
    project = pipeline.project
    run(["bash", "-c", command], cwd=project.folder, env=project.environment).check()

    assert pipeline.whole() == booked
    assert _audit(pipeline, warehouse).exit_code == 0
    pipeline.sandbox.add(2)
    before = len(pipeline.sandbox.marks())
    assert pipeline.run().exit_code == 0
    assert len(pipeline.sandbox.marks()) == before + 2


def _audit(pipeline: MeltanoPipeline, warehouse: PostgresWarehouse) -> CompletedRun:
    settings = {"app_key": pipeline.api.app_key, "dry_run": True, "reconcile_since": "2000-01-01"}
    return warehouse.read_back(pipeline.sandbox, **settings)
