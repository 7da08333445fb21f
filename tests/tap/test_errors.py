"""What goes wrong with a request, and what is done about it."""

from __future__ import annotations

import ssl
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from helpers.run import hasty_retries
from helpers.servers import serving
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.run import CompletedRun

    from .conftest import Tap

ALL = list(range(1, 13))


def failing(tap: Tap, *rules: dict[str, Any], **settings: Any) -> CompletedRun:
    """Run the tap against a service that fails from its second listing request on."""
    tap.sandbox.fail(*({"on": "export", "skip": 2, **rule} for rule in rules))
    return tap.run(page_size=5, start_date="2020-01-01", **settings)


def error_of(done: CompletedRun) -> str:
    """Return its one line of error."""
    assert done.exit_code == 1, done.stderr
    assert "Traceback" not in done.stderr
    [error] = done.errors
    return error


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503, "body": "<html>", "times": 2},
        {"kind": "status", "status": 408},
        {"kind": "status", "status": 429},
        {"kind": "close", "times": 2},
        {"kind": "cut", "framing": "length"},
        {"kind": "cut", "framing": "chunked"},
        {"kind": "cut", "framing": "nothing"},
        {"kind": "body", "body": "<html>"},
        {"kind": "body", "body": ""},
    ],
    ids=str,
)
def test_what_may_pass_is_asked_again_and_nothing_comes_twice(
    tap: Tap, rule: dict[str, Any]
) -> None:
    done = failing(tap, rule)
    assert done.exit_code == 0, done.stderr
    assert done.ids() == ALL
    assert done.stderr.count("Retrying") == rule.get("times", 1)


@pytest.mark.parametrize("framing", ["length", "nothing"])
def test_a_compressed_body_that_is_cut_is_asked_for_again(tap: Tap, framing: str) -> None:
    tap.sandbox.behave(gzip=True)
    done = failing(tap, {"kind": "cut", "framing": framing})
    assert done.ids() == ALL
    assert "Retrying" in done.stderr


def test_a_timeout_is_asked_again(tap: Tap) -> None:
    done = failing(tap, {"kind": "latency", "seconds": 30}, request_timeout=0.5)
    assert done.ids() == ALL
    assert "no response in time" in done.stderr


def around_refusal(tap: Tap, retry_after: str) -> tuple[float, float]:
    """Return when a request was refused and when the next one came, by the server's clock."""
    failing(tap, {"kind": "status", "status": 429, "headers": {"Retry-After": retry_after}})
    log = tap.sandbox.log("export")
    refused = next(number for number, each in enumerate(log) if each["status"] == 429)
    return float(log[refused]["time"]), float(log[refused + 1]["time"])


def test_retry_after_is_honoured_in_seconds(tap: Tap) -> None:
    refused, again = around_refusal(tap, "3")
    assert again >= refused + 3


def test_retry_after_is_honoured_as_a_date_of_the_servers_clock(tap: Tap) -> None:
    """That clock may be an hour off: by ours, one would wait an hour, or not at all."""
    tap.sandbox.clock(3600)
    until = int(time.time()) + 3600 + 8
    refused, again = around_refusal(tap, formatdate(until, usegmt=True))
    assert again >= until - 1
    assert again < max(refused, until) + 600


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"status": 401, "body": {"message": "Unauthenticated."}}, ["Unauthenticated", "token"]),
        ({"status": 401, "body": {"error": "token revoked"}}, ["token revoked", "access_token"]),
        ({"status": 403, "body": {"message": "Not yours."}}, ["Not yours", "system_id"]),
        (
            {"status": 422, "body": {"message": "Invalid.", "errors": {"since": ["No date."]}}},
            ["Invalid.", "since: No date.", "start_date"],
        ),
        ({"status": 404, "body": "<html>"}, ["404", "api_url"]),
        ({"status": 400, "body": {"error": "Bad page."}}, ["400", "Bad page."]),
        ({"status": 302, "headers": {"Location": "https://example.org/"}}, ["302", "api_url"]),
    ],
)
def test_what_will_not_pass_ends_it_at_once_with_the_servers_words_and_a_hint(
    tap: Tap, rule: dict[str, Any], words: list[str]
) -> None:
    done = failing(tap, {"kind": "status", "times": None, **rule})
    line = error_of(done)
    assert all(word in line for word in words), line
    assert len(tap.sandbox.log("export")) == 3
    assert done.ids() == [1, 2, 3, 4, 5]
    assert done.bookmark["delivered"][1] == "1..5"


@pytest.mark.parametrize(
    "body",
    [{"invoices": None}, {"invoices": "7"}, {}, [], None, "7"],
    ids=str,
)
def test_json_of_another_shape_ends_it(tap: Tap, body: Any) -> None:
    assert "api_url" in error_of(failing(tap, {"kind": "body", "body": body, "times": None}))


def test_a_service_that_stays_away_ends_it_after_a_bounded_number_of_tries(tap: Tap) -> None:
    done = failing(tap, {"kind": "close", "times": None}, env=hasty_retries(tap.folder))
    assert "Cannot use the API at" in error_of(done)
    assert 5 <= done.stderr.count("Retrying") <= 10
    assert done.ids() == [1, 2, 3, 4, 5]
    tap.sandbox.heal()
    assert tap.sync(state=done.state).ids() == [6, 7, 8, 9, 10, 11, 12]


def test_a_redirect_does_not_carry_the_token_to_another_host(tap: Tap) -> None:
    with Sandbox.start(invoices=3) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/v10/invoices/export?system_id=warehouse"}
        failing(tap, {"kind": "status", "status": 307, "headers": headers, "times": None})
        assert elsewhere.log() == []


def test_a_proxy_from_the_environment_is_used(tap: Tap) -> None:
    """The sandbox stands in for the proxy too: it is asked for another host's address."""
    proxy = {"HTTP_PROXY": tap.sandbox.url, "http_proxy": tap.sandbox.url, "NO_PROXY": ""}
    done = tap.run(env=proxy, api_url="http://api.example.invalid", start_date="2020-01-01")
    assert done.exit_code == 0, done.stderr
    assert done.ids() == ALL
    assert tap.sandbox.log("export")[-1]["headers"]["Host"] == "api.example.invalid"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def https(authority: trustme.CA) -> Iterator[str]:
    """A server of an empty list, whose certificate an authority of its own vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyList)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        yield f"https://localhost:{port}"


class EmptyList(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"invoices": []}')


def test_a_certificate_is_checked(tap: Tap, https: str, authority: trustme.CA) -> None:
    refused = tap.run("--discover", api_url=https)
    assert "its certificate is not trusted" in refused.stderr
    bundle = tap.folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    trusted = tap.run(api_url=https, env={"REQUESTS_CA_BUNDLE": str(bundle)})
    assert trusted.exit_code == 0, trusted.stderr
    assert trusted.states


def test_a_netrc_does_not_replace_the_token(tap: Tap) -> None:
    netrc = tap.folder / "netrc"
    netrc.write_text("default login someone password other\n")
    assert tap.run(env={"NETRC": str(netrc)}).exit_code == 0
