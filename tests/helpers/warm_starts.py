"""Runs of our programs, each started by a Python that has imported what they depend on."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Self

from helpers.warm_python import WarmPython

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helpers.warm_python import Fork

_FOR_PYTHON = ("COVERAGE_", "PYTHONWARNINGS")
_FOR_PROGRAMS = ("TAP_", "TARGET_", "PYTEST_CURRENT_TEST")
"""How the names of variables begin that neither Python nor what is imported early reads."""


class WarmStarts:
    """One warm Python for each program and each environment; a context manager that ends them.

    Args:
        programs: The scripts that are started in this way, by their paths.
        environment: What all environments have in common but for `_FOR_PYTHON`, after which a
            Python is chosen, and `_FOR_PROGRAMS`.
    """

    def __init__(self, programs: Sequence[str], environment: Mapping[str, str]) -> None:
        self._programs = programs
        self._common = _without(environment, _FOR_PYTHON + _FOR_PROGRAMS)
        self._pythons: dict[tuple[str, ...], WarmPython] = {}

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for python in self._pythons.values():
            python.close()

    def run(
        self,
        *commands: Sequence[str],
        stdin: bytes,
        cwd: Path | None,
        env: Mapping[str, str],
        merge_stderr: bool,
        timeout_s: float,
    ) -> list[subprocess.CompletedProcess[bytes]] | None:
        """Run commands to their ends, each one's stdout being the next one's stdin.

        Returns:
            Each command's exit code and stderr, and the last one's stdout. None, and nothing is
            started, where one of them is another program or has variables of another kind.

        Raises:
            subprocess.TimeoutExpired: One did not end in time; all are killed.
        """
        pythons = [self._python(command[0], env) for command in commands]
        usable = [python for python in pythons if python is not None]
        if len({id(python) for python in usable}) < len(commands):
            return None
        with ExitStack() as stack:
            run = _Run(stack, merge_stderr=merge_stderr)
            feeding = run.start_all(usable, commands, env, str(Path.cwd() / (cwd or "")))
            return run.finish(commands, feeding, stdin, timeout_s)

    def _python(self, program: str, env: Mapping[str, str]) -> WarmPython | None:
        is_common = _without(env, _FOR_PYTHON + _FOR_PROGRAMS) == self._common
        if program not in self._programs or not is_common:
            return None
        its_own = (f"{name}={env[name]}" for name in sorted(env) if name.startswith(_FOR_PYTHON))
        key = (program, *its_own)
        if key not in self._pythons:
            self._pythons[key] = WarmPython(_without(env, _FOR_PROGRAMS))
        return self._pythons[key]


class _Run:
    """The files and processes of one run."""

    def __init__(self, stack: ExitStack, *, merge_stderr: bool) -> None:
        self._stack = stack
        self._merge_stderr = merge_stderr
        self._forks: list[Fork] = []
        self._readers: list[_Reader] = []

    def start_all(
        self,
        pythons: Sequence[WarmPython],
        commands: Sequence[Sequence[str]],
        env: Mapping[str, str],
        cwd: str,
    ) -> IO[bytes]:
        """Start all commands; returns the end of the pipe that the first one reads."""
        stdin, feeding = self._pipe()
        for python, command in zip(pythons, commands, strict=True):
            following, stdout = self._pipe()
            errors, stderr = self._pipe()
            files = [stdin, stdout, stdout if self._merge_stderr else stderr]
            numbers = [file.fileno() for file in files]
            self._forks.append(python.start(command, numbers, env, cwd))
            self._readers.append(_Reader(errors))
            for file in (stdin, stdout, stderr):
                file.close()
            stdin = following
        self._readers.append(_Reader(stdin))
        return feeding

    def finish(
        self,
        commands: Sequence[Sequence[str]],
        feeding: IO[bytes],
        stdin: bytes,
        timeout_s: float,
    ) -> list[subprocess.CompletedProcess[bytes]]:
        """Feed the first one, read the last one, and wait for all."""
        feeder = Thread(target=_feed, args=(feeding, stdin), daemon=True)
        feeder.start()
        try:
            for reader in self._readers:
                reader.finish(timeout_s)
        except BaseException:
            for fork in self._forks:
                with suppress(ProcessLookupError):
                    fork.kill()
            raise
        finally:
            codes = [fork.wait() for fork in self._forks]
            feeder.join()
        *texts, output = (reader.content for reader in self._readers)
        outputs = [b""] * (len(commands) - 1) + [output]
        return [
            subprocess.CompletedProcess(*parts)
            for parts in zip(commands, codes, outputs, texts, strict=True)
        ]

    def _pipe(self) -> tuple[IO[bytes], IO[bytes]]:
        reading, writing = os.pipe()
        return (
            self._stack.enter_context(os.fdopen(reading, "rb")),
            self._stack.enter_context(os.fdopen(writing, "wb", buffering=0)),
        )


class _Reader(Thread):
    """Reads a file to its end.

    Attributes:
        content: What it has read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.content = b""
        self._file = file
        self.start()

    def finish(self, timeout_s: float) -> None:
        """Wait until all is read.

        Raises:
            subprocess.TimeoutExpired: The program did not close the file in time.
        """
        self.join(timeout_s)
        if self.is_alive():
            raise subprocess.TimeoutExpired("a program", timeout_s)

    def run(self) -> None:
        """Read, as the thread."""
        self.content = self._file.read()


def _without(environment: Mapping[str, str], beginnings: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(beginnings)}


def _feed(file: IO[bytes], content: bytes) -> None:
    rest = memoryview(content)
    with suppress(BrokenPipeError), file:
        while rest:
            rest = rest[file.write(rest) :]
