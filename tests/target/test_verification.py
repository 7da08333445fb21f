"""After the first batch, one invoice shows whether marks take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import adds_up
from helpers.singer import invoice, schema, state
from helpers.target_process import KEEPER, loader

if TYPE_CHECKING:
    from helpers.run import CompletedRun
    from helpers.target_process import Account

COUNT = 40


def relay(account: Account, *, created: bool = True, **settings: Any) -> CompletedRun:
    """Relay invoices as the service holds them."""
    found = account.sandbox.invoices(range(1, COUNT + 1))
    taps = schema() + b"".join(
        invoice(each["id"], **({"created_at": each["created_at"]} if created else {}))
        for each in found
    )
    return account.run(taps + state(1), loader=loader(account.folder, KEEPER), **settings)


def is_stopped_after_the_first_batch(account: Account, ran: CompletedRun) -> bool:
    return (
        ran.exit_code == 1
        and len(account.requests) == 1
        and ran.summary["marked"] == 0
        and not ran.states
    )


def test_marks_that_take_effect_cost_three_small_requests(account: Account) -> None:
    ran = relay(account)

    assert ran.exit_code == 0
    assert ran.summary["marked"] == COUNT
    listed = account.sandbox.log("export")
    assert len(listed) == 3
    assert all(int(dict(each["query"])["limit"]) <= 200 for each in listed)
    assert "inconclusive" not in ran.stderr


def test_marks_that_are_not_kept_stop_the_run(account: Account) -> None:
    account.sandbox.behave(keep_marks=False)
    try:
        ran = relay(account)
    finally:
        account.sandbox.behave(keep_marks=True)

    assert is_stopped_after_the_first_batch(account, ran)
    assert "it does not keep marks" in ran.errors[-1]
    assert len(account.sandbox.log("export")) <= 3


@pytest.mark.parametrize("hours", [2, -5])
def test_a_server_in_another_time_zone_stops_the_run(account: Account, hours: int) -> None:
    account.sandbox.behave(utc_offset_hours=hours)
    try:
        ran = relay(account)
    finally:
        account.sandbox.behave(utc_offset_hours=0)

    assert is_stopped_after_the_first_batch(account, ran)
    assert "in another zone than UTC" in ran.errors[-1]
    assert len(account.sandbox.log("export")) <= 3


@pytest.mark.parametrize("sends_date", [True, False])
def test_marks_that_are_not_kept_are_noticed_without_a_date_and_late(
    account: Account, *, sends_date: bool
) -> None:
    """Reading back, most of what comes first is marked already."""
    account.sandbox.mark(range(1, 38), account.system_id)
    account.sandbox.behave(keep_marks=False, date=sends_date)
    try:
        ran = relay(account, skip_exported=True)
    finally:
        account.sandbox.behave(keep_marks=True, date=True)

    assert ran.exit_code == 1
    assert "it does not keep marks" in ran.errors[-1]
    assert ran.summary["marked"] == 0
    assert adds_up(ran.summary)


def test_without_created_at_it_is_inconclusive_and_the_run_goes_on(account: Account) -> None:
    ran = relay(account, created=False)

    assert ran.exit_code == 0
    assert ran.stderr.count("inconclusive") == 1
    assert not account.sandbox.log("export")


def test_a_list_that_is_refused_makes_it_inconclusive(account: Account) -> None:
    account.sandbox.fail({"kind": "status", "status": 403, "on": "export", "times": None})

    ran = relay(account)

    assert ran.exit_code == 0
    assert ran.stderr.count("inconclusive") == 1
    assert ran.summary["marked"] == COUNT


@pytest.mark.parametrize("settings", [{"verify_marks": False}, {"dry_run": True}], ids=str)
def test_it_can_be_switched_off(account: Account, settings: dict[str, Any]) -> None:
    ran = relay(account, **settings)

    assert ran.exit_code == 0
    assert not account.sandbox.log("export")
