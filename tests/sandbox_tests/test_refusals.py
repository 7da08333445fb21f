"""What the service would refuse, it refuses, in Laravel's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

FILTER = "filter_groups[0][filters][0]"
GOOD = {f"{FILTER}[key]": "created_at", f"{FILTER}[operator]": "gte", f"{FILTER}[value]": "2026"}


@pytest.fixture(scope="module")
def service() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=30, drafts=2, app_key="key") as running:
        yield running


def call(service: Sandbox, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {service.token}", "X-Traede-App-Key": "key"}
    headers |= options.pop("headers", {})
    url = f"{service.url}/v10/invoices/{path}"
    return requests.request(method, url, headers=headers, timeout=30, **options)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "system_id"),
        ({"system_id": ""}, "system_id"),
        ({"not_exported_since": "soon"}, "not_exported_since"),
        ({"include_non_booked": "true"}, "include_non_booked"),
        ({"page": "1"}, "page"),
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "5", "start": "-1"}, "start"),
        ({"includes[]": "customer"}, "includes"),
        ({"systemid": "erp"}, "systemid"),
        ({"sort[0][key]": "total"}, "sort.0"),
        ({"filter_groups[0][key]": "created_at"}, "filter_groups[0][key]"),
        ({"filter_groups[0][or]": "true"}, "filter_groups.0.filters"),
        ({f"{FILTER}[key]": "total"}, "filter_groups.0.filters.0.key"),
        (GOOD | {f"{FILTER}[operator]": "like"}, "filter_groups.0.filters.0.operator"),
        (GOOD | {f"{FILTER}[value]": "x"}, "filter_groups.0.filters.0.value"),
        (GOOD | {f"{FILTER}[value]": "2026-01-01", f"{FILTER}[not]": "no"}, ".0.not"),
    ],
)
def test_a_malformed_query_is_refused_by_the_field(
    service: Sandbox, query: dict[str, str], field: str
) -> None:
    given = {"system_id": "erp"} if query and "system_id" not in query else {}
    response = call(service, "GET", "export", params=given | query)
    assert response.status_code == 422
    assert set(response.json()) == {"message", "errors"}
    assert any(field in name for name in response.json()["errors"])


@pytest.mark.parametrize(
    ("batch", "field"),
    [
        (None, "invoices"),
        ([], "invoices"),
        ([{"invoice_id": each, "system_id": "erp"} for each in range(1, 12)], "invoices"),
        ([{"invoice_id": 999, "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": "1", "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": True, "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": 31, "system_id": "erp"}], "invoices.0.invoice_id"),
        ([{"invoice_id": 1}], "invoices.0.system_id"),
        ([{"invoice_id": 1, "system_id": "erp", "note": 5}], "invoices.0.note"),
        (["1"], "invoices.0.invoice_id"),
    ],
)
def test_a_malformed_mark_is_refused_by_the_field(service: Sandbox, batch: Any, field: str) -> None:
    response = call(service, "POST", "mark-as-exported", json={"invoices": batch})
    assert response.status_code == 422
    assert field in response.json()["errors"]
    assert service.marks("erp") == []


def test_one_bad_invoice_refuses_the_whole_batch(service: Sandbox) -> None:
    batch = [{"invoice_id": each, "system_id": "erp"} for each in (1, 999)]
    assert call(service, "POST", "mark-as-exported", json={"invoices": batch}).status_code == 422
    assert service.marks("erp") == []


@pytest.mark.parametrize("body", ["", "{", "[]", "7"])
def test_a_body_that_is_no_object_is_refused(service: Sandbox, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = call(service, "POST", "mark-as-exported", data=body, headers=headers)
    assert response.status_code == 422


def test_another_content_type_is_refused(service: Sandbox) -> None:
    assert call(service, "POST", "mark-as-exported", data={"a": "b"}).status_code == 415


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": ""}, 401),
        ({"X-Traede-App-Key": "wrong"}, 403),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "export"), ("POST", "mark-as-exported")])
def test_wrong_keys_are_refused(
    service: Sandbox, headers: dict[str, str], status: int, method: str, path: str
) -> None:
    response = call(service, method, path, headers=headers)
    assert response.status_code == status
    assert response.json()["message"]


def test_what_is_not_there_is_told_in_the_same_form(service: Sandbox) -> None:
    assert call(service, "GET", "nothing").status_code == 404
    assert "message" in call(service, "DELETE", "export").json()
