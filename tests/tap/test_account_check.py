"""`--check`: what is found of accounts whose API behaves in every known way."""

from __future__ import annotations

import json
import signal
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.checkout import CHECKOUT
from helpers.run import environment, finish, start
from helpers.servers import serving
from helpers.tap_process import command, run_tap
from sandbox.behaviour import CHOICES, PAGINGS
from sandbox.client import Sandbox
from tap_invoices._shared import http, listing
from tap_invoices.account_check import probe
from tap_invoices.account_check.checkup import SECTIONS, check_account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helpers.run import CompletedRun

SCHEMA = json.loads((CHECKOUT / "docs" / "account-check.schema.json").read_text())
MAX_REQUESTS = 60
INVOICES = 120
MARKED = 50
_NUMBERS = count(1)


class Found:
    """What a check has found: its JSON document, which the published schema describes."""

    def __init__(self, document: str) -> None:
        self.report: dict[str, Any] = json.loads(document)
        jsonschema.Draft202012Validator(SCHEMA).validate(self.report)
        assert [each["name"] for each in self.report["checks"]] == all_names()
        assert self.report["problems"] == [
            each["name"] for each in self.report["checks"] if each["status"] == "problem"
        ]

    def __getitem__(self, name: str) -> dict[str, Any]:
        return next(each for each in self.report["checks"] if each["name"] == name)

    def of_status(self, status: str) -> set[str]:
        return {each["name"] for each in self.report["checks"] if each["status"] == status}


class Account:
    """An account, and the settings to check it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.system_id = f"warehouse-{next(_NUMBERS)}"

    def config(self, **settings: Any) -> dict[str, Any]:
        return self.sandbox.config(system_id=self.system_id) | settings

    def run(self, *words: str, **settings: Any) -> CompletedRun:
        """Run the program, as a user does."""
        return run_tap(self.folder, self.config(**settings), "--check", *words)

    def check(self, **settings: Any) -> Found:
        """Check the account in this process, which is faster."""
        defaults = {"page_size": 250, "request_timeout": 300, "include_non_booked": False}
        config = self.config(**defaults | settings)
        return Found(check_account(config, "tests").to_json())

    def mark(self, ids: range, *, seconds_ago: float = 0) -> None:
        now = self.sandbox.state()["now"]
        self.sandbox.mark(ids, self.system_id, at=now - seconds_ago)


def all_names() -> list[str]:
    return [name for names in SECTIONS.values() for name in names]


@pytest.fixture(scope="module")
def account_sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=INVOICES, drafts=2) as running:
        yield running


@pytest.fixture
def account(tmp_path: Path, account_sandbox: Sandbox) -> Account:
    """An account of which some invoices were marked a week ago."""
    account_sandbox.reset()
    account_sandbox.clear_log()
    account = Account(tmp_path, account_sandbox)
    account.mark(range(1, MARKED + 1), seconds_ago=7 * 86400)
    return account


def test_a_healthy_account_has_no_problem(account: Account) -> None:
    """Everything that can be known by GET requests is known and fine."""
    marks = account.sandbox.marks(account.system_id)
    done = account.check()
    assert done.report["problems"] == []
    assert done.of_status("unknown") == {"since_time_zone"}
    assert done.report["pending"] == INVOICES - MARKED
    assert done.report["total"] == INVOICES
    assert account.sandbox.marks(account.system_id) == marks
    assert {each["method"] for each in account.sandbox.log()} == {"GET"}


def test_the_age_of_the_oldest_is_that_of_its_creation(account: Account) -> None:
    """Ages follow the server's clock; the oldest pending invoice is not the oldest of all."""
    account.sandbox.clock(3600)
    done = account.check()
    account.sandbox.clock(0)
    now = time.time() + 3600
    first = 1_704_182_400  # 2024-01-02 08:00, of which invoice n is created n minutes later
    oldest_pending, oldest = done.report["oldest_pending_seconds"], done["oldest"]["value"]
    assert oldest_pending == pytest.approx(now - first - 60 * (MARKED + 1), abs=30)
    assert oldest == pytest.approx(now - first - 60, abs=30)
    assert done["clock"]["value"] == pytest.approx(3600, abs=3)
    assert "NTP" in done["clock"]["advice"]


BEHAVIOURS: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({"paging": {"capped": 100}}, {"limit": "capped", "page_size": 100, "total": 120}, set()),
    ({"paging": {"capped": 7}}, {"limit": "capped", "page_size": 7, "total": 120}, set()),
    (
        {"paging": {"refused": 422}},
        {"limit": "refused", "page_size": 0, "pending": 70},
        {"limit", "columns"},
    ),
    (
        {"paging": {"refused": 500}},
        {"limit": "refused", "page_size": 0, "total": 120},
        {"limit", "columns"},
    ),
    ({"paging": "page only"}, {"start": "page only", "limit": "honoured", "total": 120}, set()),
    ({"paging": "limit ignored"}, {"limit": "ignored", "pending": 70, "page_size": 0}, set()),
    ({"paging": "ignored"}, {"limit": "ignored", "start": "ignored", "total": 120}, set()),
    ({"order": "shuffled"}, {"order": True, "total": 120, "start": "honoured"}, set()),
    ({"order": "random"}, {"order": False, "total": None, "page_size": 0}, {"order"}),
    ({"order": "id_desc"}, {"sort": "honoured", "total": 120}, set()),
    ({"sort": "ignored"}, {"sort": "ignored", "oldest": None, "oldest_pending": None}, set()),
    (
        {"filters": "ignored"},
        {"created_at_filter": "ignored"},
        {"created_at_filter"},
    ),
    ({"repeats": 2}, {"total": None, "pending": None, "line_ids": True}, set()),
    ({"times": "laravel7"}, {"oldest_pending": ..., "created_at_filter": "honoured"}, set()),
    ({"times": "rfc3339"}, {"oldest_pending": ..., "created_at_filter": "honoured"}, set()),
    ({"lines": "object"}, {"lines": {"object": 120}, "line_ids": True}, set()),
    ({"lines": "missing"}, {"lines": {"missing": 120}, "line_ids": None}, {"lines"}),
    ({"lines": "null"}, {"lines": {"null": 120}}, {"lines"}),
    ({"lines": "string"}, {"lines": {"other": 120}}, {"lines"}),
    ({"invoices": "object"}, {"total": 120, "lines": {"list": 120}}, set()),
    ({"line_invoice_id": False}, {"line_invoice_id": "missing"}, set()),
    ({"date": False}, {"clock": None, "default_since": True, "total": 120}, set()),
    ({"bom": True}, {"total": 120}, set()),
    ({"gzip": True}, {"total": 120}, set()),
    ({"rate_limit": {"requests": 500, "seconds": 60}}, {"rate_limit": ...}, set()),
    ({"memory_limit": {"invoices": 60}}, {"page_size": 50, "total": 120}, {"page_size", "columns"}),
    (
        {"memory_limit": {"invoices": 60, "display_errors": True}},
        {"page_size": 50, "lines": {"list": 50}},
        {"page_size", "columns"},
    ),
]


@pytest.mark.parametrize(
    ("behaviour", "values", "problems"), BEHAVIOURS, ids=[str(each) for each, _, _ in BEHAVIOURS]
)
def test_what_an_api_does_is_found_out(
    account: Account, behaviour: dict[str, Any], values: dict[str, Any], problems: set[str]
) -> None:
    """`...` stands for any value that is known."""
    account.sandbox.behave(**behaviour)
    done = account.check()
    found = {name: done[name]["value"] for name in values}
    expected = {name: found[name] if value is ... else value for name, value in values.items()}
    assert found == expected
    assert None not in [found[name] for name, value in values.items() if value is ...]
    assert done.of_status("problem") == problems
    assert done.report["requests"] <= MAX_REQUESTS


def options(name: str, *values: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from([{}, *({name: value} for value in values)])


ANY_BEHAVIOUR = st.tuples(
    options("paging", *PAGINGS, {"capped": 7}, {"refused": 422}, {"refused": 500}),
    *(options(name, *values) for name, values in CHOICES.items()),
    options("repeats", 2, "lines"),
    options("empty_page", 0, 1),
    options("memory_limit", {"invoices": 60, "display_errors": True}),
    options("utc_offset_hours", 2, -5),
    options("line_invoice_id", False),  # noqa: FBT003 - a value
    options("date", False),  # noqa: FBT003
    options("bom", True),  # noqa: FBT003
).map(lambda parts: {name: value for part in parts for name, value in part.items()})


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(behaviour=ANY_BEHAVIOUR)
def test_any_api_gets_a_whole_report(account: Account, behaviour: dict[str, Any]) -> None:
    """Whatever the combination, each check has a result, by GET requests alone."""
    account.sandbox.reset()
    account.sandbox.clear_log()
    account.sandbox.behave(**behaviour)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "INITIAL_WAIT_S", 0.01)
        done = account.check()
    assert {each["method"] for each in account.sandbox.log()} == {"GET"}
    assert done.report["requests"] <= 2 * MAX_REQUESTS  # with retries
    for each in done.report["checks"]:
        assert each["advice"] or each["status"] != "problem", each


@pytest.mark.parametrize("known", [["warehouse-of-nobody"], None])
def test_a_system_id_that_is_refused_ends_the_check(
    account: Account, known: list[str] | None
) -> None:
    account.sandbox.behave(systems=known or [account.system_id])
    done = account.check()
    if known:
        assert done.report["problems"] == ["system_id"]
        assert "The selected system id is invalid" in done["system_id"]["found"]
        assert done["pending"]["status"] == "unknown"
    else:
        assert done.report["problems"] == []
        assert done["unknown_system_id"]["value"] == "refused"


def test_how_columns_arrive_is_told(account: Account) -> None:
    """Decimals as text and flags as numbers are named by their columns."""
    account.sandbox.behave(numbers="string", flags="integer", json="php")
    done = account.check()
    assert "invoices.total" in done["numbers"]["value"]["text"]
    assert "invoices.paid" in done["flags"]["value"]["0 and 1"]
    assert done["columns"]["value"]["invoices"]["total"] == "string"
    assert done["columns"]["value"]["invoice_lines"]["invoice_id"] == "integer"


@pytest.mark.parametrize("size", [0, 1, 2, 49, 50, 51, 100, 101])
def test_an_account_of_any_size_is_counted(tmp_path: Path, size: int) -> None:
    """Few invoices leave checks unknown, and are no problem."""
    with Sandbox.start(invoices=size, drafts=3) as sandbox:
        account = Account(tmp_path, sandbox)
        account.mark(range(1, size // 2 + 1), seconds_ago=7 * 86400)
        done = account.check()
    assert (done.report["total"], done.report["pending"]) == (size, size - size // 2)
    assert done.report["problems"] == []
    assert (done.report["oldest_pending_seconds"] == 0) == (size == 0)


@pytest.mark.slow
def test_a_large_account_costs_a_few_dozen_small_requests(tmp_path: Path) -> None:
    """The number of requests does not grow with the account, and none is for much."""
    with Sandbox.start(invoices=60_000, drafts=3) as sandbox:
        account = Account(tmp_path, sandbox)
        account.mark(range(1, 35_001), seconds_ago=7 * 86400)
        sandbox.clear_log()
        done = account.check()
        log = sandbox.log("export")
    assert len(log) == done.report["requests"] <= MAX_REQUESTS
    assert max(each["count"] for each in log) <= 250
    assert (done.report["total"], done.report["pending"]) == (60_000, 25_000)
    assert done.report["problems"] == []


@pytest.mark.slow
def test_a_server_that_ignores_the_limit_is_not_read_to_the_end(tmp_path: Path) -> None:
    """Where a response holds everything, its beginning has to do."""
    with Sandbox.start(invoices=8_500, drafts=0) as sandbox:
        sandbox.behave(paging="ignored")
        assert_nothing_is_counted(Account(tmp_path, sandbox).check())


def test_a_response_without_an_end_is_not_read_for_ever(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (listing, probe):
        monkeypatch.setattr(module, "MAX_SAMPLE_BYTES", 4 << 20)  # 16 MB take four times as long
    account.sandbox.fail({"kind": "endless", "on": "export", "times": None})
    assert_nothing_is_counted(account.check())


def assert_nothing_is_counted(done: Found) -> None:
    assert "limit" in done.report["problems"]
    assert done["limit"]["value"] == "ignored"
    assert done.report["pending"] is None


def test_a_list_that_is_read_in_another_zone_is_noticed(account: Account) -> None:
    """A zone ahead of UTC shows in what was marked within its hours."""
    account.mark(range(60, 70), seconds_ago=600)
    account.sandbox.behave(utc_offset_hours=2)
    done = account.check()
    assert done.report["problems"] == ["since_time_zone"]
    assert done["default_since"]["status"] == "ok"


@pytest.mark.parametrize("hours", [0, -5])
def test_what_get_requests_cannot_show_is_unknown(account: Account, hours: int) -> None:
    account.mark(range(60, 70), seconds_ago=600)
    account.sandbox.behave(utc_offset_hours=hours)
    done = account.check()
    assert done["since_time_zone"]["status"] == "unknown"
    assert done.report["problems"] == []


@pytest.mark.parametrize("request_number", range(5, 22))
def test_a_run_beside_the_check_is_no_problem(account: Account, request_number: int) -> None:
    """What another program marks meanwhile makes a list move, and proves nothing."""
    action = {"do": "mark", "ids": list(range(100, 106)), "system_id": account.system_id}
    account.sandbox.during_export(request_number, action)
    done = account.check()
    assert done.report["problems"] == []


def test_filters_of_the_settings_hold_for_what_is_counted(account: Account) -> None:
    """A sync reads no other invoices either."""
    since = "2024-01-02T09:00:00Z"  # invoice 60 and later
    group = {"filters": [{"key": "created_at", "operator": "gte", "value": since}]}
    done = account.check(filter_groups=[group])
    assert (done.report["total"], done.report["pending"]) == (61, 61)
    assert "that pass filter_groups" in done["total"]["found"]
    assert done["created_at_filter"]["value"] == "honoured"


@pytest.mark.parametrize("kind", ["status", "close", "html"])
def test_one_failing_request_fails_its_own_check_alone(
    account: Account, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request in turn fails twice, so that it fails for good."""
    monkeypatch.setattr(http, "INITIAL_WAIT_S", 0.01)
    detail = {"status": 500} if kind == "status" else {}
    for number in range(1, account.check().report["requests"]):
        account.sandbox.heal()
        rule = {"kind": kind, "on": "export", "skip": number, "times": 2}
        account.sandbox.fail(rule | detail)
        done = account.check()
        assert len(done.of_status("ok")) > len(all_names()) / 2, number
        assert done["access_token"]["status"] == "ok"


def test_a_list_of_everything_that_fails_leaves_the_rest(account: Account) -> None:
    """Paging and content are then looked at by what is pending."""
    account.sandbox.fail({"kind": "status", "status": 500, "on": "export", "skip": 1, "times": 2})
    done = account.check()
    assert set(done.report["problems"]) == {"total", "earlier_since"}
    assert done.report["pending"] == INVOICES - MARKED
    assert done["limit"]["value"] == done["start"]["value"] == done["sort"]["value"] == "honoured"


def test_a_timeout_fails_its_own_check_alone(account: Account) -> None:
    slow = {"kind": "latency", "seconds": 2, "on": "export"}
    account.sandbox.fail(slow | {"skip": 15, "times": 2})
    done = account.check(request_timeout=0.5)
    assert "o response in time" in json.dumps(done.report)
    assert done.report["total"] == INVOICES


def test_a_server_that_falls_silent_is_given_up(account: Account) -> None:
    account.sandbox.fail({"kind": "latency", "seconds": 20, "skip": 6, "times": None})
    began = time.monotonic()
    done = account.check(request_timeout=0.3)
    assert time.monotonic() - began < 15
    assert "the server has stopped responding" in json.dumps(done.report)


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ({"api_url": "http://127.0.0.1:9"}, "address", "connection refused"),
        ({"api_url": "http://user:hunter22@127.0.0.1:9"}, "address", "http://127.0.0.1:9: "),
        ({"access_token": "another-token"}, "access_token", "The API answered 401"),
    ],
)
def test_without_access_the_check_ends_at_once(
    account: Account, settings: dict[str, Any], name: str, words: str
) -> None:
    began = time.monotonic()
    run = account.run("--format=json", **settings)
    assert time.monotonic() - began < 15
    assert run.exit_code == 1
    assert "Traceback" not in run.stderr
    assert "hunter22" not in run.stdout + run.stderr
    done = Found(run.stdout)
    assert done.report["problems"] == [name]
    assert words in done[name]["found"]
    assert done[name]["advice"]
    assert done.report["requests"] <= 2
    assert done.report["pending"] is done.report["oldest_pending_seconds"] is None


def test_a_wrong_app_key_is_the_problem(tmp_path: Path) -> None:
    with Sandbox.start(app_key="key", invoices=3) as sandbox:
        account = Account(tmp_path, sandbox)
        done = account.check(app_key="another")
        assert done.report["problems"] == ["app_key"]
        assert account.check(app_key="key").report["problems"] == []


class EmptyAccount(BaseHTTPRequestHandler):
    """An API of an account without invoices."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"invoices": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def test_tls_is_told_and_an_unknown_authority_is_a_problem(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyAccount)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with serving(server) as port:
        config = {
            "api_url": f"https://localhost:{port}",
            "access_token": "a-token-of-a-test",
            "system_id": "a",
        }
        words = ("--check", "--format=json")
        untrusted = Found(run_tap(tmp_path, config, *words).stdout)
        env = {"REQUESTS_CA_BUNDLE": str(bundle)}
        trusted = Found(run_tap(tmp_path, config, *words, env=env).check().stdout)
    assert untrusted.report["problems"] == ["tls"]
    assert "certificate is not trusted" in untrusted["tls"]["found"]
    assert trusted.report["problems"] == []
    assert trusted["tls"]["value"] == "TLSv1.3"


@pytest.mark.parametrize("style", [None, "json", "markdown"])
def test_no_customer_data_and_no_secret_is_shown(account: Account, style: str | None) -> None:
    """The result can be attached to a bug report."""
    done = account.run(*([f"--format={style}"] if style else []))
    shown = done.stdout + done.stderr
    assert account.sandbox.token not in shown
    for invoice in account.sandbox.invoices():
        for text in texts(invoice):
            assert text not in shown, text


def texts(value: Any) -> Iterator[str]:
    """Yield the texts of an invoice that are long enough to be found by chance nowhere."""
    match value:
        case dict():
            for each in value.values():
                yield from texts(each)
        case list():
            for each in value:
                yield from texts(each)
        case str() if len(value) > 5:
            yield value


def test_the_table_can_be_copied(account: Account) -> None:
    """It has at most 80 columns of plain text, and names every check."""
    done = account.run()
    assert done.exit_code == 0
    assert done.stdout.replace("\n", "").isprintable()
    assert max(map(len, done.stdout.splitlines())) <= 80
    for name in all_names():
        assert f" {name} " in done.stdout
    assert "Problems: none" in done.stdout
    assert "Checking the connection" in done.stderr


def test_a_table_in_markdown_has_a_row_a_check(account: Account) -> None:
    rows = account.run("--format=markdown").stdout.splitlines()
    assert [
        row.split(" | ")[0].strip("| ") for row in rows[2 : 2 + len(all_names())]
    ] == all_names()
    assert len({row.count("|") for row in rows[: 2 + len(all_names())]}) == 1


def test_about_keeps_its_formats(account: Account) -> None:
    done = run_tap(account.folder, None, "--about", "--format=json")
    assert json.loads(done.check().stdout)["name"] == "tap-invoices"


def test_wrong_settings_are_told_before_any_request(account: Account) -> None:
    done = account.run(page_size="many")
    assert done.exit_code == 1
    assert "page_size" in done.stderr
    assert done.stdout == ""
    assert account.sandbox.log() == []


@pytest.mark.parametrize("words", [(), ("--format=json",)])
def test_without_credentials_it_says_how_to_set_them(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = run_tap(tmp_path, {"system_id": ""}, "--check", *words)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert [error.split(":")[0] for error in done.errors] == ["Setting", "Setting"]
    assert "TAP_INVOICES_ACCESS_TOKEN" in done.errors[0]
    assert "system_id is missing" in done.errors[1]


def test_a_run_s_report_is_not_replaced_by_a_check(account: Account) -> None:
    path = account.folder / "report.json"
    path.write_text("of the last run")
    assert account.run(report_file=str(path)).exit_code == 0
    assert path.read_text() == "of the last run"


@pytest.mark.parametrize("status", [422, 500])
def test_a_limit_that_is_refused_is_fine_without_pages(account: Account, status: int) -> None:
    account.sandbox.behave(paging={"refused": status})
    done = account.check(page_size=0)
    assert done.report["problems"] == []
    assert done["limit"]["value"] == "refused"
    assert done["columns"]["value"]["invoices"]["total"] == "number"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(account: Account, number: signal.Signals) -> None:
    account.sandbox.fail({"kind": "latency", "seconds": 20, "times": None})
    config = account.sandbox.config(system_id=account.system_id)
    process = start([*command(account.folder, config), "--check"], env=environment())
    while not account.sandbox.log("export"):
        time.sleep(0.05)
    process.send_signal(number)
    done = finish(process)
    assert done.exit_code in {-number, 128 + number}
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
