"""It fails as told, and only so often."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from typing import TYPE_CHECKING

import pytest
import requests

from .conftest import LIST, Api, entry

if TYPE_CHECKING:
    from sandbox.client import Sandbox

LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def test_a_status_with_its_headers_so_many_times(sandbox: Sandbox, api: Api) -> None:
    rule = {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}, "times": 2, "skip": 1}
    sandbox.fail(rule)
    answers = [api.get() for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "7"


def test_a_fault_strikes_the_endpoint_that_it_is_for(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "status", "status": 500, "on": "mark", "times": None})
    assert api.get().ok
    assert api.mark(entry(1)).status_code == 500
    assert sandbox.marks("erp") == []
    sandbox.heal()
    assert api.mark(entry(1)).ok


def test_a_redirect_is_a_status_with_a_header(sandbox: Sandbox, api: Api) -> None:
    elsewhere = {"Location": "http://127.0.0.1:9/"}
    sandbox.fail({"kind": "status", "status": 302, "headers": elsewhere})
    answer = api.session.get(api.url + LIST, allow_redirects=False, timeout=30)
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:9/")


def test_a_body_of_another_kind(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail(
        {"kind": "body", "body": "<html>"},
        {"kind": "body", "body": {"invoices": None}, "skip": 1},
    )
    assert api.get().text == "<html>"
    assert api.get().json() == {"invoices": None}


def test_a_lost_answer_has_marked_all_the_same(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "lost_answer", "on": "mark"})
    with pytest.raises(LOST):
        api.mark(entry(1))
    assert sandbox.marked("erp") == {1}


def test_a_connection_that_is_closed_at_once_has_done_nothing(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "close", "on": "mark"})
    with pytest.raises(LOST):
        api.mark(entry(1))
    assert sandbox.marked("erp") == set()


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_cut_body_is_seen_by_its_framing(sandbox: Sandbox, api: Api, framing: str) -> None:
    sandbox.fail({"kind": "cut", "framing": framing})
    with pytest.raises(LOST):
        api.get()
    assert api.get().ok


def test_a_cut_body_without_framing_is_seen_by_nothing_but_its_text(
    sandbox: Sandbox, api: Api
) -> None:
    whole = api.get().text
    sandbox.fail({"kind": "cut", "framing": "nothing", "at": 0.9})
    text = api.get().text
    assert whole.startswith(text)
    assert len(text) < len(whole)


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


def test_some_ids_are_refused_by_name(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "refuse_ids", "ids": [2]})
    refused = api.mark(entry(1), entry(2))
    assert refused.status_code == 422
    assert list(refused.json()["errors"]) == ["invoices.1.invoice_id"]
    assert api.mark(entry(1)).ok


def test_a_large_answer_comes_in_chunks_and_whole(sandbox: Sandbox, api: Api) -> None:
    sandbox.add(3000)
    for compressed in (False, True):
        sandbox.behave(gzip=compressed)
        answer = api.get()
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert len(json.loads(answer.content)["invoices"]) == 3030
