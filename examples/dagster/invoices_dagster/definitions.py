"""Invoices as assets: pending ones every hour, whole years by backfill, an audit every week."""

# ruff: noqa: I002 - Dagster reads the annotations, and cannot where they are postponed

import json

import dagster as dg

from invoices_dagster.meltano import CompletedRun, Meltano
from invoices_dagster.years import created_in, years

PIPELINE = ("tap-invoices", "target-invoices-ack")
AUDIT = ("tap-postgres", "target-invoices-reconcile")


@dg.asset(group_name="traede")
def invoices(meltano: Meltano) -> dg.MaterializeResult:
    """The invoices that were pending in Traede, loaded and marked."""
    return _result(meltano.run("run", *PIPELINE).check())


class Backfill(dg.Config):
    """How a year is loaded.

    Attributes:
        again: Load invoices that were exported before too, as into a new warehouse.
    """

    again: bool = False


@dg.asset(group_name="traede", partitions_def=years)
def invoices_by_year(
    context: dg.AssetExecutionContext, meltano: Meltano, config: Backfill
) -> dg.MaterializeResult:
    """The invoices that were created in a year, loaded and marked.

    `meltano el` keeps state and catalog in a folder for each run. With `meltano run`, several runs
    of a plugin side by side would overwrite each other's.
    """
    year = context.partition_key
    variables = {
        "TAP_INVOICES_FILTER_GROUPS": json.dumps(created_in(context.partition_time_window))
    }
    options = ["--state-id", f"invoices-created-in-{year}"]
    if config.again:
        variables["TAP_INVOICES_START_DATE"] = "1970-01-01"
        options.append("--full-refresh")
    return _result(meltano.run("el", *options, *PIPELINE, **variables).check())


@dg.asset_check(asset=invoices)
def warehouse_is_complete(meltano: Meltano) -> dg.AssetCheckResult:
    """Every invoice that is marked is in the warehouse."""
    audit = meltano.run("run", *AUDIT)
    comparison = audit.report.get("reconciliation")
    if not comparison:  # the audit itself failed
        raise dg.Failure("The account could not be compared.")
    counts = {name: comparison[name] for name in ("booked", "loaded", "pending")}
    missing = len(comparison["missing"])
    return dg.AssetCheckResult(passed=audit.exit_code == 0, metadata=counts | {"missing": missing})


def _result(ran: CompletedRun) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"marked": ran.report["counts"]["marked"]})


checks = dg.AssetSelection.checks_for_assets(invoices)
load = dg.define_asset_job("load", dg.AssetSelection.assets(invoices) - checks)
audit = dg.define_asset_job("audit", checks)
backfill = dg.define_asset_job("backfill", dg.AssetSelection.assets(invoices_by_year))

defs = dg.Definitions(
    assets=[invoices, invoices_by_year],
    asset_checks=[warehouse_is_complete],
    jobs=[load, audit, backfill],
    schedules=[
        dg.ScheduleDefinition(job=load, cron_schedule="0 * * * *"),
        dg.ScheduleDefinition(job=audit, cron_schedule="0 6 * * 1"),
    ],
    resources={"meltano": Meltano(project=dg.EnvVar("MELTANO_PROJECT_ROOT"))},
    executor=dg.in_process_executor,  # the work is Meltano's, in processes of its own
)
