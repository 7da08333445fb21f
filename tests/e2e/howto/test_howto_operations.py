"""The pages about running it, day by day, followed as they are written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from helpers.howto_pages import Page
from helpers.postgres_account import SYSTEM

if TYPE_CHECKING:
    from helpers.postgres_account import Account

pytestmark = pytest.mark.xdist_group("howto operations")

RUN = "meltano run tap-invoices target-invoices-ack"
CREATED = "2024-01"  # of the month that `replay` loads again


def test_check_your_account(account: Account) -> None:
    """The page's alert is silent once everything is marked, and speaks while an invoice waits."""
    account.sandbox.mark(account.booked(), SYSTEM)
    account.project.follow("account-check")
    *_, alert = Page("account-check").commands
    account.sandbox.add(1)
    waiting = account.project.type(alert)
    assert waiting.exit_code == 1
    assert "problems: [], waiting: " in waiting.stdout


def test_read_back_instead_of_relaying(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("read-back")
    assert account.is_loaded_and_marked_once()


def test_reconcile_every_week(account: Account) -> None:
    account.project.prepare("postgresql", "read-back")
    account.project.type(RUN).check()
    account.project.follow("reconcile")

    lost = (account.ids("invoices.invoices")[7], account.ids("invoices.invoices")[33])
    account.execute(
        f"DELETE FROM invoices.invoices WHERE id IN {lost}",  # noqa: S608 - numbers
        f"DELETE FROM invoices.invoice_lines WHERE invoice_id IN {lost}",  # noqa: S608 - the same
    )
    audit = account.project.type("meltano schedule run reconcile-weekly")
    assert audit.exit_code
    assert f"Marked, but not read: {lost[0]}, {lost[1]}." in audit.stdout

    (again,) = re.findall(r"as one line in the Meltano project: (TAP_.*)", audit.stdout)
    account.project.type(again).check()
    assert account.ids("invoices.invoices") == sorted(account.booked())
    assert account.ids("invoices.invoice_lines") == sorted(account.lines())
    account.project.type("meltano schedule run reconcile-weekly").check()

    new, before = account.sandbox.add(2), account.marks()
    account.project.type(RUN).check()
    assert account.marks() == sorted([*before, *new])


def test_replay_from_a_date(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.type(RUN).check()
    account.project.follow("replay")
    everything = sorted(account.booked())
    created = [each["id"] for each in account.sandbox.invoices() if is_of_the_month(each)]
    # Marked by the first run, everything again, since a date, and the part of one month.
    assert account.marks() == sorted([*everything * 3, *created])
    assert account.ids("invoices.invoices") == everything


def test_keep_state_in_a_database(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("state")
    assert account.rows("SELECT state_id FROM public.state") == [
        ("dev:tap-invoices-to-target-invoices-ack",)
    ]
    assert account.is_loaded_and_marked_once()


def test_run_on_a_schedule(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("schedule")
    assert account.is_loaded_and_marked_once()


def test_find_out_which_run_marked_an_invoice(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("history")
    report = json.loads((account.project.folder / "reports" / "target.json").read_text())
    notes = {mark["note"] for mark in account.sandbox.marks()}
    assert notes
    assert all(note.endswith(f", run {report['run_id']}") for note in notes)
    assert report["counts"]["marked"] == len(account.booked())


def test_alert_and_monitor(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("monitoring")
    rejected = account.sandbox.add(2)[0]
    account.sandbox.fail({"kind": "refuse_ids", "ids": [rejected]})
    account.project.type(f"{RUN} || true").check()
    alarm = account.project.type("python3 check_reports.py")
    assert alarm.exit_code == 2
    assert f"rejected: invoice {rejected}: " in alarm.stdout
    assert "target-invoices-ack ended with 1: " in alarm.stdout


def test_drafts(account: Account) -> None:
    account.project.prepare("postgresql")
    account.project.follow("drafts")
    drafts = "SELECT id FROM invoices.invoices WHERE non_booked ORDER BY id"
    assert len(account.rows(drafts)) == 2
    assert account.marks() == sorted(account.booked())
    (query,) = [block.text for block in Page("drafts").blocks if block.language == "sql"]
    assert account.rows(query) == [(len(account.booked()),)]

    account.sandbox.book()
    account.project.type(RUN).check()
    assert account.rows(drafts) == []
    assert account.is_loaded_and_marked_once()


def is_of_the_month(invoice: dict[str, Any]) -> bool:
    return bool(invoice["is_booked"]) and invoice["created_at"].startswith(CREATED)
