"""The Dagster project, run as its page says: loaded, marked, compared; years side by side."""

from __future__ import annotations

import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.howto_pages import Page
from sandbox.filters import groups
from tap_invoices._shared.filters import filters_to_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.dagster.engine import Dagster
    from helpers.postgres_account import Account

pytestmark = [pytest.mark.xdist_group("dagster"), pytest.mark.timeout(1200)]

_, BACKFILL, EVERY_HOUR_EVERY_WEEK = Page("dagster").commands
YEARS = ["2023", "2024", "2025", "2026"]  # as the page says
_WAIT_SECONDS = 120
BOUNDARIES = ("2023-12-31 23:59:59", "2024-01-01 00:00:00", "2025-12-31 23:59:59")
OUTSIDE = ("2019-12-31 23:59:59", "2022-12-31 23:59:59", None)


def test_every_moment_is_in_exactly_one_year(dagster: Dagster) -> None:
    filters = {
        year: groups(filters_to_query(each)) for year, each in dagster.ask("filters").items()
    }
    first, last = (datetime(int(year), 1, 1, tzinfo=UTC) for year in (min(filters), max(filters)))
    new_year = st.sampled_from([datetime(int(year), 1, 1, tzinfo=UTC) for year in filters])
    near = st.builds(lambda at, by: at + timedelta(seconds=by), new_year, st.integers(0, 2))
    ever = st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    assert first.year <= 2020
    assert last.year >= 2026

    @given(near | ever | new_year.map(lambda at: max(first, at - timedelta(microseconds=1))))
    def exactly_one_year_has_it(moment: datetime) -> None:
        times = moment.timestamp(), None
        having = [year for year, each in filters.items() if all(g.holds(times) for g in each)]
        assert having == [str(moment.year)]

    exactly_one_year_has_it()


def test_the_schedules_are_those_of_the_page(dagster: Dagster) -> None:
    assert dagster.ask("schedules") == {
        "load_schedule": ["0 * * * *", "load", 1],
        "audit_schedule": ["0 6 * * 1", "audit", 1],
    }


def test_a_backfill_loads_each_invoice_of_its_years_once(
    account: Account, dagster: Dagster
) -> None:
    for created in (*BOUNDARIES, *OUTSIDE):
        account.sandbox.add(1, set={"created_at": created})
    account.sandbox.fail({"kind": "status", "status": 403, "on": "export", "skip": 9, "times": 1})
    with dagster.daemon():
        account.project.type(BACKFILL).check()
        runs = dagster.wait_for_backfill(len(YEARS))
    assert {run["year"]: run["status"] for run in runs} == dict.fromkeys(YEARS, "SUCCESS")
    assert most_at_once(runs) > 1
    assert account.marks() == account.ids("invoices.invoices") == created_in(account, YEARS)
    assert states(account) >= {f"invoices-created-in-{year}" for year in YEARS}

    account.project.type(EVERY_HOUR_EVERY_WEEK).check()
    assert account.is_loaded_and_marked_once()
    assert len(account.booked() - set(created_in(account, YEARS))) == len(OUTSIDE)


def test_the_asset_check_fails_for_marked_rows_that_are_missing(
    account: Account, dagster: Dagster
) -> None:
    loaded = dagster.ask("run", "load")
    assert loaded["success"]
    assert loaded["loaded"] == [{"marked": 160}]
    pending = account.sandbox.add(2)
    balance = {"booked": 162, "loaded": 160, "pending": len(pending), "missing": 0}
    assert dagster.ask("run", "audit")["checks"] == [["warehouse_is_complete", True, balance]]

    account.execute(f"DELETE FROM invoices.invoices WHERE id > {account.marks()[-8]}")  # noqa: S608 - a number
    balance |= {"loaded": 153, "missing": 7}
    assert dagster.ask("run", "audit")["checks"] == [["warehouse_is_complete", False, balance]]


def test_an_audit_without_the_api_has_no_result(account: Account, dagster: Dagster) -> None:
    account.project.use({"TRAEDE_ACCESS_TOKEN": "not this one"})
    audit = dagster.ask("run", "audit")
    assert not audit["success"]
    assert audit["checks"] == []


def test_a_year_is_loaded_again_only_on_request(account: Account, dagster: Dagster) -> None:
    of_2024 = created_in(account, ["2024"])
    for config, times in ({}, 1), ({}, 1), ({"again": True}, 2):
        ops = {"ops": {"invoices_by_year": {"config": config}}}
        assert dagster.ask("run", "backfill", "2024", ops)["success"]
        assert Counter(account.marks()) == dict.fromkeys(of_2024, times)


def test_stopping_a_run_stops_meltano(account: Account, dagster: Dagster) -> None:
    account.sandbox.fail({"kind": "latency", "seconds": 2, "on": "export", "times": None})
    with dagster.execute("load") as run:
        wait_until(lambda: account.sandbox.log("export"))
        assert running(account)
        run.send_signal(signal.SIGINT)  # as Dagster stops it
        assert run.wait(_WAIT_SECONDS)
        wait_until(lambda: not running(account))
    assert set(account.marks()) <= set(account.ids("invoices.invoices"))
    account.sandbox.heal()
    assert dagster.ask("run", "load")["success"]
    assert account.is_loaded_and_marked_once()


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running(account: Account) -> list[psutil.Process]:
    """Return what runs of Meltano and its plugins in the account's project.

    A plugin may end a little after Meltano, which does not wait for all of them.
    """
    folder = account.project.folder
    programs = (str(folder / ".meltano"), str(folder / "dagster" / ".venv" / "bin" / "meltano"))
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(word.startswith(programs) for word in process.info["cmdline"] or ())
    ]


def created_in(account: Account, years: list[str]) -> list[int]:
    return sorted(
        each["id"]
        for each in account.sandbox.invoices()
        if each["is_booked"] and (each["created_at"] or "")[:4] in years
    )


def most_at_once(runs: list[dict[str, Any]]) -> int:
    begun = [run["start"] for run in runs]
    return max(len([run for run in runs if run["start"] <= at < run["end"]]) for at in begun)


def states(account: Account) -> set[str]:
    return set(account.project.type("meltano state list").check().stdout.split())
