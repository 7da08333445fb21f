"""The shared code as each program has it: its tests are written once and run for both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace

import pytest


class Shared(SimpleNamespace):
    """The modules of `_shared` in one program: `shared.times` is its module `times`."""

    def __repr__(self) -> str:
        return f"<_shared of {self.PLUGIN_NAME}>"


@pytest.fixture(scope="module", params=["tap_invoices", "target_invoices_ack"])
def shared(request: pytest.FixtureRequest) -> Shared:
    package = import_module(f"{request.param}._shared")
    names = [module.name for module in iter_modules(package.__path__)]
    modules = {name: import_module(f"{package.__name__}.{name}") for name in names}
    return Shared(PLUGIN_NAME=package.PLUGIN_NAME, **modules)


@pytest.fixture
def _direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor a certificate comes from the environment of who runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


class Api:
    """The shared HTTP client, as the programs use it for listings and marks.

    Args:
        shared: The modules of one program.
        url: Where the API is.
        timeout: The setting `request_timeout`.
        attempts: How often a request is sent at most.
    """

    def __init__(self, shared: Shared, url: str, *, timeout: float = 5, attempts: int = 1) -> None:
        settings = shared.api_settings.ApiSettings(url, "s3cret-t0ken", "app-k3y", "wh", timeout)
        self.shared = shared
        self.http = shared.http.HttpClient(settings, user_agent="test", max_attempts=attempts)
        self.export = shared.listing.ExportClient(self.http, settings)

    def ids(self, **page: int) -> list[int]:
        """Return the ids of a listing."""
        listing = self.shared.listing
        rows = self.export.fetch(listing.ExportQuery(), listing.PageRequest(**page)).rows
        return [row.id for row in rows]

    def mark(self, body: bytes = b"{}") -> bytes:
        """Send a mark, and return the body of its response."""
        path, purpose = self.shared.http.MARK_PATH, self.shared.status.Purpose(is_mark=True)
        return bytes(self.http.post(path, body, lambda response: response.content, purpose))


Connect = Callable[..., Api]


@pytest.fixture
def connect(shared: Shared, _direct: None, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """A function that makes a client; it waits only milliseconds between attempts."""
    monkeypatch.setattr(shared.http, "INITIAL_WAIT_S", 0.001)
    return partial(Api, shared)
