"""Runs in Dagster's own environment: answers questions about the project, a line of JSON each.

A question is a list: the name of a function here, and what it is given.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

import dagster as dg  # type: ignore[import-not-found]
from invoices_dagster.definitions import defs  # type: ignore[import-not-found]
from invoices_dagster.years import created_in, years  # type: ignore[import-not-found]


def filters() -> dict[str, Any]:
    """Return every year's `filter_groups`."""
    windows = (
        (year, years.time_window_for_partition_key(year)) for year in years.get_partition_keys()
    )
    return {year: created_in(window) for year, window in windows}


def schedules() -> dict[str, Any]:
    """Return what each schedule asks for when its time comes: cron line, job, number of runs."""
    with dg.DagsterInstance.get() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=datetime.now(UTC))
        return {
            each.name: [
                each.cron_schedule,
                each.job_name,
                len(each.evaluate_tick(context).run_requests),
            ]
            for each in defs.schedules
        }


def run(job: str, partition: str | None = None, config: dict[str, Any] | None = None) -> Any:
    """Run a job here; returns whether it went well, its checks and its materializations."""
    with dg.DagsterInstance.get() as instance:
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=partition,
            run_config=config,
            raise_on_error=False,
        )
        steps = result.get_asset_materialization_events()
        return {
            "success": result.success,
            "checks": [
                [check.check_name, check.passed, _plain(check.metadata)]
                for check in result.get_asset_check_evaluations()
            ],
            "loaded": [_plain(each.materialization.metadata) for each in steps],
        }


def backfilled() -> list[dict[str, Any]]:
    """Return every run of the backfill: its year, how it ended, when it began and ended."""
    with dg.DagsterInstance.get() as instance:
        return [
            {
                "year": record.dagster_run.tags["dagster/partition"],
                "status": record.dagster_run.status.value,
                "start": record.start_time,
                "end": record.end_time,
            }
            for record in instance.get_run_records(dg.RunsFilter(job_name="backfill"))
        ]


def _plain(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def main() -> None:
    """Answer until the questions end."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Meltano and Dagster print is no answer
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(globals()[name](*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
