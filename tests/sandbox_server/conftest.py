"""One service for most tests, each with a system of its own, and a client that speaks HTTP."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = "/v10/invoices/export"
MARK = "/v10/invoices/mark-as-exported"
SINCE = "not_exported_since"
_NUMBERS = count(1)


class Api:
    """A client that knows nothing but the documentation."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.system_id = f"erp-{next(_NUMBERS)}"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.token}"

    def get(self, **query: Any) -> requests.Response:
        pairs = {"system_id": self.system_id, **query}
        return self.session.get(self.url + LIST, params=pairs, timeout=30)

    def ids(self, **query: Any) -> list[int]:
        response = self.get(**query)
        response.raise_for_status()
        return [invoice["id"] for invoice in response.json()["invoices"]]

    def entry(self, invoice_id: Any, **more: Any) -> dict[str, Any]:
        return {"invoice_id": invoice_id, "system_id": self.system_id, **more}

    def post(self, body: Any) -> requests.Response:
        return self.session.post(self.url + MARK, json=body, timeout=30)

    def mark(self, *ids: int, **more: Any) -> requests.Response:
        return self.post({"invoices": [self.entry(each, **more) for each in ids]})


@pytest.fixture(scope="session")
def started() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=30, drafts=2) as running:
        yield running


@pytest.fixture
def sandbox(started: Sandbox) -> Sandbox:
    """A service with its defaults; its invoices stay as they are."""
    started.reset()
    return started


@pytest.fixture
def own_sandbox() -> Iterator[Sandbox]:
    """A service whose invoices a test can change."""
    with Sandbox.start(invoices=30, drafts=2) as running:
        yield running


@pytest.fixture
def api(sandbox: Sandbox) -> Api:
    return Api(sandbox)
