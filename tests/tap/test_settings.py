"""Settings and surroundings are judged before the first request."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import TAP, environment, run, write_json
from helpers.tap_process import run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.run import CompletedRun

    from .conftest import Tap

CONFIG = {"access_token": "token-1234", "system_id": "erp", "api_url": "http://127.0.0.1:9"}


def problems(done: CompletedRun) -> list[str]:
    """Return its lines of error; nothing was requested."""
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert "Retrying" not in done.stderr
    assert done.messages == []
    return done.errors


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"pagesize": 5}, "pagesize is not a setting. Did you mean page_size?"),
        ({"acces_token": "x"}, "acces_token is not a setting. Did you mean access_token?"),
        ({"dryrun": True}, "dryrun is not a setting. Did you mean dry_run?"),
        ({"system_id": "erp "}, "system_id is 'erp ': remove the spaces around it."),
        ({"access_token": "Bearer abc"}, "Leave `Bearer` out."),
        ({"api_url": "http://host:abc"}, "api_url is 'http://host:abc', which cannot be used"),
        ({"api_url": "http://[::1"}, "api_url is 'http://[::1', which cannot be used"),
        ({"api_url": "http://host\n"}, "api_url is 'http://host\\n'"),
        ({"filter_groups": [{"filters": []}]}, "filter_groups[0].filters is empty"),
        ({"start_date": "2026-02-30"}, "start_date is '2026-02-30', which is not a valid time"),
        ({"report_file": "/nowhere/report.json"}, "its folder does not exist"),
        ({"report_file": "/etc"}, "it is not a regular file"),
        ({"report_file": "/dev/stdout"}, "it is not a regular file"),
        ({"report_file": "a\0b"}, "it is not a regular file"),
        ({"report_file": "x" * 300}, "it is not a regular file"),
        ({"batch_config": {"encoding": {"format": "jsonl"}}}, "batch_config lacks storage.root"),
        ({"batch_config": {"storage": {"root": "file:///tmp"}}}, "batch_config lacks encoding.f"),
    ],
    ids=str,
)
@pytest.mark.parametrize("words_of", [[], ["--discover"]], ids=["sync", "discover"])
def test_a_wrong_setting_is_named(
    tmp_path: Path, wrong: dict[str, Any], words: str, words_of: list[str]
) -> None:
    [line] = problems(run_tap(tmp_path, CONFIG | wrong, *words_of))
    assert words in line


def test_settings_of_the_target_are_ignored(tap: Tap) -> None:
    """Both programs can share one file."""
    theirs = {"loader": "target-jsonl", "dry_run": True, "max_parallel_requests": 4}
    assert len(tap.sync(**theirs).ids()) == 12


FILTER = {"key": "created_at", "operator": "lte", "value": "2026-01-01"}


def test_more_filters_than_the_service_reads_are_refused(tmp_path: Path) -> None:
    groups = [{"or": True, "filters": [FILTER] * 340}]
    [line] = problems(run_tap(tmp_path, CONFIG | {"filter_groups": groups}))
    assert "filter_groups takes 1021 query parameters" in line


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HTTP_PROXY": "http://host:abc"}, "The proxy 'http://host:abc' of the environment"),
        ({"HTTP_PROXY": "socks9://host:1"}, "cannot be used"),
        ({"http_proxy": "nonsense://"}, "cannot be used"),
    ],
    ids=str,
)
def test_a_proxy_that_cannot_work_is_named(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    config = CONFIG | {"api_url": "http://api.example.invalid"}
    [line] = problems(run_tap(tmp_path, config, env=variables | {"NO_PROXY": "", "no_proxy": ""}))
    assert words in line


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_certificates_that_cannot_be_read_are_named(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)
    env = {"REQUESTS_CA_BUNDLE": str(bundle)}
    config = CONFIG | {"api_url": "https://api.example.invalid"}
    [line] = problems(run_tap(tmp_path, config, env=env))
    assert f"REQUESTS_CA_BUNDLE names '{bundle}', which cannot be used" in line


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INCLUDE_NON_BOOKED", "maybe"),
        ("INCLUDE_NON_BOOKED", "t"),
        ("PAGE_SIZE", "many"),
        ("PAGE_SIZE", "1_000"),
        ("REQUEST_TIMEOUT", "nan"),
        ("FILTER_GROUPS", "{}"),
    ],
)
def test_a_variable_is_parsed_strictly(tmp_path: Path, name: str, text: str) -> None:
    env = {f"TAP_INVOICES_{name}": text}
    [line] = problems(run_tap(tmp_path, CONFIG, "--config=ENV", env=env))
    assert f"TAP_INVOICES_{name} is '{text}' and not" in line


def test_an_empty_variable_is_not_set(tap: Tap) -> None:
    names = ("REQUEST_TIMEOUT", "PAGE_SIZE", "INCLUDE_NON_BOOKED", "FILTER_GROUPS", "APP_KEY")
    env = dict.fromkeys((f"TAP_INVOICES_{name}" for name in names), "")
    done = tap.run("--config=ENV", env=env)
    assert done.exit_code == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_a_variable_without_effect_is_warned_of(tap: Tap) -> None:
    done = tap.run(env={"TAP_INVOICES_PAGESIZE": "5", "TAP_INVOICES_PAGE_SIZE": "5"})
    assert done.exit_code == 0
    assert "TAP_INVOICES_PAGESIZE is not a setting and has no effect. Did you mean" in done.stderr
    assert "TAP_INVOICES_PAGE_SIZE has no effect" in done.stderr
    assert done.stderr.count("WARNING") == 2


@pytest.mark.parametrize(("length", "fits"), [(10, False), (11, True)])
def test_flattening_may_not_rename_what_a_target_needs(
    tap: Tap, length: int, *, fits: bool
) -> None:
    done = tap.run(
        include_non_booked=True,
        flattening_enabled=True,
        flattening_max_depth=1,
        flattening_max_key_length=length,
    )
    assert done.exit_code == (0 if fits else 1)
    if fits:
        assert {each["non_booked"] for each in done.records()} == {True, False}
        assert all(each["invoice_id"] for each in done.records("invoice_lines"))
    else:
        assert "flattening_max_key_length is 10" in done.errors[0]
        assert not tap.listings()


def test_a_config_file_may_be_standard_input(tap: Tap) -> None:
    config = json.dumps(tap.sandbox.config()).encode()
    done = run([TAP, "--config", "/dev/stdin"], stdin=config)
    assert done.exit_code == 0, done.stderr
    assert len(done.ids()) == 12


def test_a_config_file_may_be_a_pipe(tap: Tap) -> None:
    """As in `--config <(command)`; it can be read only once."""
    reader, writer = os.pipe()
    os.write(writer, json.dumps(tap.sandbox.config()).encode())
    os.close(writer)
    done = subprocess.run(
        [TAP, "--config", f"/dev/fd/{reader}"],
        pass_fds=[reader],
        env=environment(),
        capture_output=True,
        check=False,
    )
    os.close(reader)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b'"stream":"invoices","record"') == 12


def test_a_later_config_file_takes_precedence(tap: Tap) -> None:
    first = write_json(tap.folder, "first", tap.sandbox.config(system_id="another"))
    second = write_json(tap.folder, "second", {"system_id": "warehouse"})
    done = run([TAP, "--config", first, "--config", second])
    assert done.exit_code == 0
    assert {query["system_id"] for query in tap.listings()} == {"warehouse"}


def test_a_token_over_plain_http_is_warned_of(tmp_path: Path) -> None:
    config = CONFIG | {"api_url": "http://api.example.invalid", "page_size": -1}
    done = run_tap(tmp_path, config)
    assert "api_url is plain http to another machine" in done.stderr
    local = run_tap(tmp_path, CONFIG | {"page_size": -1})
    assert "plain http" not in local.stderr


@pytest.mark.parametrize("output_format", ["text", "markdown", "json"])
def test_about_describes_the_tap_in_a_sentence(tmp_path: Path, output_format: str) -> None:
    words = [] if output_format == "text" else [f"--format={output_format}"]
    about = run_tap(tmp_path, None, "--about", *words).check().stdout
    assert "Singer tap for the invoices of Traede's export API: each one once" in about
    assert "Args:" not in about
    assert "Attributes:" not in about
