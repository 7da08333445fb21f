"""One service a test, and a client that speaks plain HTTP to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = "/v10/invoices/export"
MARK = "/v10/invoices/mark-as-exported"


class Api:
    """A client that knows nothing but the documentation."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.token}"

    def get(self, *, system_id: str | None = "erp", **query: Any) -> requests.Response:
        pairs = {"system_id": system_id, **query}
        return self.session.get(self.url + LIST, params=pairs, timeout=30)

    def ids(self, **query: Any) -> list[int]:
        response = self.get(**query)
        response.raise_for_status()
        return [invoice["id"] for invoice in response.json()["invoices"]]

    def mark(self, *batch: Any) -> requests.Response:
        return self.session.post(self.url + MARK, json={"invoices": list(batch)}, timeout=30)


def entry(invoice_id: int, **more: Any) -> dict[str, Any]:
    return {"invoice_id": invoice_id, "system_id": "erp", **more}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=30, drafts=2) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Api:
    return Api(sandbox)
