"""The target as a user runs it: a process that reads a tap's messages from a pipe."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.run import STRICT, TARGET, TIMEOUT_S, CompletedRun, environment, options, run, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sandbox.client import Sandbox


def command(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """Write the config of a run and return its command."""
    return [TARGET, *options(folder, config=config)]


@dataclass(frozen=True)
class Account:
    """A receiving system in the service, and the target that marks for it."""

    sandbox: Sandbox
    system_id: str
    folder: Path

    def config(self, **settings: Any) -> dict[str, Any]:
        return self.sandbox.config(**{"system_id": self.system_id} | settings)

    def run(
        self, messages: bytes, *, env: dict[str, str] | None = None, **settings: Any
    ) -> CompletedRun:
        """Run the target to its end, on a tap's messages."""
        words = command(self.folder, self.config(**settings))
        return run(words, stdin=messages, env=environment(**STRICT, **(env or {})))

    def start(self, **settings: Any) -> subprocess.Popen[bytes]:
        """Start the target."""
        return start(command(self.folder, self.config(**settings)))

    @property
    def marked(self) -> list[int]:
        """Ids in the order in which they were marked, repeats included."""
        return [mark["invoice_id"] for mark in self.sandbox.marks(self.system_id)]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests to mark."""
        return self.sandbox.log("mark-as-exported")


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something has happened.

    Raises:
        TimeoutError: It does not.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def loader(folder: Path, program: str) -> str:
    """Write a loader and return the command that starts it.

    Args:
        folder: Where it is written; it also runs with this folder as `HERE`.
        program: Python. `HERE`, `sys`, `json`, `os`, `time` and `say` are there: `say` prints
            a line at once.
    """
    path = folder / "loader with spaces.py"
    path.write_text(_BEGINNING.format(here=str(folder)) + program)
    return shlex.join([sys.executable, "-I", str(path)])


_BEGINNING = """\
import json, os, pathlib, signal, subprocess, sys, time
HERE = pathlib.Path({here!r})
def say(line):
    print(line if isinstance(line, str) else json.dumps(line), flush=True)
"""

KEEPER = """
with open(HERE / "loaded", "wb") as loaded:
    last = None
    for line in sys.stdin.buffer:
        loaded.write(line)
        loaded.flush()
        if not line.strip():
            continue
        message = json.loads(line)
        if message["type"] == "STATE":
            last = message["value"]
if last:
    say(last)
"""
"""A good loader: keeps every byte in the file `loaded`, and prints its last STATE at the end."""

PROMPT = """
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "STATE":
        say(message["value"])
"""
"""A loader that prints every STATE as soon as it has read it."""
