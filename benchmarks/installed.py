"""What a package takes on disk: itself, and with all that it needs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from uv import find_uv_bin

from benchmarks.measure import Command, Series, run
from generate.programs import PROGRAMS
from helpers import wheels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "installed"


def measure(folder: Path) -> Iterator[Series]:
    """Install each package alone, from its wheel, as pip would."""
    folder.mkdir(parents=True, exist_ok=True)
    dist = wheels.build(folder / "dist")
    for program in PROGRAMS:
        place = folder / program.name
        subprocess.run(
            [find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(place)], check=True
        )
        (wheel,) = dist.glob(f"{program.name.replace('-', '_')}-*.whl")
        words = [find_uv_bin(), "pip", "install", "--python", str(place), str(wheel)]
        figures = run(Command(words), folder)
        (packages,) = place.glob("lib/python*/site-packages")
        case = {
            "own": _size(packages / program.name.replace("-", "_")),
            "whole": _size(packages),
            "packages": len([*packages.glob("*.dist-info")]),
        }
        yield Series(GROUP, program.name, case, runs=[figures])


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
