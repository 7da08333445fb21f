"""A small complete pipeline in one environment: tap, target, loader."""

from __future__ import annotations

import json
import os
import pty
import resource
import shlex
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from helpers.run import TIMEOUT_S, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.environments.matrix import Environment

LOADER = """\
import json, sys
rows, state = [], None
for line in sys.stdin.buffer:
    message = json.loads(line)
    if message["type"] == "RECORD":
        rows.append([message["stream"], message["record"]["id"]])
    elif message["type"] == "STATE":
        state = message["value"]
with open(sys.argv[1], "w") as file:
    json.dump(rows, file)
if state:
    print(json.dumps(state))
"""
"""A good loader, in a file of its own: it stores everything, then prints its last STATE."""


@dataclass(frozen=True)
class Outcome:
    """How a pipeline ended.

    Args:
        codes: The exit codes of tap and target.
        stored: The ids in the loader's file, by stream.
        states: What the target wrote to stdout.
        log: What both wrote to stderr.
    """

    codes: tuple[int, int]
    stored: dict[str, list[int]]
    states: list[Any]
    log: str


class Pipeline:
    """Runs both programs as one row of the matrix says.

    Args:
        row: The environment.
        programs: The programs' virtual environments, by name.
        folder: The working directory; it exists.
        config: Settings for both.
        variables: More variables, such as those for a proxy.
    """

    def __init__(
        self,
        row: Environment,
        programs: dict[str, Path],
        folder: Path,
        config: dict[str, Any],
        variables: dict[str, str],
    ) -> None:
        self._row = row
        self._programs = programs
        self._folder = folder
        self._stored = folder / "out" / "stored.json"
        self._stored.parent.mkdir()
        (folder / "loader.py").write_text(LOADER)
        # -I: the loader is another program, which the row's variables do not concern.
        loader = [
            str(programs["target-invoices-ack"] / "bin" / "python"),
            "-I",
            str(folder / "loader.py"),
            str(self._stored),
        ]
        settings = config | {"loader": shlex.join(loader)}
        (folder / "config.json").write_text(json.dumps(settings))
        self._variables = _environment(row) | variables
        if row.read_only:
            folder.chmod(0o555)
            (folder / "out").chmod(0o777)

    def run(self) -> Outcome:
        """Run both to their ends."""
        log = self._folder / "out" / "log"
        writer, reader = self._connect()
        with log.open("wb") as errors:
            tap = self._start("tap-invoices", subprocess.DEVNULL, writer, errors.fileno())
            os.close(writer)
            if self._row.between == "file":
                tap.wait(TIMEOUT_S)
            output, read_output = self._output()
            target = self._start("target-invoices-ack", reader, output, errors.fileno())
            os.close(reader)
            states = read_output(target)
            codes = tap.wait(TIMEOUT_S), target.wait(TIMEOUT_S)
        stored: dict[str, list[int]] = {}
        for stream, found in json.loads(
            self._stored.read_text() if self._stored.exists() else "[]"
        ):
            stored.setdefault(stream, []).append(found)
        return Outcome(
            codes, stored, [json.loads(each) for each in states.splitlines()], log.read_text()
        )

    def run_alone(self, name: str) -> Outcome:
        """Run one program, without input and with its output discarded."""
        log = self._folder / "out" / "log"
        with log.open("wb") as errors:
            null = subprocess.DEVNULL
            code = self._start(name, null, null, errors.fileno()).wait(TIMEOUT_S)
        stored = {"stored": [1]} if self._stored.exists() else {}
        return Outcome((code, code), stored, [], log.read_text())

    def _start(self, name: str, stdin: int, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        script = self._programs[name] / "bin" / name
        command = [str(script)]
        if self._row.python:
            command = [str(script.with_name("python")), *self._row.python, *command]
        closed = [int(each.split()[1]) for each in self._row.closed if each.split()[0] in name]
        return subprocess.Popen(
            [*command, "--config", "config.json"],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self._folder,
            env=self._variables,
            user=self._row.user,
            preexec_fn=lambda: _limit(self._row, closed),  # noqa: PLW1509 - no threads here
        )

    def _connect(self) -> tuple[int, int]:
        """Return descriptors for the tap's stdout and for the target's stdin."""
        match self._row.between:
            case "socket":
                one, other = socket.socketpair()
                return one.detach(), other.detach()
            case "file":
                path = self._folder / "out" / "messages"
                return os.open(path, os.O_WRONLY | os.O_CREAT), os.open(path, os.O_RDONLY)
            case kind:
                reader, writer = os.pipe()
                if kind == "non-blocking pipe":
                    os.set_blocking(writer, False)
                    os.set_blocking(reader, False)
                return writer, reader

    def _output(self) -> tuple[int, Callable[[subprocess.Popen[bytes]], str]]:
        """Return a descriptor for the target's stdout, and what reads it to the end."""
        if self._row.output == "pipe":
            return subprocess.PIPE, _read_pipe
        if self._row.output == "terminal":
            main, other = pty.openpty()
            return other, lambda target: _read_terminal(target, main, other)
        path = self._folder / "out" / "states"
        return os.open(path, os.O_WRONLY | os.O_CREAT), lambda target: _read_file(target, path)


def _read_pipe(target: subprocess.Popen[bytes]) -> str:
    assert target.stdout is not None
    with target.stdout as output:
        return output.read().decode()


def _read_file(target: subprocess.Popen[bytes], path: Path) -> str:
    target.wait(TIMEOUT_S)
    return path.read_text()


def _read_terminal(target: subprocess.Popen[bytes], main: int, other: int) -> str:
    os.close(other)
    text = b""
    try:
        while data := os.read(main, 1 << 16):
            text += data
    except OSError:  # how Linux ends a terminal that nobody has open any more
        target.wait(TIMEOUT_S)
    os.close(main)
    return text.decode().replace("\r\n", "\n")


def _limit(row: Environment, closed: list[int]) -> None:
    for descriptor in closed:
        os.close(descriptor)
    for kind, value in row.limits:
        resource.setrlimit(kind, (value, value))


def _environment(row: Environment) -> dict[str, str]:
    own = environment()
    kept = {} if "*" in row.removed else {k: v for k, v in own.items() if k not in row.removed}
    return kept | dict(row.variables)
