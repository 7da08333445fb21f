"""A run of a tap and a target in the fewest lines, somebody who watches, and browsers."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.client import Sandbox

from .browsers import STARTERS, Browser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    State = dict[str, Any]

EXPORT = "/v10/invoices/export"
MARK = "/v10/invoices/mark-as-exported"


class Run:
    """Lists as a tap does in one run, and marks as a target does."""

    def __init__(self, sandbox: Sandbox, system_id: str = "warehouse") -> None:
        self._url = sandbox.url
        self._system_id = system_id
        self._since = datetime.now(UTC).isoformat()
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {sandbox.token}"

    def ask(self, agent: str = "tap-invoices/1", **query: str | int) -> requests.Response:
        asked = {"system_id": self._system_id, "not_exported_since": self._since, **query}
        headers = {"User-Agent": agent}
        return self._session.get(self._url + EXPORT, params=asked, headers=headers, timeout=30)

    def mark(self, ids: Iterable[int]) -> requests.Response:
        batch = [{"invoice_id": each, "system_id": self._system_id} for each in ids]
        return self._session.post(self._url + MARK, json={"invoices": batch}, timeout=30)


class Watcher:
    """Reads the page's events, one by one."""

    def __init__(self, url: str, system_id: str = "warehouse") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._connection.request("GET", f"/_sandbox/page/events?system_id={system_id}")
        self.answer = self._connection.getresponse()
        self.seen: list[State] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()

    def next(self) -> State:
        while line := self.answer.readline():
            if line.startswith(b"data: "):
                self.seen.append(json.loads(line.removeprefix(b"data: ")))
                return self.seen[-1]
        raise EOFError("the sandbox has ended")

    def until(self, holds: Callable[[State], object]) -> State:
        """Read until something holds; it fails by the test's timeout."""
        while not holds(state := self.next()):
            pass
        return state


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=30, drafts=2) as running:
        yield running


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    return Run(sandbox)


@pytest.fixture
def watcher(sandbox: Sandbox) -> Iterator[Watcher]:
    with Watcher(sandbox.url) as watching:
        yield watching


@pytest.fixture(scope="session", params=STARTERS)
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    with STARTERS[request.param](tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def browser(started: Browser) -> Iterator[Browser]:
    """A browser that must have had nothing to complain of in the end."""
    started.complaints()
    yield started
    assert started.complaints() == []


@pytest.fixture
def page(browser: Browser, sandbox: Sandbox) -> Browser:
    """The browser, with the page open and live."""
    browser.open(sandbox.url)
    return browser
