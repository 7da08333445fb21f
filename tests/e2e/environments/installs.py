"""Both programs, each installed from its wheel into an environment with nothing else in it."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from e2e.environments.matrix import INSTALLS
from helpers import pythons, wheels

SYSTEM_PYTHON = Path("/usr/bin/python3")
PROGRAMS = ("tap-invoices", "target-invoices-ack")


def install(shared: Path, name: str) -> dict[str, Path]:
    """Return the programs' environments, made by the first test that asks.

    Args:
        shared: A folder for all workers of this test run.
        name: A key of `INSTALLS`, or a version of Python.
    """
    python = _python(name)
    folder = shared / name
    with (shared / f"{hashlib.md5(name.encode()).hexdigest()}.lock").open("w") as lock:  # noqa: S324
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(shared, folder, python, name)
    return {program: folder / program for program in PROGRAMS}


def _python(name: str) -> str:
    if name == "system":
        if not SYSTEM_PYTHON.exists():
            pytest.skip(f"there is no {SYSTEM_PYTHON} here")
        return str(SYSTEM_PYTHON)
    if name in INSTALLS:
        return sys.executable
    major, minor = map(int, name.split("."))
    return pythons.of_version(major, minor) or pytest.skip(f"there is no Python {name} here")


def _install(shared: Path, folder: Path, python: str, name: str) -> None:
    built = _build(shared)
    for program in PROGRAMS:
        (wheel,) = built.glob(f"{program.replace('-', '_')}-*.whl")
        _uv("venv", "--python", python, str(folder / program))
        to = ("--python", str(folder / program / "bin" / "python"))
        what = f"{wheel}[socks]" if name == "socks" else str(wheel)
        _uv("pip", "install", *to, *INSTALLS.get(name, ()), what)


def _build(shared: Path) -> Path:
    folder = shared / "wheels"
    with (shared / "wheels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder if folder.exists() else wheels.build(folder)


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [find_uv_bin(), "--quiet", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
