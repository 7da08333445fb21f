"""A stand-in for the API and a tap that reads it, for one test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import discover, run_tap
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from helpers.run import CompletedRun


class Tap:
    """The tap as its user has it: a folder with files, and the API's address."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox

    def run(
        self,
        *words: str,
        catalog: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> CompletedRun:
        """Run it, however it ends."""
        config = self.sandbox.config(**settings)
        return run_tap(self.folder, config, *words, env=env, catalog=catalog, state=state)

    def sync(self, **options: Any) -> CompletedRun:
        """Run it and expect it to deliver everything."""
        done = self.run(**options)
        assert done.exit_code == 0, done.stderr
        return done

    def discover(self, **settings: Any) -> dict[str, Any]:
        """Return the catalog that it discovers."""
        return discover(self.folder, self.sandbox.config(**settings))

    def listings(self) -> list[dict[str, str]]:
        """Return the queries of the listing requests so far; `includes[]` among them."""
        return [dict(each["query"]) for each in self.sandbox.log("export")]


class SharedSandbox:
    """A sandbox for one test after the other, and a new one after a test that changed its data."""

    def __init__(self) -> None:
        self._running: Sandbox | None = None

    def borrow(self) -> Sandbox:
        """Return a sandbox as if it had just been started."""
        if self._running and (self._running.is_changed or self._running.state()["marked"]):
            self.close()
        if self._running is None:
            self._running = Sandbox.start(invoices=12, drafts=2)
        self._running.reset()
        self._running.clear_log()
        return self._running

    def close(self) -> None:
        """Stop it."""
        if self._running:
            self._running.close()
            self._running = None


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[SharedSandbox]:
    shared = SharedSandbox()
    yield shared
    shared.close()


@pytest.fixture
def sandbox(shared_sandbox: SharedSandbox) -> Sandbox:
    return shared_sandbox.borrow()


@pytest.fixture
def tap(tmp_path: Path, sandbox: Sandbox) -> Tap:
    return Tap(tmp_path, sandbox)
