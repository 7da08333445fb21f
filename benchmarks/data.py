"""Results as JSON: what the picture and the page are made from."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Figures, Series

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PACKAGES = ("singer-sdk", "msgspec", "requests")


def save(path: Path, series: Iterable[Series]) -> None:
    """Write results, with the circumstances of the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }
    content = {"about": about, "series": [asdict(each) for each in series]}
    path.write_text(json.dumps(content, indent=1) + "\n")


def load(path: Path) -> tuple[dict[str, Any], list[Series]]:
    """Read what `save` wrote."""
    content = json.loads(path.read_text())
    series = [
        Series(**(each | {"runs": [Figures(**run) for run in each["runs"]]}))
        for each in content["series"]
    ]
    return content["about"], series
