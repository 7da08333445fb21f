"""What a run costs before it does anything, and what one with nothing to do costs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.api import serving
from benchmarks.contestants import TAP
from benchmarks.measure import Command, Series, alternate, run
from helpers import run as programs
from helpers.run import TARGET, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "start-up"
TARGET_VERSION = "target-invoices-ack --version"
DELIVERED = 1_000_000  # invoices that earlier runs delivered

_T = "2030-01-01T00:00:00Z"  # later than any mark: the next run finds nothing new


def measure(runs: int, folder: Path) -> Iterator[Series]:
    """Measure commands that read nothing, and runs that find nothing.

    Raises:
        AssertionError: A run with nothing new asks more than once.
    """
    with serving(10, folder) as api:
        api.sandbox.mark(range(1, 11))
        new = [*api.tap(), "--state", write_json(folder, "state-0", _state(""))]
        after = f"1..{DELIVERED}"
        million = [*api.tap(), "--state", write_json(folder, "state-million", _state(after))]
        scattered = " ".join(str(each) for each in range(1, 2 * 30_000, 2))
        ranges = [*api.tap(), "--state", write_json(folder, "state-ranges", _state(scattered))]
        words = {
            "Python alone": [sys.executable, "-c", "pass"],
            "import requests, msgspec": [sys.executable, "-c", "import requests, msgspec"],
            "import singer_sdk": [sys.executable, "-c", "import singer_sdk"],
            f"{TAP} --version": [programs.TAP, "--version"],
            f"{TAP} --help": [programs.TAP, "--help"],
            f"{TAP} --about": [programs.TAP, "--about"],
            TARGET_VERSION: [TARGET, "--version"],
            "nothing new": new,
            "nothing new, a million delivered": million,
            "nothing new, 30,000 ranges": ranges,
        }
        commands = {name: Command(each) for name, each in words.items()}
        for name in ("nothing new", "nothing new, a million delivered"):
            api.sandbox.clear_log()
            run(commands[name], folder)
            assert len(api.sandbox.log("export")) == 1, f"{name} costs more than one request"
        series = {name: Series(GROUP, name, {}) for name in commands}
        alternate(commands, series, runs, folder)
        yield from series.values()


def _state(ids: str) -> dict[str, object]:
    invoices = {"replication_key_value": _T, "delivered": [_T, ids], "step": 7}
    lines = {"replication_key_value": _T, "step": 7}
    return {"bookmarks": {"invoices": invoices, "invoice_lines": lines}}
