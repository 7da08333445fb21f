"""A setting that is wrong is named in one line, before any request and before the loader."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import TARGET, CompletedRun, environment, hasty_retries, run, write_json
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
    "yes for true": ({"dry_run": "yes"}, "dry_run"),
    "a setting that does not exist": ({"dryrun": True}, "Did you mean dry_run?"),
    "a misspelt secret": ({"acces_token": "secret-17"}, "Did you mean access_token?"),
    "a setting of the SDK's that does nothing": ({"load_method": "upsert"}, "load_method"),
    "a relay and a read back": ({"read_back": True}, "loader and read_back: exactly one"),
    "neither of both": ({"loader": None}, "loader and read_back: exactly one"),
    "a space behind the system": ({"system_id": "erp "}, "remove the spaces"),
    "a port that is not a number": ({"api_url": "http://host:abc"}, "api_url"),
    "half an address": ({"api_url": "http://[::1"}, "api_url"),
    "an address with a line break": ({"api_url": "http://host\n"}, "api_url"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_named(account: Account, wrong: str) -> None:
    """In one line, before any request and before the loader starts."""
    settings, word = WRONG[wrong]

    ran = account.run(pages([1]), **{"loader": loader(account.folder, KEEPER)} | settings)

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert word in ran.errors[0]
    assert not account.requests
    assert not (account.folder / "loaded").exists()
    assert "secret-17" not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_misspelt_loader_marks_nothing(account: Account) -> None:
    ran = account.run(pages([1]), loder=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert "Did you mean loader?" in ran.errors[0]
    assert "exactly one of them must be set, and neither is" in ran.errors[1]
    assert not account.requests


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


def variables(account: Account, **settings: Any) -> dict[str, str]:
    """Return the variables for settings, with those of the account."""
    config = account.config(loader=loader(account.folder, KEEPER), **settings)
    return {f"TARGET_INVOICES_ACK_{name.upper()}": str(each) for name, each in config.items()}


@pytest.mark.parametrize(
    "settings",
    [
        {"max_parallel_requests": 2, "request_timeout": 60, "dry_run": "off"},
        {"request_timeout": 2.5, "skip_exported": "", "note": "", "app_key": ""},
    ],
    ids=str,
)
def test_settings_may_come_from_the_environment(account: Account, settings: dict[str, Any]) -> None:
    ran = _run(["--config", "ENV"], pages([1]), **variables(account, **settings))

    assert ran.exit_code == 0
    assert account.marked == [1]


def test_a_whole_number_may_be_written_as_a_float(account: Account) -> None:
    command = loader(account.folder, KEEPER)

    assert account.run(pages([1]), loader=command, max_parallel_requests=4.0).exit_code == 0


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("dry_run", "maybe", "true or false"),
        ("dry_run", "t", "true or false"),
        ("max_parallel_requests", "abc", "an integer"),
        ("max_parallel_requests", "2.5", "an integer"),
        ("request_timeout", "1_0", "a number"),
        ("request_timeout", "nan", "a number"),
    ],
)
def test_the_environment_is_parsed_strictly(
    account: Account, name: str, text: str, expected: str
) -> None:
    ran = _run(["--config", "ENV"], pages([1]), **variables(account, **{name: text}))

    assert ran.exit_code == 1
    variable = f"TARGET_INVOICES_ACK_{name.upper()}"
    assert ran.errors == [f"Setting: {variable} is {text!r} and not {expected}"]
    assert not account.requests


def test_a_variable_that_has_no_effect_is_warned_of(account: Account) -> None:
    odd = {"TARGET_INVOICES_ACK_DRYRUN": "true"}

    ran = _run(["--config", "ENV"], pages([1]), **variables(account), **odd)

    assert ran.exit_code == 0
    assert ran.stderr.count("TARGET_INVOICES_ACK_DRYRUN is not a setting") == 1
    assert "Did you mean TARGET_INVOICES_ACK_DRY_RUN?" in ran.stderr


def test_one_file_may_hold_the_settings_of_both_programs(account: Account) -> None:
    both: dict[str, Any] = {
        "page_size": 100,
        "start_date": "2026-01-01",
        "include_non_booked": True,
        "stream_maps": {"invoices": {"x": "id"}},
    }

    ran = account.run(pages([1]), loader=loader(account.folder, KEEPER), **both)

    assert ran.exit_code == 0
    assert account.marked == [1]


def test_the_config_may_come_from_a_pipe(account: Account) -> None:
    config = write_json(account.folder, "config", account.config(read_back=True))
    words = f"{shlex.quote(TARGET)} --config <(cat {shlex.quote(config)})"

    ran = run(["bash", "-c", words], stdin=pages([1]))

    assert ran.exit_code == 0
    assert account.marked == [1]


@pytest.mark.parametrize("number", [2.5, 60.0])
def test_a_timeout_may_have_a_fraction(account: Account, number: float) -> None:
    ran = account.run(pages([1]), read_back=True, request_timeout=number)

    assert ran.exit_code == 0
    assert account.marked == [1]


UNUSABLE: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "a certificate file that is missing": (
        {"api_url": "https://127.0.0.1:9"},
        {"REQUESTS_CA_BUNDLE": "/no/such/file"},
        "REQUESTS_CA_BUNDLE names '/no/such/file'",
    ),
    "a proxy that is none": (
        {"api_url": "http://api.example"},
        {"HTTP_PROXY": "http://[::1"},
        "The proxy 'http://[::1'",
    ),
}


@pytest.mark.parametrize("way", ["relay", "read back"])
@pytest.mark.parametrize("unusable", UNUSABLE)
def test_an_environment_in_which_no_request_can_work_is_an_error_at_start(
    account: Account, unusable: str, way: str
) -> None:
    """Not only once everything is loaded."""
    settings, environ, words = UNUSABLE[unusable]
    settings = settings | ({"loader": loader(account.folder, KEEPER)} if way == "relay" else {})
    settings = settings | ({"read_back": True} if way == "read back" else {})

    ran = account.run(pages([1]), env=environ, **settings)

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert words in ran.errors[0]
    assert not (account.folder / "loaded").exists()


def test_passwords_in_addresses_are_not_shown(account: Account) -> None:
    ran = account.run(
        pages([1]),
        read_back=True,
        api_url="http://user:hunter-22@127.0.0.1:9",
        env=hasty_retries(account.folder) | {"HTTPS_PROXY": "http://me:secret-23@127.0.0.1:9"},
    )

    assert ran.exit_code == 1
    assert "Cannot use the API at http://user:***@127.0.0.1:9 (connection refused)" in ran.stderr
    assert "hunter-22" not in ran.stderr
    assert "secret-23" not in ran.stderr


@pytest.mark.parametrize(
    ("api_url", "is_warned_of"),
    [("http://api.example", True), ("https://api.example", False), ("http://127.0.0.1:9", False)],
)
def test_a_token_that_crosses_the_network_unencrypted_is_warned_of(
    account: Account, api_url: str, *, is_warned_of: bool
) -> None:
    ran = account.run(b"", read_back=True, dry_run=True, skip_exported=False, api_url=api_url)

    assert ran.exit_code == 0
    assert ("unencrypted" in ran.stderr) == is_warned_of


def test_its_settings_are_described_without_any_being_given() -> None:
    about = json.loads(_run(["--about", "--format", "json"]).stdout)

    assert about["name"] == "target-invoices-ack"
    assert "\n" not in about["description"]
    described = about["settings"]["properties"]
    assert all(each["description"] for each in described.values())
    assert described["access_token"]["secret"]
    assert described["app_key"]["secret"]
    assert not {"load_method", "batch_size_rows", "add_record_metadata"} & described.keys()


def _run(words: list[str], messages: bytes = b"", **variables: str) -> CompletedRun:
    return run([TARGET, *words], stdin=messages, env=environment(**variables))
