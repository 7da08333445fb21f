"""A setting that is wrong is named in one line, before any request and before the loader."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import TARGET, CompletedRun, environment, run
from helpers.singer import pages
from helpers.target_process import KEEPER, loader

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.target_process import Account

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"access_token": None}, "access_token"),
    "an empty token": ({"access_token": ""}, "access_token"),
    "a token with a line break": (
        {"access_token": "secret-17\n"},
        "access_token cannot be used: it holds",
    ),
    "an app key of other letters": (
        {"app_key": "secret-17-\u00e6"},
        "app_key cannot be used: it holds",
    ),
    "no system": ({"system_id": None}, "system_id"),
    "no address": ({"api_url": "traede"}, "api_url"),
    "an address with a query": ({"api_url": "https://traede.test/?x=1"}, "api_url"),
    "no time to answer": ({"request_timeout": 0}, "request_timeout"),
    "no request at all": ({"max_parallel_requests": 0}, "max_parallel_requests"),
    "a number in words": ({"max_parallel_requests": "four"}, "max_parallel_requests"),
    "an unknown confirmation": ({"confirm": "later"}, "confirm"),
    "an unknown placeholder": ({"note": "run {run}"}, "{run}, which is not known"),
    "a placeholder with a form": ({"note": "{loaded_at:%Y}"}, "{loaded_at}, which is not known"),
    "a brace that does not close": ({"note": "run {run_id"}, "note is not valid"),
    "what is for reading back": ({"reconcile_since": "2026-01-01"}, "reconcile_since is for"),
    "maps in the relay": ({"stream_maps": {"invoices": {}}}, "stream_maps is for"),
    "yes for true": ({"dry_run": "yes"}, "dry_run"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_named(account: Account, wrong: str) -> None:
    settings, word = WRONG[wrong]

    ran = account.run(pages([1]), **{"loader": loader(account.folder, KEEPER)} | settings)

    assert ran.exit_code == 1
    assert [each for each in ran.errors if word in each]
    assert len([each for each in ran.errors if "validation failed" not in each]) == 1
    assert not account.requests
    assert not (account.folder / "loaded").exists()
    assert "secret-17" not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_time_that_is_none_is_refused_when_reading_back(account: Account) -> None:
    ran = account.run(b"", read_back=True, reconcile_since="2026-02-31")

    assert ran.exit_code == 1
    assert "reconcile_since is '2026-02-31', which is not a valid time" in ran.errors[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"{", "it is not valid JSON"),
        (b"[]", "it is not a JSON object"),
        (b"\xff\xfe{", "it is not UTF-8 text"),
    ],
    ids=["missing", "half", "a list", "another encoding"],
)
def test_a_config_file_that_cannot_be_used_is_named(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)

    ran = _run(["--config", str(path)])

    assert ran.exit_code == 1
    assert len(ran.stderr.splitlines()) == 1
    assert f"The config file {path} cannot be used: {words}" in ran.stderr


def test_settings_may_come_from_the_environment(account: Account) -> None:
    config = account.config(loader=loader(account.folder, KEEPER), max_parallel_requests=2)
    variables = {f"TARGET_INVOICES_ACK_{name.upper()}": str(each) for name, each in config.items()}

    ran = _run(["--config", "ENV"], pages([1]), **variables)

    assert ran.exit_code == 0
    assert account.marked == [1]


def test_its_settings_are_described_without_any_being_given() -> None:
    about = json.loads(_run(["--about", "--format", "json"]).stdout)

    assert about["name"] == "target-invoices-ack"
    described = about["settings"]["properties"]
    assert all(each["description"] for each in described.values())
    assert described["access_token"]["secret"]
    assert described["app_key"]["secret"]


def _run(words: list[str], messages: bytes = b"", **variables: str) -> CompletedRun:
    return run([TARGET, *words], stdin=messages, env=environment(**variables))
