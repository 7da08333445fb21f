"""The one way in which tests run a program, and the one type of its result."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from helpers.warm_starts import WarmStarts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BIN = Path(sys.executable).parent
TAP = str(_BIN / "tap-invoices")
TARGET = str(_BIN / "target-invoices-ack")

TIMEOUT_S = 500  # far more than any run takes

_SUMMARY = re.compile(r"Received (\d+) = (.+)\.$", re.MULTILINE)


@dataclass(frozen=True)
class CompletedRun:
    """A program that has ended.

    Attributes:
        exit_code: Its exit code; negative where a signal killed it.
        output: What it wrote to stdout.
        stderr: What it wrote to stderr, its child processes included.
        upstream: The programs before it in its pipe, in order.
    """

    exit_code: int
    output: bytes
    stderr: str = ""
    upstream: tuple[CompletedRun, ...] = ()

    @property
    def stdout(self) -> str:
        """What it wrote to stdout, as text."""
        return self.output.decode()

    def check(self) -> Self:
        """Return itself, if it and every program before it in the pipe exited with 0."""
        runs: tuple[CompletedRun, ...] = (*self.upstream, self)
        for each in runs:
            assert each.exit_code == 0, each.stderr or each.stdout
        return self

    @cached_property
    def _lines(self) -> list[Any]:
        return [json.loads(line, parse_float=Decimal) for line in self.output.splitlines()]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The Singer messages on its stdout; any other line is no tap's."""
        return [line for line in self._lines if _is_message(line)]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return its messages of a type, in order."""
        return [message for message in self.messages if message["type"] == kind]

    def records(self, stream: str = "invoices") -> list[dict[str, Any]]:
        """Return the records of a stream."""
        records = self.of_type("RECORD")
        return [message["record"] for message in records if message["stream"] == stream]

    def ids(self, stream: str = "invoices") -> list[int]:
        """Return the ids of a stream's records."""
        return [record["id"] for record in self.records(stream)]

    @property
    def states(self) -> list[Any]:
        """The states that it emitted: a tap in STATE messages, a target as plain JSON."""
        return [
            line["value"] if _is_message(line) else line
            for line in self._lines
            if not _is_message(line) or line["type"] == "STATE"
        ]

    @property
    def state(self) -> Any:
        """Its last state: what the next run is given."""
        return self.states[-1]

    @property
    def bookmark(self) -> dict[str, Any]:
        """The bookmark of `invoices` in its last state."""
        found: dict[str, Any] = self.state["bookmarks"]["invoices"]
        return found

    @property
    def errors(self) -> list[str]:
        """The messages that it logged as errors."""
        found = [line for line in self.stderr.splitlines() if "| ERROR" in line]
        return [line.split("|", 3)[-1].strip() for line in found]

    @property
    def summary(self) -> dict[str, int]:
        """The parts of a target's last line; all but `received` add up to that one."""
        return parse_summary(self.stderr)


def parse_summary(text: str) -> dict[str, int]:
    """Return the parts of a target's last line; all but `received` add up to that one."""
    [(received, parts)] = _SUMMARY.findall(text)
    counts = (part.split(" ", 1) for part in parts.split(" + "))
    found = {"received": int(received)} | {name: int(count) for count, name in counts}
    return {"drafts" if name == "draft" else name: count for name, count in found.items()}


def adds_up(summary: Mapping[str, int]) -> bool:
    """Whether the parts of a target's last line add up to what it received."""
    return summary["received"] == sum(summary.values()) - summary["received"]


STRICT = {"PYTHONWARNINGS": "error::DeprecationWarning"}
"""Variables for our own programs: what Python or a library deprecates ends them."""


def environment(**variables: str) -> dict[str, str]:
    """Return an environment for the programs, without the settings of who runs the tests."""
    foreign = ("TAP_", "TARGET_", "LOGLEVEL")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return own | variables


def unmeasured_environment(**variables: str) -> dict[str, str]:
    """Return the same without what measures the coverage of the programs.

    For tests that start many programs of which other tests cover every line: measuring makes a
    start half as long again.
    """
    own = environment(**variables)
    return {name: value for name, value in own.items() if not name.startswith("COVERAGE_")}


def hasty_retries(folder: Path) -> dict[str, str]:
    """Return an environment in which programs do not wait before they retry.

    The waits are real but for their length.
    """
    hasty = folder / "hasty"
    hasty.mkdir(exist_ok=True)
    (hasty / "sitecustomize.py").write_text("import time\ntime.sleep = lambda _: None\n")
    return {"PYTHONPATH": str(hasty)}


_warm_starts: list[WarmStarts] = []


@contextmanager
def warm_starts() -> Iterator[None]:
    """Have `start` and all that use it start our programs by way of `helpers.warm_python`."""
    with WarmStarts((TAP, TARGET), environment()) as warm:
        _warm_starts.append(warm)
        yield
        _warm_starts.remove(warm)


def run(
    command: Sequence[str],
    *,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    merge_stderr: bool = False,
) -> CompletedRun:
    """Run a program to its end.

    Args:
        command: The program and its arguments.
        stdin: What it reads; nothing if None.
        cwd: Where it runs; here if None.
        env: All variables of its environment; `environment()` if None.
        merge_stderr: Whether its stderr goes to its stdout.

    Raises:
        subprocess.TimeoutExpired: It did not end within `TIMEOUT_S` and was killed.
    """
    stderr = subprocess.STDOUT if merge_stderr else subprocess.PIPE
    with start(command, env=env, cwd=cwd, stderr=stderr) as process:
        try:
            out, err = process.communicate(stdin or b"", TIMEOUT_S)
        except BaseException:
            process.kill()
            raise
    return CompletedRun(process.returncode, out, _text(err))


def start(
    command: Sequence[str],
    *,
    stdin: int | IO[bytes] | None = subprocess.PIPE,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start a program, to be fed, read and signalled while it runs.

    Args:
        command: The program and its arguments.
        stdin: What it reads; a pipe if it is not given.
        env: All variables of its environment; `environment()` if None.
        options: Those of `subprocess.Popen`; stdout and stderr are pipes if not given.
    """
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    given |= {"env": environment() if env is None else env, "stdin": stdin}
    for warm in _warm_starts:
        if process := warm.start(command, **given):
            return process
    return subprocess.Popen(command, **given)


def finish(process: subprocess.Popen[bytes], read_before: bytes = b"") -> CompletedRun:
    """Close a program's stdin, if that is open still, and wait for its end.

    Args:
        process: The program.
        read_before: What was read of its stdout before.
    """
    out, err = process.communicate(timeout=TIMEOUT_S)
    return CompletedRun(process.returncode, read_before + (out or b""), _text(err))


def pipe(
    *commands: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> CompletedRun:
    """Run programs to their ends, each one's stdout being the next one's stdin.

    Returns:
        The last one; the others are its `upstream`.
    """
    errors = [tempfile.TemporaryFile() for _ in commands]  # noqa: SIM115 - closed below
    running: list[subprocess.Popen[bytes]] = []
    stdin: int | IO[bytes] | None = subprocess.DEVNULL
    for command, error in zip(commands, errors, strict=True):
        running.append(start(command, stdin=stdin, env=env, cwd=cwd, stderr=error))
        if running[1:] and (before := running[-2].stdout):
            before.close()  # only the next program holds the pipe's end now
        stdin = running[-1].stdout
    out, _ = running[-1].communicate(timeout=TIMEOUT_S)
    codes = [process.wait(TIMEOUT_S) for process in running]
    *upstream, last = zip(codes, map(_content, errors), strict=True)
    before_last = tuple(CompletedRun(code, b"", text) for code, text in upstream)
    return CompletedRun(last[0], out, last[1], before_last)


def write_json(folder: Path, name: str, content: Any) -> str:
    """Write a file for a program, such as its config, and return its path."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return str(path)


def options(folder: Path, **files: Mapping[str, Any] | None) -> list[str]:
    """Write files such as `config`, `catalog` and `state`, and return the options for them."""
    given: Iterable[tuple[str, Any]] = ((k, v) for k, v in files.items() if v is not None)
    pairs = ((f"--{name}", write_json(folder, name, content)) for name, content in given)
    return [word for pair in pairs for word in pair]


def _is_message(line: Any) -> bool:
    return isinstance(line, dict) and "type" in line


def _content(file: IO[bytes]) -> str:
    with file:
        file.seek(0)
        return _text(file.read())


def _text(written: bytes | None) -> str:
    return (written or b"").decode(errors="replace")
