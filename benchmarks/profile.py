"""Where the tap's CPU goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api import serving
from benchmarks.measure import Figures, Series
from helpers.run import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "profile"

_PROGRAM = Path(__file__).with_name("programs") / "profiled_tap.py"


def measure(invoices: int, runs: int, folder: Path) -> Iterator[Series]:
    """Measure the parts of a sync, in pages as the tap asks for them.

    Raises:
        RuntimeError: The tap fails.
    """
    with serving(invoices, folder) as api:
        _, _, config, _, catalog = api.tap()
        words = [sys.executable, str(_PROGRAM), config, catalog]
        parts: dict[str, Series] = {}
        for _ in range(runs):
            for part, seconds in _profile(words).items():
                series = parts.setdefault(part, Series(GROUP, part, {"invoices": invoices}))
                series.runs.append(Figures(0.0, seconds, 0))
        yield from parts.values()


def _profile(words: list[str]) -> dict[str, float]:
    done = subprocess.run(
        words,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return found
