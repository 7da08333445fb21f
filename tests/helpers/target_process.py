"""The target as a user runs it: a process that reads a tap's messages from a pipe."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.tap_process import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.client import Sandbox

TARGET = Path(sys.executable).parent / "target-invoices-ack"
TIMEOUT = 120  # seconds; far more than any of the runs takes

_SUM = re.compile(r"Received (\d+) = (.+)\.$", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """What a run of the target came to.

    Attributes:
        code: Its exit code.
        out: What it wrote to stdout.
        err: What it wrote to stderr, the loader's own words among it.
    """

    code: int
    out: bytes
    err: str

    @property
    def states(self) -> list[Any]:
        """The STATEs that it printed."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def problems(self) -> list[str]:
        """What it logged as an error."""
        found = [line for line in self.err.splitlines() if "ERROR" in line]
        return [line.split("|", 3)[-1].strip() for line in found]

    @property
    def account(self) -> dict[str, int]:
        """The parts of its last line; `received` is what they must add up to."""
        [(received, parts)] = _SUM.findall(self.err)
        found = {
            words: int(count)
            for count, words in (part.split(" ", 1) for part in parts.split(" + "))
        }
        return {"received": int(received)} | found


def balances(account: Mapping[str, int]) -> bool:
    """Whether the parts of a run's last line add up."""
    return account["received"] == sum(account.values()) - account["received"]


def command(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """Write the config of a run and return its command."""
    path = folder / "target.json"
    path.write_text(json.dumps(config))
    return [str(TARGET), "--config", str(path)]


def run_target(
    folder: Path,
    config: Mapping[str, Any],
    taps: bytes,
    *,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run the target to its end.

    Args:
        folder: Where its config is written.
        config: Its settings.
        taps: What the tap sends.
        env: Variables of its environment.
    """
    done = subprocess.run(
        command(folder, config),
        input=taps,
        env=environment(**(env or {})),
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def start_target(
    folder: Path, config: Mapping[str, Any], *, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start the target, to be fed and signalled while it runs."""
    return subprocess.Popen(
        command(folder, config),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**(env or {})),
    )


def ended(process: subprocess.Popen[bytes]) -> Ran:
    """Close its input if that is open still, wait for its end, and return what it came to."""
    out, err = process.communicate(timeout=TIMEOUT)
    return Ran(process.returncode, out, err.decode(errors="replace"))


@dataclass(frozen=True)
class Account:
    """A receiving system in the service, and the target that marks for it."""

    sandbox: Sandbox
    system_id: str
    folder: Path

    def config(self, **settings: Any) -> dict[str, Any]:
        return self.sandbox.config(**{"system_id": self.system_id} | settings)

    def run(self, taps: bytes, *, env: dict[str, str] | None = None, **settings: Any) -> Ran:
        return run_target(self.folder, self.config(**settings), taps, env=env)

    def start(
        self, *, env: dict[str, str] | None = None, **settings: Any
    ) -> subprocess.Popen[bytes]:
        return start_target(self.folder, self.config(**settings), env=env)

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
    deadline = time.monotonic() + TIMEOUT
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
