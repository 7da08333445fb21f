"""No secret and no customer's data in anything that is printed besides the records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from helpers.run import CompletedRun

    from .conftest import Tap

TOKEN = "sandbox-token"
APP_KEY = "an-app-key-of-mine"
CUSTOMER = "Jane Roe Confidential"
DEBUG = {"TAP_INVOICES_LOGLEVEL": "DEBUG", "LOGLEVEL": "DEBUG"}

ENDINGS: dict[str, dict[str, Any] | None] = {
    "all delivered": None,
    "refused": {
        "kind": "status",
        "status": 422,
        "body": {"message": f"Bearer {TOKEN} is bad", "data": [{"name": CUSTOMER}]},
    },
    "at fault": {"kind": "status", "status": 500, "body": f"<p>{CUSTOMER} {TOKEN}"},
    "cut": {"kind": "cut"},
    "no json": {"kind": "body", "body": f'{{"invoices": [{{"name": "{CUSTOMER}"'},
    "another shape": {"kind": "body", "body": {"invoices": {"name": CUSTOMER}}},
    "no id": {"kind": "body", "body": {"invoices": [{"name": CUSTOMER}]}},
}


@pytest.fixture
def customers(tap: Tap) -> Tap:
    """Every invoice and line is of a customer whom nobody should read about."""
    lines = [{"id": 1, "text": CUSTOMER}]
    for each in range(1, 13):
        tap.sandbox.change(each, customer={"name": CUSTOMER}, comment=CUSTOMER, lines=lines)
    return tap


def secrets_in(text: str) -> list[str]:
    return [each for each in (TOKEN, APP_KEY, CUSTOMER) if each in text]


@pytest.mark.parametrize("fault", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("how", ["a file", "the environment"])
def test_nothing_is_told_at_debug(customers: Tap, fault: dict[str, Any] | None, how: str) -> None:
    if fault:
        customers.sandbox.fail({**fault, "on": "export", "skip": 2})
    settings: dict[str, Any] = {"app_key": APP_KEY, "page_size": 5, "start_date": "2020-01-01"}
    env = dict(DEBUG)
    if how == "the environment":
        env |= {"TAP_INVOICES_ACCESS_TOKEN": TOKEN, "TAP_INVOICES_APP_KEY": APP_KEY}
        done = customers.run("--config", "ENV", env=env, access_token="", **settings)
    else:
        done = customers.run(env=env, **settings)
    assert_quiet(done)
    assert fault is None or "WARNING" in done.stderr or "ERROR" in done.stderr


def assert_quiet(done: CompletedRun) -> None:
    assert "DEBUG" in done.stderr
    assert secrets_in(done.stderr) == []
    told = [line for line in done.stdout.split("\n") if '"type":"RECORD"' not in line]
    assert secrets_in("\n".join(told)) == []


def test_a_stream_map_that_fails_is_told_without_what_it_says(customers: Tap) -> None:
    """It fails on a customer's name, which its error quotes."""
    maps = {"invoices": {"x": "int(customer['name'])"}}
    done = customers.run(env=DEBUG, app_key=APP_KEY, stream_maps=maps)
    assert done.exit_code == 1
    assert done.records() == []
    assert "Invoice 1 cannot be delivered: a stream map fails on it (ValueError)." in done.stderr
    assert secrets_in(done.stderr) == []


def test_a_response_that_breaks_http_is_told_without_what_it_says(customers: Tap) -> None:
    """The errors of urllib3 and http.client repeat it."""
    broken = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = broken + '{"invoices": [{"id": 1, "customer": {"name": "Jane Roe"}}]}\r\n'
    customers.sandbox.fail(
        {"kind": "raw", "text": body, "on": "export", "times": 1},
        {"kind": "raw", "text": "Jane Roe\r\n\r\n", "on": "export", "times": 1},
    )
    done = customers.run(env=DEBUG, app_key=APP_KEY)
    assert done.exit_code == 0
    assert "The request failed: " in done.stderr
    assert "Jane" not in done.stderr


def test_no_dot_env_file_is_looked_for(customers: Tap) -> None:
    """The SDK reads one that lies above the virtual environment, in place of exported variables."""
    done = customers.run("--config", "ENV", env=DEBUG)
    assert done.exit_code == 0
    assert "Loading configuration from" not in done.stderr


def test_a_url_in_the_log_carries_no_token(customers: Tap) -> None:
    done = customers.run(env=DEBUG)
    assert re.search(r"GET /v10/invoices/export\?system_id=warehouse", done.stderr)
    assert "Authorization" not in done.stderr
