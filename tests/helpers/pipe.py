"""Programs joined by pipes, as `tap | target` is."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.tap_process import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TAP = str(Path(sys.executable).parent / "tap-invoices")
TARGET = str(Path(sys.executable).parent / "target-invoices-ack")

_TIMEOUT = 120  # seconds; far more than any of the runs takes


@dataclass(frozen=True)
class Ended:
    """A program of a chain that has ended: its exit code and what it said on stderr."""

    code: int
    err: str


@dataclass(frozen=True)
class Chain:
    """A chain that has ended.

    Attributes:
        parts: Its programs, in order.
        out: What the last one wrote to stdout.
    """

    parts: tuple[Ended, ...]
    out: str

    @property
    def last(self) -> Ended:
        """The last program."""
        return self.parts[-1]

    def checked(self) -> Chain:
        """Return itself where every program has ended with 0."""
        assert all(part.code == 0 for part in self.parts), [part.err for part in self.parts]
        return self


def chain(*commands: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> Chain:
    """Run programs to their ends, each one's stdout being the next one's stdin."""
    errors = [tempfile.TemporaryFile() for _ in commands]  # noqa: SIM115 - closed below
    running: list[subprocess.Popen[bytes]] = []
    for command, error in zip(commands, errors, strict=True):
        before = running[-1].stdout if running else subprocess.DEVNULL
        running.append(
            subprocess.Popen(
                command,
                cwd=cwd,
                env=environment(**(env or {})),
                stdin=before,
                stdout=subprocess.PIPE,
                stderr=error,
            ),
        )
        if not isinstance(before, int) and before is not None:
            before.close()  # it is the child's now
    out, _ = running[-1].communicate(timeout=_TIMEOUT)
    codes = [process.wait(_TIMEOUT) for process in running]
    words = []
    for error in errors:
        error.seek(0)
        words.append(error.read().decode())
        error.close()
    return Chain(tuple(map(Ended, codes, words)), out.decode())


def written(folder: Path, name: str, content: Mapping[str, Any]) -> str:
    """Write a file for a program, such as its config, and return its path."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return str(path)
