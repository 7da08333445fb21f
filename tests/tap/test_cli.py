"""The command line: what helps, what is refused in one line, and what it never does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import entry, run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.run import CompletedRun

    from .conftest import Tap

CONFIG = {"access_token": "token-1234", "system_id": "erp", "api_url": "http://127.0.0.1:9"}


def problems(done: CompletedRun) -> list[str]:
    """Return its lines of error."""
    assert done.exit_code != 0
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if "ERROR" in line or "Error:" in line]


FILTER = {"key": "created_at", "operator": "gte", "value": "2026-01-01"}


@pytest.mark.parametrize(
    "bad",
    [
        {
            "access_token": "two\nlines",
            "app_key": "Ærlig-nøgle",
            "system_id": "",
            "api_url": "api.traede.com",
            "start_date": "yesterday",
            "page_size": -1,
            "request_timeout": 0,
            "include_non_booked": "maybe",
            "filter_groups": [{"filters": [FILTER | {"key": "total"}]}],
        },
        {
            "access_token": 12345678,
            "page_size": "many",
            "filter_groups": [{"filters": [FILTER | {"operator": "like"}]}],
        },
        {"system_id": None},
        {"start_date": "2026-13-01", "filter_groups": [{"filters": [FILTER | {"value": "soon"}]}]},
    ],
)
@pytest.mark.parametrize("words", [[], ["--discover"]])
def test_each_bad_setting_is_named_before_any_request(
    tmp_path: Path, bad: dict[str, Any], words: list[str]
) -> None:
    config = {name: value for name, value in {**CONFIG, **bad}.items() if value is not None}
    done = run_tap(tmp_path, config, *words)
    told = problems(done)
    for name in bad:
        assert [line for line in told if name in line], (name, told)
    assert "Attempt 1" not in done.stderr
    assert done.stdout == ""
    for secret in ("two\nlines", "two\\nlines", "12345678", "Ærlig-nøgle"):
        assert secret not in done.stderr


def test_each_variable_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    bad = {"PAGE_SIZE": "many", "REQUEST_TIMEOUT": "long", "FILTER_GROUPS": "{"}
    env = {f"TAP_INVOICES_{name}": value for name, value in bad.items()}
    told = problems(run_tap(tmp_path, CONFIG, "--config", "ENV", env=env))
    assert all(any(name in line for line in told) for name in env)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("config", "{"),
        ("config", "[1]"),
        ("config", None),
        ("catalog", "[1]"),
        ("state", "{"),
        ("state", None),
        ("state", '{"bookmarks": {"users": {"replication_key_value": "2026-01-01"}}}'),
        ("state", '{"users": "2026-01-01"}'),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(
    tmp_path: Path, kind: str, content: str | None
) -> None:
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    done = run_tap(tmp_path, CONFIG, f"--{kind}", str(path))
    told = problems(done)
    assert "Attempt 1" not in done.stderr
    assert len(told) == 1
    assert kind in told[0]
    assert done.stdout == ""


def test_every_setting_can_come_from_the_environment(tap: Tap) -> None:
    config = tap.sandbox.config(
        page_size=5,
        include_non_booked="true",
        start_date="2020-01-01T00:00:00Z",
        request_timeout="7.5",
        app_key="key",
        filter_groups=json.dumps(
            [{"filters": [{"key": "created_at", "operator": "lt", "value": "2030-01-01"}]}]
        ),
    )
    env = {f"TAP_INVOICES_{name.upper()}": str(value) for name, value in config.items()}
    done = run_tap(tap.folder, None, "--config", "ENV", env=env)
    assert done.exit_code == 0, done.stderr
    assert sorted(done.ids()) == list(range(1, 15))
    last = tap.listings()[-1]
    assert last["limit"] == "5"
    assert last["include_non_booked"] == "1"
    assert last["filter_groups[0][filters][0][key]"] == "created_at"
    assert tap.sandbox.log("export")[-1]["headers"]["X-Traede-App-Key"] == "key"


def test_settings_that_are_null_or_empty_are_as_if_they_were_not_there(tap: Tap) -> None:
    """As schedulers pass a variable that is not set."""
    empty = dict.fromkeys(["app_key", "start_date"], "")
    nulls = dict.fromkeys(["page_size", "request_timeout", "include_non_booked", "filter_groups"])
    assert tap.sync(**empty, **nulls).ids() == list(range(1, 13))
    assert tap.listings()[-1]["limit"] == "250"


def test_help_says_what_it_is_and_what_each_option_does(tmp_path: Path) -> None:
    done = run_tap(tmp_path, None, "--help")
    assert done.exit_code == 0
    assert "invoices" in done.stdout
    for option in ("--config", "--catalog", "--state", "--discover", "--test", "--about"):
        assert option in done.stdout


def test_it_tells_its_version(tmp_path: Path) -> None:
    done = run_tap(tmp_path, None, "--version")
    assert done.exit_code == 0
    assert done.stdout.startswith("tap-invoices v")


def test_about_knows_every_setting_in_every_format(tmp_path: Path) -> None:
    about = json.loads(run_tap(tmp_path, None, "--about", "--format=json").stdout)
    settings = about["settings"]["properties"]
    assert settings["access_token"]["secret"] is True
    assert settings["app_key"]["secret"] is True
    assert settings["api_url"]["default"] == "https://api.traede.com"
    assert settings["page_size"]["default"] == 250
    assert settings["request_timeout"]["default"] == 300
    assert {"stream_maps", "flattening_enabled", "batch_config"} <= set(settings)
    for words in (["--about"], ["--about", "--format=markdown"]):
        told = run_tap(tmp_path, None, *words)
        assert told.exit_code == 0
        assert all(name in told.stdout for name in settings)


def test_without_credentials_nothing_is_synced(tmp_path: Path) -> None:
    told = problems(run_tap(tmp_path, {}))
    assert [line.split(" is missing")[0].split()[-1] for line in told] == [
        "access_token",
        "system_id",
    ]


@pytest.mark.parametrize("config", [None, {}, {"access_token": "", "system_id": "erp"}], ids=str)
def test_discovery_without_credentials_knows_the_documented_columns(
    tmp_path: Path, config: dict[str, Any] | None
) -> None:
    done = run_tap(tmp_path, config, "--discover").check()
    catalog = json.loads(done.stdout)
    columns = {"id", "created_at", "updated_at", "_extra"}
    assert columns <= set(entry(catalog)["schema"]["properties"])
    assert columns | {"invoice_id"} <= set(entry(catalog, "invoice_lines")["schema"]["properties"])
    assert "WARNING" in done.stderr


def test_discovery_of_an_account_without_invoices(tap: Tap) -> None:
    catalog = tap.discover(
        filter_groups=[
            {"filters": [{"key": "created_at", "operator": "lt", "value": "2000-01-01"}]}
        ]
    )
    assert {"id", "_extra"} <= set(entry(catalog)["schema"]["properties"])


@pytest.mark.parametrize("words", [["--discover"], ["--test"], []])
def test_a_refused_token_ends_it_at_once_with_the_servers_words(tap: Tap, words: list[str]) -> None:
    done = tap.run(*words, access_token="wrong-token")
    assert len(told := problems(done)) == 1
    assert "Unauthenticated." in told[0]
    assert "access_token" in told[0]
    assert len(tap.sandbox.log("export")) == 1
    assert "wrong-token" not in done.stderr + done.stdout


def test_a_test_of_the_connection_writes_one_invoice(tap: Tap) -> None:
    done = tap.run("--test")
    assert done.exit_code == 0, done.stderr
    assert len(done.ids()) == 1
    assert {each["invoice_id"] for each in done.records("invoice_lines")} == set(done.ids())
    assert done.bookmark["delivered"][1] == "1"


def test_a_test_without_data_or_of_the_schema_alone_is_good(tap: Tap) -> None:
    tap.sandbox.mark(range(1, 13))
    assert tap.run("--test").exit_code == 0
    assert {each["stream"] for each in tap.run("--test=schema").of_type("SCHEMA")} == {
        "invoices",
        "invoice_lines",
    }
