"""The API that contestants read: a sandbox with as many invoices as a case wants."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.run import TAP, write_json
from helpers.tap_process import discover
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Api:
    """A running API.

    Attributes:
        sandbox: The service.
        folder: Where configs and catalogs for it lie.
        invoices: How many there are.
        records: How many records they make, with their lines.
    """

    sandbox: Sandbox
    folder: Path
    invoices: int
    records: int

    def tap(self, **settings: Any) -> list[str]:
        """Return the tap's command, with its catalog, as Meltano calls it."""
        name = "tap-" + "-".join(f"{key}-{value}" for key, value in settings.items())
        config = write_json(self.folder, name, self.sandbox.config(**settings))
        return [TAP, "--config", config, "--catalog", str(self.folder / "catalog.json")]

    def wait_each_time(self, seconds: float, *, on: str = "any") -> None:
        """Let each request take this long; it replaces what was so before."""
        self.sandbox.heal()
        if seconds:
            self.sandbox.fail({"kind": "latency", "seconds": seconds, "times": None, "on": on})


@contextmanager
def serving(invoices: int, folder: Path) -> Iterator[Api]:
    """Serve this many invoices, none of them marked, and learn their catalog."""
    folder.mkdir(parents=True, exist_ok=True)
    with Sandbox.start(invoices=invoices, drafts=0) as sandbox:
        catalog = discover(folder, sandbox.config())
        write_json(folder, "catalog", catalog)
        for stream in catalog["streams"]:
            path = folder / f"{stream['tap_stream_id']}.json"
            path.write_text(json.dumps(stream["schema"]))
        yield Api(sandbox, folder, invoices, invoices + sandbox.state()["lines"])
