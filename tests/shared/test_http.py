"""What comes of each kind of response: a result, a retry, or an end with words that help."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from helpers.raw_server import Connection, raw_server, response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Connect, Shared

LISTING = b'{"invoices": [{"id": 1}]}'
MIB = 1 << 20


def send(data: bytes) -> Callable[[Connection], None]:
    return lambda connection: connection.send(data)


def in_turn(*data: bytes) -> Callable[[Connection], None]:
    """Respond to the first request with the first of them, and so on; the last one stays."""
    return lambda connection: connection.send(data[min(connection.number, len(data) - 1)])


def error_of(shared: Shared, connect: Connect, data: bytes, attempts: int = 2) -> tuple[Any, int]:
    """Return the error that a response leads to, and how many requests were sent."""
    with raw_server(send(data)) as server:
        with pytest.raises(shared.errors.PluginError) as raised:
            connect(server.url, attempts=attempts).ids()
        return raised.value, len(server.requests)


GARBAGE = {
    "no status": (b"hello\r\n\r\n", "connection lost"),
    "nothing": (b"", "connection lost"),
    "a body that ends early": (
        response(LISTING).replace(b"h: 25", b"h: 99"),
        "the response was cut off",
    ),
    "a list that ends early": (response(LISTING[:-3]), "not valid JSON, or cut off"),
    "an empty body": (response(b""), "its response is empty"),
    "no content": (response(b"", status="204 No Content", length=False), "its response is empty"),
    "a part": (response(LISTING[:-3], status="206 Partial Content"), "cut off"),
    "HTML": (response(b"<html>Fatal error</html>", "Content-Type: text/html"), "HTML page"),
    "two lengths": (
        response(LISTING, "Content-Length: 5"),
        "connection lost|the response cannot be read",
    ),
    "no length": (response(LISTING, "Content-Length: x", length=False), None),
    "a negative length": (response(LISTING, "Content-Length: -5", length=False), None),
    "a length of 5,000 digits": (
        response(LISTING, "Content-Length: " + "9" * 5000, length=False),
        None,
    ),
    "no chunks": (
        response(LISTING, "Transfer-Encoding: chunked", length=False),
        "the response was cut off",
    ),
    "no gzip": (response(LISTING, "Content-Encoding: gzip"), "the response was cut off"),
    "gzip that ends early": (
        response(gzip.compress(LISTING)[:-12], "Content-Encoding: gzip"),
        "cut off",
    ),
    "gzip within gzip within gzip": (
        response(LISTING, "Content-Encoding: " + ", ".join(["gzip"] * 30)),
        "cut off",
    ),
    "too many headers": (
        response(LISTING, *[f"X-{number}: 1" for number in range(500)]),
        "connection lost|cannot be read",
    ),
    "an endless header": (response(LISTING, "X: " + "x" * 100_000), "lost|cannot be read"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_retried_and_described(shared: Shared, connect: Connect, name: str) -> None:
    """It may come from something in between; what is read in spite of it is complete."""
    data, description = GARBAGE[name]
    if description is None:
        with raw_server(send(data)) as server:
            assert connect(server.url).ids() == [1]
        return
    error, requests = error_of(shared, connect, data)
    assert requests == 2
    assert shared.errors.PluginError is type(error)
    with pytest.raises(shared.errors.PluginError, match=description):
        raise error
    assert str(error).startswith("Cannot use the API at http://127.0.0.1:")


@pytest.mark.parametrize("name", sorted(name for name, (_, text) in GARBAGE.items() if text))
def test_after_garbage_the_next_attempt_counts(connect: Connect, name: str) -> None:
    with raw_server(in_turn(GARBAGE[name][0], response(LISTING))) as server:
        api = connect(server.url, attempts=3)
        assert api.ids() == [1]
        assert (api.http.stats.sent, api.http.stats.retries) == (2, 1)


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Type: application/json; charset=klingon"],
        ["Date: Mon, 23 Nov 2026 10:00:00 +99999999999999999999"],
        ["Date: " + "9" * 5000],
        ["Set-Cookie: a=\xff; Path=/", "Set-Cookie: =;=;"],
        ["Content-Encoding: klingon"],
    ],
    ids=lambda headers: headers[0][:40],
)
def test_odd_headers_do_no_harm(connect: Connect, headers: list[str]) -> None:
    with raw_server(send(response(LISTING, *headers))) as server:
        api = connect(server.url)
        assert api.ids() == [1]
        assert api.ids() == [1]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_response(connect: Connect, encoding: str) -> None:
    compressed = gzip.compress(LISTING) if encoding == "gzip" else zlib.compress(LISTING)
    data = response(compressed, f"Content-Encoding: {encoding}")
    with raw_server(send(data)) as server:
        assert connect(server.url).ids() == [1]


def test_a_listing_has_the_server_s_time(shared: Shared, connect: Connect) -> None:
    data = response(LISTING, "Date: Mon, 23 Nov 2026 10:00:00 GMT")
    with raw_server(send(data)) as server:
        export = connect(server.url).export
        page = export.fetch(shared.listing.ExportQuery(), shared.listing.PageRequest())
        assert page.server_time.isoformat() == "2026-11-23T10:00:00+00:00"
        assert page.requested_at <= time.monotonic()
        assert export.read_server_time() == page.server_time


# What a server sends without end, or what becomes large


@pytest.fixture
def _at_most_1_mib(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (shared.transport, shared.listing):
        monkeypatch.setattr(module, "MAX_RESPONSE_BYTES", MIB)


ENDLESS = {
    "a body": (response(b"", length=False), b" " * 65536),
    "chunks": (response(b"", "Transfer-Encoding: chunked", length=False), b"1\r\n \r\n" * 9999),
    "trailers": (
        response(b"0\r\n", "Transfer-Encoding: chunked", length=False),
        b"X: 1\r\n" * 9999,
    ),
    "empty gzip members": (
        response(b"", "Content-Encoding: gzip", length=False),
        gzip.compress(b"") * 999,
    ),
    "a gzip bomb": (
        response(b"", "Content-Encoding: gzip", length=False),
        gzip.compress(b" " * (16 * MIB)),
    ),
}


@pytest.mark.usefixtures("_at_most_1_mib")
@pytest.mark.parametrize("name", ENDLESS)
def test_a_response_is_bounded_in_size(shared: Shared, connect: Connect, name: str) -> None:
    """As it is sent, and after decompression; and it is not requested again."""
    head, rest = ENDLESS[name]

    def respond(connection: Connection) -> None:
        connection.send(head)
        connection.repeat(rest)

    with raw_server(respond) as server:
        with pytest.raises(shared.errors.ResponseTooLargeError, match="more than 1 MiB"):
            connect(server.url, attempts=3).ids()
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["302 Found\r\nLocation: /x", "500 Oh", "401 No", "404 No"])
@pytest.mark.parametrize("name", ["a body", "a gzip bomb"])
def test_an_error_s_body_is_read_in_part(
    shared: Shared, connect: Connect, name: str, status: str
) -> None:
    """Also that of a redirect, which nobody needs; the status alone says what to do."""
    head, rest = ENDLESS[name]

    def respond(connection: Connection) -> None:
        connection.send(head.replace(b"200 OK", status.encode()))
        connection.repeat(rest)

    with raw_server(respond) as server:
        with pytest.raises(shared.http.HttpStatusError, match=status[:3]):
            connect(server.url).ids()
        assert server.sent < 12 * MIB  # what is in the buffers of both sockets included


def test_a_sample_of_a_large_listing_is_cut_off(
    shared: Shared, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server ignores the limit; what is complete by then is returned."""
    monkeypatch.setattr(shared.listing, "MAX_SAMPLE_BYTES", MIB)

    def respond(connection: Connection) -> None:
        connection.send(response(b'{"invoices": [{"id": 1}', length=False))
        connection.repeat(b', {"id": 2, "name": "abc"}' * 1000)

    with raw_server(respond) as server:
        page = connect(server.url).export.fetch_sample(shared.listing.ExportQuery(), 50)
        assert [row.id for row in page.rows] == [1] + [2] * 49


# Statuses


@pytest.mark.parametrize("status", [200, 201, 203, 299])
def test_a_success_is_read_whatever_its_number(connect: Connect, status: int) -> None:
    """A proxy on the way may turn 200 into 203."""
    with raw_server(send(response(LISTING, status=f"{status} X"))) as server:
        assert connect(server.url).ids() == [1]


STATUSES: dict[int, tuple[str, str]] = {
    # status: what is done, and what helps
    101: ("END", "not what the API answers"),
    300: ("END", "not what the API answers"),
    301: ("END", "set api_url to the final address"),
    302: ("END", "set api_url to the final address"),
    304: ("END", "not what the API answers"),
    307: ("END", "set api_url to the final address"),
    400: ("END", "Check system_id and page_size"),
    401: ("END", "Check access_token (without a leading `Bearer`) and app_key"),
    402: ("END", "provider of the account"),
    403: ("END", "check app_key, system_id"),
    404: ("END", "There is no export API at this address"),
    405: ("END", "There is no export API at this address"),
    407: ("END", "HTTPS_PROXY or HTTP_PROXY"),
    408: ("RETRY", "the next run resumes here"),
    410: ("END", "There is no export API at this address"),
    413: ("END", "Check system_id and page_size"),
    414: ("END", "Use fewer filter_groups"),
    422: ("END", "Check system_id and page_size"),
    425: ("RETRY", "the next run resumes here"),
    429: ("RETRY", "set a larger page_size"),
    500: ("RETRY", "the next run resumes here"),
    503: ("RETRY", "the next run resumes here"),
    520: ("RETRY", "the next run resumes here"),
    999: ("RETRY", "the next run resumes here"),
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_says_what_to_do(shared: Shared, connect: Connect, status: int) -> None:
    action, hint = STATUSES[status]
    data = response(b"", "Location: http://[/", status=f"{status} X")
    with raw_server(send(data)) as server:
        api = connect(server.url, attempts=2)
        with pytest.raises(shared.http.HttpStatusError) as raised:
            api.ids(limit=5)
        assert len(server.requests) == (2 if action == "RETRY" else 1)
    error = raised.value
    assert (error.status, error.action.name) == (status, action)
    assert str(error).startswith(f"The API answered {status}. ")
    assert hint in str(error)


@pytest.mark.parametrize(
    ("status", "message", "action"),
    [
        (400, "", "ISOLATE"),
        (404, "No query results for model [Invoice] 5", "ISOLATE"),
        (404, "", "END"),
        (404, "The route v10/invoices/mark-as-exported could not be found.", "END"),
        (404, "Not Found", "END"),
        (409, "", "ISOLATE"),
        (422, "The note is too long.", "ISOLATE"),
        (423, "", "ISOLATE"),
        (402, "", "END"),
        (413, "", "END"),
        (415, "", "END"),
        (418, "", "END"),
        (429, "", "RETRY"),
        (503, "", "RETRY"),
    ],
)
def test_a_rejected_mark_concerns_invoices_or_the_request(
    shared: Shared, connect: Connect, status: int, message: str, action: str
) -> None:
    data = response(json.dumps({"message": message}).encode(), status=f"{status} X")
    with raw_server(send(data)) as server, pytest.raises(shared.http.HttpStatusError) as raised:
        connect(server.url).mark()
    assert raised.value.action.name == action
    assert "page_size" not in str(raised.value)


def test_the_rejected_invoices_of_a_batch_are_read(shared: Shared, connect: Connect) -> None:
    errors = {"invoices.3.invoice_id": ["?"], "invoices.0.note": ["?"], "invoices": ["?"], "x.1": 1}
    body = json.dumps({"message": "No.", "errors": errors}).encode()
    data = response(body, status="422 X")
    with raw_server(send(data)) as server, pytest.raises(shared.http.HttpStatusError) as raised:
        connect(server.url).mark()
    assert raised.value.rejected_indexes == {0, 3}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Unauthenticated."}, "Unauthenticated."),
        ({"error": "token revoked"}, "token revoked"),
        ({"message": "", "error": "token revoked"}, "token revoked"),
        ({"message": "No.", "errors": {"note": ["Too long.", "Odd."]}}, "No.; note: Too long."),
        ({"errors": {"note": "Too long."}}, "note: Too long."),
        ({"message": "Too long.", "errors": {"note": ["Too long."]}}, "Too long."),
        ({"message": "two\n\n  lines"}, "two lines"),
        ({"message": "\x1b]0;owned\x07 \x1b[2J"}, "\ufffd]0;owned\ufffd \ufffd[2J"),
        ({"message": "x" * 1000}, "x" * 299 + "…"),
        ({"message": ["no", "text"]}, ""),
        ({"message": "No.", "invoice": {"customer": "Jane"}}, "No."),
        ({"message": "No.", "errors": {"note": [{"customer": "Jane"}]}}, "No."),
        ({"message": "No.", "errors": {"note": {"customer": "Jane"}}}, "No."),
        ({"message": "No.", "errors": ["Jane"]}, "No."),
        ({"error": {"message": "token revoked"}}, "token revoked"),
        ({"title": "Forbidden", "detail": "No."}, "Forbidden"),
        ({"errors": ["No."]}, "No."),
        (["No."], ""),
        ("No.", ""),
        (None, ""),
    ],
    ids=str,
)
def test_the_server_s_words(shared: Shared, connect: Connect, body: Any, words: str) -> None:
    """They are repeated; the rest of a body is not, since it may be about a customer."""
    data = response(json.dumps(body).encode(), status="422 X")
    error, _ = error_of(shared, connect, data)
    assert error.server_message == words
    assert (f'422 and said "{words}". ' if words else "422. ") in str(error)


ODD_ERROR_BODIES = {
    "a number of 5,000 digits": b'{"message": "No.", "x": ' + b"9" * 5000 + b"}",
    "deep nesting": b'{"message": "No.", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nesting that can be read": b'{"errors": {"x": ' + b"[" * 900 + b"]" * 900 + b"}}",
    "HTML": b"<html>",
    "not UTF-8": b'{"message": "\xff"}',
    "UTF-16": '{"message": "No."}'.encode("utf-16"),
    "a huge body": b" " * (2 * MIB),
    "NaN": b'{"message": NaN}',
}


@pytest.mark.parametrize("name", ODD_ERROR_BODIES)
@pytest.mark.parametrize("status", [401, 500])
def test_an_error_with_an_odd_body(
    shared: Shared, connect: Connect, name: str, status: int
) -> None:
    """It is told by its status, without words, and retried only where that helps."""
    headers = ["Content-Type: application/json; charset=klingon"]
    data = response(ODD_ERROR_BODIES[name], *headers, status=f"{status} X")
    error, requests = error_of(shared, connect, data)
    assert type(error) is shared.http.HttpStatusError
    assert error.status == status
    assert requests == (1 if status == 401 else 2)


@pytest.mark.parametrize("preamble", ["", "\ufeff", "\ufeff\ufeff", "\r\n\ufeff \n", "\n"])
@pytest.mark.parametrize("text", ["", "{}", '{"a": "\ufeff"}'])
def test_byte_order_marks_and_blanks_before_a_body_are_removed(
    shared: Shared, preamble: str, text: str
) -> None:
    body = bytearray((preamble + text).encode())
    shared.http.remove_preamble(body)
    assert body == text.encode()


@pytest.mark.parametrize("before", range(280, 301, 4))
def test_a_secret_that_a_message_repeats_is_hidden_where_it_is_cut(
    shared: Shared, connect: Connect, before: int
) -> None:
    shared.redact.hide_secrets(["s3cret-t0ken"])
    body = json.dumps({"message": "x" * before + "s3cret-t0ken"}).encode()
    error, _ = error_of(shared, connect, response(body, status="422 X"))
    assert "s3" not in str(error)


def test_words_behind_a_byte_order_mark(shared: Shared, connect: Connect) -> None:
    data = response(b'\xef\xbb\xbf{"message": "No."}', status="422 X")
    error, _ = error_of(shared, connect, data)
    assert error.server_message == "No."


# Waiting


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, without waiting."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def test_waits_grow_with_jitter(
    shared: Shared, connect: Connect, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.http, "INITIAL_WAIT_S", 1)
    error_of(shared, connect, response(b"", status="503 X"), attempts=10)
    ceilings = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(waits) == 9
    assert all(
        ceiling / 2 <= wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True)
    )
    assert len({wait / ceiling for wait, ceiling in zip(waits, ceilings, strict=True)}) > 3


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("Mon, 23 Nov 2026 10:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 09:00:00 GMT", 0),
        ("0", 0),
        ("86400", 600),
        ("9" * 5000, 600),
        ("Mon, 23 Nov 2126 10:00:00 GMT", 600),
        ("-5", 0),
        ("٣", 0),
        ("soon", 0),
        ("Mon, 23 Nov 2026 10:00:00 +9999999999999", 0),
        ("", 0),
    ],
    ids=lambda value: str(value)[:30],
)
def test_retry_after_is_waited_for(
    shared: Shared, connect: Connect, waits: list[float], header: str, wait: int
) -> None:
    """By the server's own clock, and ten minutes at most."""
    headers = [f"Retry-After: {header}", "Date: Mon, 23 Nov 2026 10:00:00 GMT"]
    data = response(b"", *[each.encode().decode("latin-1") for each in headers], status="429 X")
    error_of(shared, connect, data)
    assert waits == [pytest.approx(wait, abs=0.01)]


def test_a_retry_is_logged_with_its_reason(
    shared: Shared, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """What the user can do about it comes only at the end."""
    data = response(b'{"message": "Down."}', status="503 X")
    error_of(shared, connect, data)
    [text] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert text == 'Attempt 1 failed (the API answered 503 and said "Down."). Retrying in 0.0 s.'


# What is sent


def test_what_every_request_carries(connect: Connect) -> None:
    with raw_server(send(response(LISTING))) as server:
        connect(server.url + "/base").ids(limit=5, page=2, start=8)
        [request] = server.requests
    line, *headers = request.decode().split("\r\n")
    assert line == "GET /base/v10/invoices/export?system_id=wh&limit=5&page=2&start=8 HTTP/1.1"
    assert "Authorization: Bearer s3cret-t0ken" in headers
    assert "X-Traede-App-Key: app-k3y" in headers
    assert "Accept: application/json" in headers
    assert "User-Agent: test" in headers


def test_a_mark_is_sent_as_json(connect: Connect) -> None:
    with raw_server(send(response(b"ok"))) as server:
        assert connect(server.url).mark(b'{"invoices": []}') == b"ok"
        [request] = server.requests
    assert request.startswith(b"POST /v10/invoices/mark-as-exported HTTP/1.1\r\n")
    assert b"Content-Type: application/json\r\n" in request
    assert request.endswith(b'\r\n\r\n{"invoices": []}')


def test_a_netrc_does_not_replace_the_token(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with raw_server(send(response(LISTING))) as server:
        connect(server.url).ids()
        assert b"Authorization: Bearer s3cret-t0ken\r\n" in server.requests[0]


def test_a_password_in_the_address_does_not_replace_the_token(connect: Connect) -> None:
    with raw_server(send(response(LISTING))) as server:
        connect(server.url.replace("//", "//someone:else@")).ids()
        assert b"Authorization: Bearer s3cret-t0ken\r\n" in server.requests[0]


def test_a_redirect_is_not_followed(shared: Shared, connect: Connect) -> None:
    """It would carry the token to another server."""
    with raw_server(send(response(LISTING))) as other:
        data = response(b"", f"Location: {other.url}/x", status="302 X")
        error_of(shared, connect, data)
        assert other.requests == []


def test_a_cookie_is_given_back(connect: Connect) -> None:
    """A balancer may keep all pages on one server by it."""
    with raw_server(send(response(LISTING, "Set-Cookie: server=17; Path=/"))) as server:
        api = connect(server.url)
        for _ in range(3):
            api.ids()
        found = [b"Cookie: server=17\r\n" in request for request in server.requests]
    assert found == [False, True, True]


# TLS, proxies, names


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A server's certificate, and the file of the authority that issued it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, str(path)


def test_an_untrusted_certificate_ends_the_run_at_once(
    shared: Shared, connect: Connect, certificate: tuple[ssl.SSLContext, str]
) -> None:
    with raw_server(send(response(LISTING)), certificate[0]) as server:
        with pytest.raises(shared.errors.PluginError) as raised:
            connect(server.url, attempts=5).ids()
        assert server.connections == 1
        assert server.requests == []
    assert "its certificate is not trusted" in str(raised.value)
    assert "REQUESTS_CA_BUNDLE" in str(raised.value)


def test_https_where_plain_http_answers_ends_the_run_at_once(
    shared: Shared, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(shared.errors.PluginError, match="TLS failed"):
            connect(f"https://127.0.0.1:{server.server_port}", attempts=5).ids()
        server.shutdown()
    assert "Retrying" not in caplog.text


def test_a_certificate_that_the_environment_trusts(
    connect: Connect, certificate: tuple[ssl.SSLContext, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    with raw_server(send(response(LISTING)), context) as server:
        assert connect(server.url).ids() == [1]


def test_a_server_without_tls_is_retried(shared: Shared, connect: Connect) -> None:
    greeting = response(b"", status="400 This is not TLS")
    with raw_server(send(b""), greeting=greeting) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(shared.errors.PluginError, match=r"TLS failed"):
            connect(url, attempts=2).ids()


@pytest.fixture
def tunnel(certificate: tuple[ssl.SSLContext, str]) -> Callable[[Connection], None]:
    """A proxy that is the API itself behind its tunnel."""

    def respond(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.start_tls(certificate[0])
        connection.receive()
        connection.send(response(LISTING))

    return respond


def test_a_tunnel_through_a_proxy(
    connect: Connect,
    tunnel: Callable[[Connection], None],
    certificate: tuple[ssl.SSLContext, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[1])
    with raw_server(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:hunter22@"))
        assert connect("https://127.0.0.1:1").ids() == [1]
        assert b"Proxy-Authorization: Basic " in proxy.requests[0]
        assert [b"s3cret" in request for request in proxy.requests] == [False, True]


def test_a_proxy_for_plain_http(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(send(response(LISTING))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert connect("http://api.example").ids() == [1]
        assert proxy.requests[0].startswith(b"GET http://api.example/v10/invoices/export?")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password(
    shared: Shared, connect: Connect, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(send(response(b"", status="407 Who are you"))) as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url)
        with pytest.raises(shared.errors.PluginError, match=r"407.*HTTPS_PROXY"):
            connect(f"{scheme}://api.example", attempts=3).ids()
        assert len(proxy.requests) == 1


def test_a_proxy_that_cannot_be_reached(
    shared: Shared, connect: Connect, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    with pytest.raises(shared.errors.PluginError, match=r"proxy.*HTTPS_PROXY"):
        connect("http://api.example", attempts=2).ids()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, kept from others while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_refused_connection(shared: Shared, connect: Connect, closed_port: int) -> None:
    api = connect(f"http://127.0.0.1:{closed_port}", attempts=2)
    with pytest.raises(shared.errors.PluginError, match=r"\(connection refused\). Check api_url"):
        api.ids()
    assert api.http.stats.sent == 2


def test_a_name_that_does_not_resolve(
    shared: Shared, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(shared.errors.PluginError, match="its host name does not resolve"):
        connect("http://api.example", attempts=2).ids()


def test_a_password_in_the_address_is_not_repeated(
    shared: Shared, connect: Connect, closed_port: int
) -> None:
    with pytest.raises(shared.errors.PluginError) as raised:
        connect(f"http://user:hunter22@127.0.0.1:{closed_port}").ids()
    assert f"http://user:***@127.0.0.1:{closed_port}" in str(raised.value)


def test_what_the_program_cannot_use_is_its_own_error(shared: Shared, connect: Connect) -> None:
    """A list of another shape is named at once; another attempt would not help."""
    with raw_server(send(response(b'{"data": []}'))) as server:
        with pytest.raises(shared.errors.UnexpectedResponseError):
            connect(server.url, attempts=3).ids()
        assert len(server.requests) == 1
