"""Invoices as assets: what is pending every hour, whole years by backfill, an audit every week."""

# ruff: noqa: I002 - Dagster reads the annotations, and cannot where they are postponed

import json
import re

import dagster as dg

from invoices_dagster.meltano import Meltano
from invoices_dagster.years import created_in, years

PIPELINE = ("tap-invoices", "target-invoices-ack")
AUDIT = ("tap-postgres", "target-invoices-reconcile")

_MARKED = re.compile(r"= (?P<marked>\d+) marked")
_BALANCE = re.compile(
    r"the API has (?P<booked>\d+): (?P<loaded>\d+) read and marked, (?P<pending>\d+) pending, "
    r"(?P<missing>\d+) marked but not read"
)


@dg.asset(group_name="traede")
def invoices(meltano: Meltano) -> dg.MaterializeResult:
    """What was pending in Traede, loaded and marked."""
    ended = meltano.run("run", *PIPELINE).checked()
    return dg.MaterializeResult(metadata=_numbers(_MARKED, ended.words))


class Backfill(dg.Config):
    """How a year is loaded.

    Attributes:
        again: Load what was exported before too, as into a new warehouse.
    """

    again: bool = False


@dg.asset(group_name="traede", partitions_def=years)
def invoices_by_year(
    context: dg.AssetExecutionContext, meltano: Meltano, config: Backfill
) -> dg.MaterializeResult:
    """The invoices that were created in a year, loaded and marked.

    `meltano el` rather than `run`: it keeps state and catalog in a folder for each run, where
    several runs of a plugin side by side would write over each other's.
    """
    year = context.partition_key
    variables = {
        "TAP_INVOICES_FILTER_GROUPS": json.dumps(created_in(context.partition_time_window))
    }
    options = ["--state-id", f"invoices-created-in-{year}"]
    if config.again:
        variables["TAP_INVOICES_START_DATE"] = "1970-01-01"
        options.append("--full-refresh")
    ended = meltano.run("el", *options, *PIPELINE, **variables).checked()
    return dg.MaterializeResult(metadata=_numbers(_MARKED, ended.words))


@dg.asset_check(asset=invoices)
def account_is_balanced(meltano: Meltano) -> dg.AssetCheckResult:
    """Every invoice that is marked is in the warehouse."""
    ended = meltano.run("run", *AUDIT)
    balance = _numbers(_BALANCE, ended.words)
    if not balance:  # the audit itself did not come about
        raise dg.Failure("The account could not be compared.")
    return dg.AssetCheckResult(passed=ended.code == 0, metadata=balance)


def _numbers(pattern: re.Pattern[str], words: str) -> dict[str, int]:
    found = pattern.search(words)
    return {name: int(text) for name, text in found.groupdict().items()} if found else {}


checks = dg.AssetSelection.checks_for_assets(invoices)
load = dg.define_asset_job("load", dg.AssetSelection.assets(invoices) - checks)
audit = dg.define_asset_job("audit", checks)
backfill = dg.define_asset_job("backfill", dg.AssetSelection.assets(invoices_by_year))

defs = dg.Definitions(
    assets=[invoices, invoices_by_year],
    asset_checks=[account_is_balanced],
    jobs=[load, audit, backfill],
    schedules=[
        dg.ScheduleDefinition(job=load, cron_schedule="0 * * * *"),
        dg.ScheduleDefinition(job=audit, cron_schedule="0 6 * * 1"),
    ],
    resources={"meltano": Meltano(project=dg.EnvVar("MELTANO_PROJECT_ROOT"))},
    executor=dg.in_process_executor,  # the work is Meltano's, in processes of its own
)
