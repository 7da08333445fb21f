"""The result of a run for machines: in a file and as METRIC lines, however the run ends."""

from __future__ import annotations

import json
import re
import shlex
import signal
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from helpers.checkout import CHECKOUT
from helpers.run import TIMEOUT_S, finish, run
from helpers.singer import invoice, pages, record, state, value
from helpers.target_process import KEEPER, PROMPT, command, loader, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.target_process import Account

SCHEMA = json.loads((CHECKOUT / "docs" / "run-report.schema.json").read_text())


def read(account: Account) -> dict[str, Any]:
    """Return the report, once it was checked against the published schema."""
    report: dict[str, Any] = json.loads((account.folder / "report.json").read_text())
    jsonschema.validate(report, SCHEMA)
    counts = report["counts"]
    parts = sum(counts.values()) - counts["received"] - counts["confirmed"]
    assert counts["received"] == parts
    assert counts["confirmed"] == counts["received"] - counts["unconfirmed"] - counts["drafts"] - (
        sum(each.get("count", 0) for each in report["rejected"])
    )
    return report


def settings(account: Account, program: str = KEEPER) -> dict[str, Any]:
    return {
        "loader": loader(account.folder, program),
        "report_file": str(account.folder / "report.json"),
    }


def test_a_report_says_what_became_of_every_invoice(account: Account) -> None:
    account.sandbox.fail({"kind": "refuse_ids", "ids": [4]})
    taps = pages(range(1, 11)) + invoice(3001, non_booked=True) + state(2)
    taps += record(None) + invoice(12) + state(3) + invoice(13)

    ran = account.run(taps, env={"MELTANO_RUN_ID": "run-17"}, **settings(account))

    report = read(account)
    assert ran.exit_code == report["exit_code"] == 1
    assert report["program"] == "target-invoices-ack"
    assert report["run_id"] == "run-17"
    assert report["system_id"] == account.system_id
    assert report["counts"] == {
        "received": 14,
        "marked": 10,
        "unconfirmed": 1,
        "rejected": 2,
        "drafts": 1,
        "already_exported": 0,
        "confirmed": 11,
        "not_marked": 0,
    }
    assert [each["id"] for each in report["rejected"]] == [4, None]
    assert "locked by an accountant" in report["rejected"][0]["reason"]
    assert "is null" in report["rejected"][1]["reason"]
    assert report["requests"]["sent"] == len(account.requests)
    assert 0 < report["loader_seconds"] < report["seconds"]
    assert "Rejected, and so unmarked: 4." in report["reason"]


def test_a_good_run_has_no_reason_and_its_newest_state(account: Account) -> None:
    account.run(pages([1], [2]), **settings(account))

    report = read(account)
    assert report["exit_code"] == 0
    assert report["reason"] == ""
    assert report["last_state"] == value(2)


def test_it_is_written_after_a_loader_that_fails(account: Account) -> None:
    account.run(pages([1]), **settings(account, "sys.stdin.read()\nsys.exit(9)"))

    report = read(account)
    assert report["exit_code"] == 9
    assert "The loader failed with exit code 9" in report["reason"]
    assert report["counts"]["unconfirmed"] == 1
    assert report["last_state"] is None


def test_it_is_written_after_a_signal(account: Account) -> None:
    target = account.start(**settings(account, PROMPT))
    assert target.stdin is not None
    target.stdin.write(pages([1]))
    target.stdin.flush()
    wait_for(lambda: bool(account.marked))
    target.send_signal(signal.SIGTERM)
    target.wait(TIMEOUT_S)
    finish(target)

    assert read(account)["exit_code"] == 128 + signal.SIGTERM


def test_it_is_written_after_reading_back(account: Account) -> None:
    account.sandbox.mark([1], account.system_id)

    account.run(
        pages([1, 2]),
        read_back=True,
        reconcile_since="1970-01-01",
        report_file=str(account.folder / "report.json"),
    )

    report = read(account)
    assert report["counts"]["already_exported"] == 1
    compared = report["reconciliation"]
    assert compared["since"] == "1970-01-01T00:00:00Z"
    assert compared["missing"] == []
    assert compared["booked"] == compared["loaded"] + compared["pending"]
    assert compared["loaded"] == len([1, 2])


@pytest.mark.parametrize("path", ["/no/such/folder/report.json", "/dev/full/x"])
def test_a_file_that_cannot_be_written_is_named_at_start(account: Account, path: str) -> None:
    ran = account.run(pages([1]), read_back=True, report_file=path)

    assert ran.exit_code == 1
    assert "report_file is" in ran.errors[0]
    assert not account.requests


def test_the_same_figures_are_metrics_and_the_summary_comes_last(account: Account) -> None:
    ran = account.run(pages([1, 2]), loader=loader(account.folder, KEEPER))

    points = [json.loads(each) for each in re.findall(r"METRIC: (.*)", ran.stderr)]
    figures = {each["metric"]: each["value"] for each in points if "program" in each["tags"]}
    assert figures["received"] == figures["marked"] == 2
    assert figures["exit_code"] == 0
    assert "Received 2 = 2 marked" in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("setting", "value"), [("dry_run", "maybe"), ("loadr", "x"), ("system_id", " x")]
)
def test_a_wrong_setting_replaces_the_report_of_the_run_before(
    account: Account, setting: str, value: str
) -> None:
    account.run(pages([1]), **settings(account))

    ran = account.run(pages([2]), **settings(account) | {setting: value})

    report = read_no_run(account.folder)
    assert report["exit_code"] == ran.exit_code == 1
    assert setting in report["reason"]


def read_no_run(folder: Path) -> dict[str, Any]:
    """Return the report of a run that did not begin, once it was checked."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    jsonschema.validate(report, SCHEMA)
    assert (report["counts"], report["last_state"]) == ({}, None)
    return report


def test_the_exit_code_is_that_of_the_program_where_stdout_is_closed(account: Account) -> None:
    words = shlex.join(command(account.folder, account.config(**settings(account))))

    ran = run(["bash", "-c", f"{words} | true; exit ${{PIPESTATUS[0]}}"], stdin=pages([1, 2]))

    assert ran.exit_code == 141
    assert json.loads((account.folder / "report.json").read_text())["exit_code"] == 141


def test_a_symbolic_link_stays_one(account: Account) -> None:
    real = account.folder / "real.json"
    (account.folder / "report.json").symlink_to(real)

    account.run(pages([1]), **settings(account))

    assert (account.folder / "report.json").is_symlink()
    assert json.loads(real.read_text())["counts"]["marked"] == 1
