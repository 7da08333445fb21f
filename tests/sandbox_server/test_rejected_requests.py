"""Requests that the service does not carry out, and the words that it has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.client import Sandbox

from .conftest import LIST, MARK, Api

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("batch", "field"),
    [
        (None, "invoices"),
        ([], "invoices"),
        ([{"invoice_id": each, "system_id": "erp"} for each in range(1, 12)], "invoices"),
        ([{"invoice_id": 999, "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": 2**70, "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": "1", "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": True, "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": 31, "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": 1}], "invoices.0.system_id"),
        ([{"invoice_id": 1, "system_id": "erp", "note": 5}], "invoices.0.note"),
        (["1"], "invoices.0.invoice_id"),
    ],
    ids=str,
)
def test_a_malformed_mark_is_rejected_by_the_field(
    sandbox: Sandbox, api: Api, batch: Any, field: str
) -> None:
    response = api.post({"invoices": batch})
    assert response.status_code == 422
    assert field in response.json()["errors"]
    assert sandbox.marks("erp") == []


def test_one_bad_invoice_rejects_the_whole_batch(sandbox: Sandbox, api: Api) -> None:
    assert api.mark(1, 999).status_code == 422
    assert sandbox.marks(api.system_id) == []


@pytest.mark.parametrize("body", ["", "{", "[]", "7", "9" * 5000, "[" * 5000, "1E" + "9" * 20])
def test_a_body_that_is_not_an_object_is_rejected(api: Api, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = api.session.post(api.url + MARK, data=body, headers=headers, timeout=30)
    assert response.status_code == 422


def test_another_content_type_is_rejected(api: Api) -> None:
    assert api.session.post(api.url + MARK, data={"a": "b"}, timeout=30).status_code == 415


def test_the_words_are_those_of_the_version_of_laravel(sandbox: Sandbox, api: Api) -> None:
    def words(method: str, path: str) -> tuple[int, str]:
        response = api.session.request(method, api.url + path, timeout=30)
        return response.status_code, response.json()["message"]

    missing = "The route v10/nothing could not be found."
    wrong = "The DELETE method is not supported for route v10/invoices/export. "
    assert words("GET", "/v10/nothing") == (404, missing)
    assert words("DELETE", LIST) == (405, wrong + "Supported methods: GET, HEAD.")
    two = api.post({"invoices": [api.entry("1", note=5)]}).json()["message"]
    assert two == "The invoice id must be an integer. (and 1 more error)"
    sandbox.behave(laravel=8)
    assert words("GET", "/v10/nothing") == (404, "")
    assert words("GET", LIST) == (422, "The given data was invalid.")


@pytest.fixture(scope="module")
def with_app_key() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=3, app_key="key") as running:
        yield running


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": ""}, 401),
        ({"X-Traede-App-Key": "wrong"}, 403),
    ],
    ids=str,
)
def test_wrong_keys_are_rejected(
    with_app_key: Sandbox, headers: dict[str, str], status: int
) -> None:
    keys = {"Authorization": f"Bearer {with_app_key.token}", "X-Traede-App-Key": "key"} | headers
    batch = {"invoices": [{"invoice_id": 1, "system_id": "erp"}]}
    listed = requests.get(f"{with_app_key.url}{LIST}?system_id=erp", headers=keys, timeout=30)
    marked = requests.post(with_app_key.url + MARK, json=batch, headers=keys, timeout=30)
    assert [listed.status_code, marked.status_code] == [status, status]
    assert status == 200 or listed.json()["message"]
