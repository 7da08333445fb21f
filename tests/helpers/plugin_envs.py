"""Real taps and loaders from the package index, each in a virtual environment of its own.

They are made once, in a folder that git ignores, and kept: tests that run side by side wait
for the one that makes them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from helpers import pythons
from helpers.checkout import CHECKOUT

FOLDER = CHECKOUT / ".environments"

NEWEST = "NEWEST_LOADERS"
"""A variable: where it is set, packages that are pinned to a version are installed without that."""

_HERE = Path(sys.executable).parent


@dataclass(frozen=True)
class Program:
    """A published tap or loader.

    Attributes:
        name: Its command.
        packages: What is installed for it, pinned as far as its behaviour depends on it.
        overrides: Versions to take in place of those that it asks for, where these can no
            longer be installed.
        newest_python: The newest Python that it runs on; where the tests' own is newer, this
            one is looked for.
    """

    name: str
    packages: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    newest_python: tuple[int, int] = sys.version_info[:2]

    def path(self) -> Path:
        """Return its executable, installed if it is not yet.

        Raises:
            RuntimeError: It cannot be installed; the message is uv's.
        """
        FOLDER.mkdir(exist_ok=True)
        environment = FOLDER / f"{self.name}-{self._digest()}"
        with environment.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (environment / "complete").exists():
                self._install(environment)
                (environment / "complete").touch()
        return environment / "bin" / self.name

    def _digest(self) -> str:
        wanted = replace(self, packages=self._wanted)
        what = repr((platform.python_version(), sys.executable, wanted))
        return hashlib.sha256(what.encode()).hexdigest()[:12]

    @property
    def _wanted(self) -> tuple[str, ...]:
        if not os.environ.get(NEWEST):
            return self.packages
        return tuple(re.sub("==.*", "", package) for package in self.packages)

    def _python(self) -> str:
        if sys.version_info[:2] <= self.newest_python:
            return sys.executable
        return pythons.of_version(*self.newest_python) or ".".join(map(str, self.newest_python))

    def _install(self, environment: Path) -> None:
        overrides = environment.with_suffix(".overrides")
        overrides.write_text("\n".join(self.overrides))
        _uv("venv", "--clear", "--python", self._python(), str(environment))
        python = str(environment / "bin" / "python")
        options = ("--python", python, "--overrides", str(overrides))
        _uv("pip", "install", *options, *self._wanted)


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv", path=str(_HERE)) or shutil.which("uv")
    assert uv is not None, "uv is not here: set up the environment with `python3 run.py test`"
    done = subprocess.run(
        [uv, "--quiet", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")


TARGET_POSTGRES = Program("target-postgres", ("meltanolabs-target-postgres==0.8.*",))
TAP_POSTGRES = Program("tap-postgres", ("meltanolabs-tap-postgres==0.10.*",))

_DUCKDB = "duckdb>=1.2,<1.3"
_DUCKDB_PYTHON = (3, 13)

TARGET_DUCKDB = Program(
    "target-duckdb", ("target-duckdb==0.8.0", _DUCKDB), newest_python=_DUCKDB_PYTHON
)

LOSSY_TARGET_DUCKDB = Program(
    "target-duckdb",
    ("target-duckdb==0.8.0", "duckdb>=1.3,<1.4"),
    newest_python=_DUCKDB_PYTHON,
)
"""With a DuckDB that takes a batch's first line for a header: it loses rows and exits with 0."""

TAP_SQLALCHEMY = Program(
    "tap-sqlalchemy",
    ("yw-etl-tap-sqlalchemy==0.1.*", "duckdb-engine>=0.17,<1", _DUCKDB),
    # It pins versions that have no wheels for today's Pythons, and drivers of no use here.
    overrides=(
        "impyla>=0.20",
        "oracledb; python_version < '3'",
        "psycopg2-binary; python_version < '3'",
        "pyodbc; python_version < '3'",
        "singer-python>=6.1",
        "SQLAlchemy>=2.0.40,<2.1",
        "thrift>=0.22",
    ),
    newest_python=_DUCKDB_PYTHON,
)
"""Reads whatever SQLAlchemy does, by a query that its catalog names."""
