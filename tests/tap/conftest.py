"""The tap as its user has it, and a sandbox that all tests of a worker share.

Each test has a receiving system of its own, so that marks of other tests do not reach it. A test
that changes what the API holds or how it behaves is marked `own_sandbox` and gets one.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import command, discover, run_tap
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from helpers.run import CompletedRun

INVOICES, DRAFTS = 12, 2


class SharedSandbox(Sandbox):
    """A sandbox that refuses what would reach into other tests."""

    def do(self, action: str, **details: Any) -> Any:
        """Carry out one action."""
        assert action in {"fail", "heal", "clear_log", "mark"}, "mark the test with own_sandbox"
        return super().do(action, **details)


class Tap:
    """The tap as its user has it: a folder with files, and the API's address."""

    def __init__(self, folder: Path, sandbox: Sandbox, system_id: str) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.system_id = system_id

    def config(self, **settings: Any) -> dict[str, Any]:
        """Return settings for it."""
        return self.sandbox.config(**{"system_id": self.system_id} | settings)

    def command(self, **settings: Any) -> list[str]:
        """Write its config and return its command."""
        return command(self.folder, self.config(**settings))

    def mark(self, ids: Iterable[int], at: float | None = None) -> None:
        """Mark invoices for its system, as another program would."""
        self.sandbox.mark(ids, self.system_id, at)

    def run(
        self,
        *words: str,
        catalog: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> CompletedRun:
        """Run it, however it ends."""
        return run_tap(
            self.folder, self.config(**settings), *words, env=env, catalog=catalog, state=state
        )

    def sync(self, **options: Any) -> CompletedRun:
        """Run it and expect it to deliver everything."""
        return self.run(**options).check()

    def discover(self, **settings: Any) -> dict[str, Any]:
        """Return the catalog that it discovers."""
        return discover(self.folder, self.config(**settings))

    def listings(self) -> list[dict[str, str]]:
        """Return the queries of the listing requests so far; `includes[]` among them."""
        return [dict(each["query"]) for each in self.sandbox.log("export")]


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[SharedSandbox]:
    with SharedSandbox.start(invoices=INVOICES, drafts=DRAFTS) as running:
        yield running


@pytest.fixture
def tap(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tap]:
    system_id = f"test-{uuid.uuid4().hex[:8]}"
    if request.node.get_closest_marker("own_sandbox"):
        with Sandbox.start(invoices=INVOICES, drafts=DRAFTS) as sandbox:
            yield Tap(tmp_path, sandbox, system_id)
        return
    shared: SharedSandbox = request.getfixturevalue("shared_sandbox")
    shared.heal()
    shared.clear_log()
    yield Tap(tmp_path, shared, system_id)
