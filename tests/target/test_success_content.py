"""A mark counts only if the response is a success in content too, not just by its status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import hasty_retries
from helpers.singer import pages, value
from helpers.target_process import KEEPER, loader
from target_invoices_ack.client import reports_failure
from target_invoices_ack.marking.isolation import MAX_FAILING

if TYPE_CHECKING:
    from helpers.target_process import Account

FAILURES: list[Any] = [
    False,
    {"success": False},
    {"success": 0},
    {"success": "false"},
    {"ok": False},
    {"error": "Server Error"},
    {"error": {"code": 17}},
    {"error": True},
    {"errors": ["no"]},
    {"errors": {"invoices.0": ["no"]}},
    {"failed": [17]},
    {"status": "error"},
    {"status": "FAILED"},
    {"status": False},
    {"status": 500},
    {"status": "422"},
    {"code": 403},
    {"data": {"success": False}},
    {"data": [{"invoice_id": 1}, {"error": "no"}]},
    [{"success": True}, {"success": False}],
    [[False]],
    {"Success": False},
    {"results": [{"invoice_id": 3, "status": "error", "message": "locked"}]},
    {"invoices": [{"invoice_id": 3, "error": "locked"}]},
    {"marked": [1, 2], "not_marked": [3]},
    {"errors": [], "failures": [3]},
    {"error_count": 1},
]
SUCCESSES: list[Any] = [
    None,
    True,
    1,
    "ok",
    {},
    [],
    {"success": True},
    {"success": 1},
    {"ok": True, "error": None, "errors": []},
    {"status": "ok"},
    {"status": 200},
    {"status": 1},
    {"code": 0},
    {"message": "Marked."},
    {"errors": {}, "failed": 0, "data": [{"invoice_id": 1, "status": "booked"}]},
    {"invoices": [{"id": 1, "error": "of another kind", "status": 404}]},
]


@pytest.mark.parametrize("content", FAILURES, ids=json.dumps)
def test_json_that_reports_a_failure_is_one(content: Any) -> None:
    assert reports_failure(content)


@pytest.mark.parametrize("content", SUCCESSES, ids=json.dumps)
def test_any_other_json_is_a_success(content: Any) -> None:
    assert not reports_failure(content)


def test_json_of_any_depth_is_judged() -> None:
    content: Any = False
    for _ in range(900):
        content = [content]
    assert not reports_failure(content)


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "html"},
        {"kind": "not_success"},
        {"kind": "body", "body": "Done."},
        {"kind": "body", "body": '{"marked": 1'},
        {"kind": "body", "body": [{"success": False, "message": "Deadlock found."}]},
    ],
    ids=str,
)
def test_a_failure_with_status_200_is_retried_like_a_500(
    account: Account, rule: dict[str, Any]
) -> None:
    account.sandbox.fail(rule | {"on": "mark", "times": 2})

    ran = account.run(
        pages(range(1, 16)),
        loader=loader(account.folder, KEEPER),
        env=hasty_retries(account.folder),
    )

    assert ran.exit_code == 0
    assert sorted(account.marked) == list(range(1, 16))
    assert ran.stderr.count("Retrying in") == 2
    assert ran.states == [value(1)]


def test_a_failure_of_one_invoice_in_a_success_is_one(account: Account) -> None:
    body = '{"invoices": [{"id": 11, "success": false, "error": "locked"}]}'
    account.sandbox.fail({"kind": "body", "body": body, "on": "mark", "skip": 1, "times": None})

    ran = account.run(
        pages(range(1, 21)),
        loader=loader(account.folder, KEEPER),
        env=hasty_retries(account.folder),
    )

    assert ran.exit_code == 1
    assert ran.summary["marked"] == 10


@pytest.mark.parametrize("response", ["json", "empty", "no_content"])
def test_the_sandbox_s_own_responses_are_successes(account: Account, response: str) -> None:
    account.sandbox.behave(mark_response=response)
    try:
        ran = account.run(pages([1]), loader=loader(account.folder, KEEPER))
    finally:
        account.sandbox.behave(mark_response="json")

    assert ran.exit_code == 0
    assert account.marked == [1]


@pytest.mark.parametrize("kind", ["endless", "gzip_bomb"])
def test_a_response_without_an_end_is_no_success(account: Account, kind: str) -> None:
    account.sandbox.fail({"kind": kind, "on": "mark", "times": None})

    ran = account.run(
        pages([1]),
        loader=loader(account.folder, KEEPER),
        env=hasty_retries(account.folder),
    )

    assert ran.exit_code == 1
    assert not ran.states
    assert "1 MiB" in ran.errors[-1]


@pytest.mark.parametrize("kind", ["html", "not_success"])
def test_such_a_failure_that_stays_ends_the_run_unmarked(account: Account, kind: str) -> None:
    account.sandbox.fail({"kind": kind, "on": "mark", "times": None})

    ran = account.run(
        pages(range(1, 16)),
        loader=loader(account.folder, KEEPER),
        env=hasty_retries(account.folder),
    )

    assert ran.exit_code == 1
    assert not account.marked
    assert not ran.states
    assert len(account.requests) == 8 + 2 * MAX_FAILING  # together, then three of them alone
    assert ran.summary["confirmed but not marked"] == 15
    assert "answered 200 to a mark" in ran.errors[-1]


@pytest.mark.parametrize(
    "body", ["", "\n", "\ufeff", "{}", "\ufeff\n\ufeff{}", '{"success": true}']
)
def test_an_empty_body_and_other_json_are_successes(account: Account, body: str) -> None:
    """The sandbox answers in place of marking, so only the target's word counts here."""
    account.sandbox.fail({"kind": "body", "body": body, "on": "mark", "times": None})

    ran = account.run(pages([1]), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert ran.summary["marked"] == 1
