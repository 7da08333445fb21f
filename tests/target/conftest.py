"""One service for all tests of a worker; each test has a receiving system of its own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from helpers.target_process import Account
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INVOICES = 3000


@pytest.fixture(scope="session")
def service() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=INVOICES, drafts=3) as running:
        yield running


@pytest.fixture
def account(service: Sandbox, tmp_path: Path) -> Account:
    service.heal()
    service.clear_log()
    return Account(service, f"test-{uuid.uuid4().hex[:8]}", tmp_path)
