"""The faults of `faults.py`: each as told, and only so often."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import requests

from .conftest import LIST, Api

if TYPE_CHECKING:
    from sandbox.client import Sandbox

LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def raw_response(api: Api, *, most: int = 1 << 20) -> bytes:
    """Return all bytes that come until the connection ends, up to a number."""
    host, port = api.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=30)) as connection:
        request = f"GET {LIST}?system_id={api.system_id} HTTP/1.1\r\nHost: {host}\r\n"
        keys = f"Authorization: {api.session.headers['Authorization']!s}\r\n"
        connection.sendall(f"{request}{keys}Connection: close\r\n\r\n".encode())
        received = bytearray()
        while len(received) < most and (piece := connection.recv(1 << 16)):
            received += piece
        return bytes(received)


def test_a_status_with_its_headers_so_many_times(sandbox: Sandbox, api: Api) -> None:
    rule = {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}, "times": 2, "skip": 1}
    sandbox.fail(rule)
    responses = [api.get() for _ in range(4)]
    assert [each.status_code for each in responses] == [200, 429, 429, 200]
    assert responses[1].headers["Retry-After"] == "7"


def test_a_fault_strikes_its_endpoint(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "status", "status": 500, "on": "mark", "times": None})
    assert api.get().ok
    assert api.mark(1).status_code == 500
    assert sandbox.marks(api.system_id) == []
    sandbox.heal()
    assert api.mark(1).ok


def test_a_redirect_is_a_status_with_a_header(sandbox: Sandbox, api: Api) -> None:
    elsewhere = {"Location": "http://127.0.0.1:9/"}
    sandbox.fail({"kind": "status", "status": 302, "headers": elsewhere})
    response = api.session.get(api.url + LIST, allow_redirects=False, timeout=30)
    assert (response.status_code, response.headers["Location"]) == (302, "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("rule", "status", "message"),
    [
        ({"kind": "status", "status": 402}, 402, "Payment Required"),
        ({"kind": "status", "status": 500}, 500, "Server Error"),
        ({"kind": "throttle", "seconds": 3}, 429, "Too Many Attempts."),
        ({"kind": "maintenance", "seconds": 3}, 503, "Service Unavailable"),
        (
            {"kind": "missing_route"},
            404,
            "The route v10/invoices/mark-as-exported could not be found.",
        ),
    ],
    ids=str,
)
def test_a_status_has_the_words_of_laravel(
    sandbox: Sandbox, api: Api, rule: dict[str, Any], status: int, message: str
) -> None:
    sandbox.fail(rule)
    response = api.mark(1)
    assert (response.status_code, response.json()["message"]) == (status, message)
    assert response.headers.get("Retry-After") == ("3" if "seconds" in rule else None)
    assert sandbox.marks(api.system_id) == []


def test_a_success_can_be_none(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail(
        {"kind": "body", "body": "<html>"},
        {"kind": "body", "body": {"invoices": None}, "skip": 1},
        {"kind": "html", "skip": 2},
        {"kind": "not_success", "skip": 3},
    )
    responses = [api.mark(1), api.get(), api.mark(1), api.mark(1)]
    assert [each.status_code for each in responses] == [200] * 4
    assert responses[0].text == "<html>"
    assert responses[1].json() == {"invoices": None}
    assert "Fatal error" in responses[2].text
    assert responses[2].headers["Content-Type"] == "text/html; charset=UTF-8"
    assert responses[3].json() == {"success": False}
    assert sandbox.marks(api.system_id) == []


@pytest.mark.parametrize(
    ("form", "found"), [("huge", "x" * 5000), ("nested", "[" * 5000), ("digits", "9" * 5000)]
)
def test_an_error_body_can_be_odd(sandbox: Sandbox, api: Api, form: str, found: str) -> None:
    sandbox.fail({"kind": "odd_error", "form": form, "size": 5000, "status": 503})
    response = api.get()
    assert response.status_code == 503
    assert found in response.text


def test_a_lost_answer_has_marked_all_the_same(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "lost_answer", "on": "mark"})
    with pytest.raises(LOST):
        api.mark(1)
    assert sandbox.marked(api.system_id) == {1}


def test_a_connection_that_is_closed_at_once_has_done_nothing(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "close", "on": "mark"})
    with pytest.raises(LOST):
        api.mark(1)
    assert sandbox.marked(api.system_id) == set()


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "cut", "framing": "length"},
        {"kind": "cut", "framing": "chunked"},
        {"kind": "wrong_length", "by": 5},
    ],
    ids=str,
)
def test_a_cut_body_is_seen_by_its_framing(
    sandbox: Sandbox, api: Api, rule: dict[str, Any]
) -> None:
    sandbox.fail(rule)
    with pytest.raises(LOST):
        api.get()
    assert api.get().ok


@pytest.mark.parametrize(
    ("rule", "share"),
    [
        ({"kind": "cut", "framing": "nothing", "at": 0.9}, 0.9),
        ({"kind": "wrong_length", "by": -9}, 1),
    ],
    ids=str,
)
def test_a_short_body_without_framing_looks_complete(
    sandbox: Sandbox, api: Api, rule: dict[str, Any], share: float
) -> None:
    whole = api.get().text
    sandbox.fail(rule)
    text = api.get().text
    assert whole.startswith(text)
    assert len(whole) * share - 10 <= len(text) < len(whole)


def test_a_compressed_body_can_be_cut(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(gzip=True)
    assert api.get().headers["Content-Encoding"] == "gzip"
    assert len(api.ids()) == 30
    sandbox.fail({"kind": "cut", "framing": "nothing"})
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=30)
    headers = {str(k): str(v) for k, v in api.session.headers.items()}
    connection.request("GET", f"{LIST}?system_id=erp", headers=headers)
    with pytest.raises((EOFError, zlib.error)):
        gzip.decompress(connection.getresponse().read())
    connection.close()


@pytest.mark.parametrize("headers", [False, True])
def test_a_response_can_trickle(sandbox: Sandbox, api: Api, headers: bool) -> None:  # noqa: FBT001
    whole = api.get(limit=0).content
    sandbox.fail({"kind": "trickle", "bytes_per_second": 40, "headers": headers})
    begun = time.monotonic()
    query = f"{LIST}?system_id=erp&limit=0"
    response = api.session.get(api.url + query, stream=True, timeout=30)
    head_took = time.monotonic() - begun
    assert response.content == whole
    took = time.monotonic() - begun
    assert took > len(whole) / 40 * 0.9
    assert (head_took > 2) is headers


def test_a_body_can_be_endless(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "endless"})
    assert len(raw_response(api, most=20 << 20)) >= 20 << 20
    assert api.get().ok


def test_a_small_body_can_be_huge_when_it_is_decompressed(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "gzip_bomb", "megabytes": 20})
    received = raw_response(api)
    assert len(received) < 200_000
    sandbox.fail({"kind": "gzip_bomb", "megabytes": 20})
    assert len(api.get().content) > 20 << 20


def test_headers_can_be_odd(sandbox: Sandbox, api: Api) -> None:
    odd = {"Content-Type": "application/json; charset=klingon", "Date": "now", "X-More": "1"}
    sandbox.fail({"kind": "headers", "headers": odd, "times": 2})
    for response in (api.get(), api.mark(1)):
        assert odd.items() <= dict(response.headers).items()
    assert sandbox.marked(api.system_id) == {1}


def test_any_bytes_can_be_sent(sandbox: Sandbox, api: Api) -> None:
    text = "HTTP/1.1 100 Continue\r\n\r\n"
    sandbox.fail({"kind": "raw", "text": text, "repeat": 3, "seconds": 0.1})
    assert raw_response(api) == text.encode() * 3
    sandbox.fail({"kind": "raw", "text": text, "repeat": None})
    assert raw_response(api).startswith(text.encode() * 1000)


def test_some_ids_are_rejected_by_name(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "refuse_ids", "ids": [2, 3]})
    rejected = api.mark(1, 2, 3)
    assert rejected.status_code == 422
    assert list(rejected.json()["errors"]) == ["invoices.1.invoice_id", "invoices.2.invoice_id"]
    assert api.mark(1).ok


@pytest.mark.parametrize(
    ("detail", "status", "errors"),
    [
        ({"ids": "all"}, 422, ["invoices.0.invoice_id", "invoices.1.invoice_id"]),
        ({"ids": [2], "named": False}, 422, ["invoices"]),
        ({"ids": [2], "status": 404}, 404, []),
        ({"ids": [2], "status": 409}, 409, []),
    ],
    ids=str,
)
def test_ids_are_rejected_in_other_ways(
    sandbox: Sandbox, api: Api, detail: dict[str, Any], status: int, errors: list[str]
) -> None:
    sandbox.fail({"kind": "refuse_ids", **detail})
    rejected = api.mark(1, 2)
    assert rejected.status_code == status
    assert list(rejected.json().get("errors", [])) == errors
    assert sandbox.marks(api.system_id) == []
    if status == 404:
        message = "No query results for model [App\\Models\\Invoice] 2"
        assert rejected.json()["message"] == message


def test_a_large_response_is_sent_in_chunks(own_sandbox: Sandbox) -> None:
    own_sandbox.add(3000)
    for compressed in (False, True):
        own_sandbox.behave(gzip=compressed)
        response = Api(own_sandbox).get()
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert len(json.loads(response.content)["invoices"]) == 3030
