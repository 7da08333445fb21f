"""The Dagster project of the examples, copied beside a Meltano project and started there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helpers.meltano_project import MeltanoProject

_INSIDE = Path(__file__).with_name("inside.py")
_MODULE = ("-m", "invoices_dagster.definitions")
_OVER = {"SUCCESS", "FAILURE", "CANCELED"}
_WAIT_SECONDS = 600
_STOP_SECONDS = 20


class Dagster:
    """A Dagster project; a context manager that leaves nothing running."""

    def __init__(self, project: MeltanoProject) -> None:
        """Talk to the copy in the folder `dagster` of a Meltano project."""
        self.folder = project.folder / "dagster"
        self._bin = self.folder / ".venv" / "bin"
        self._environment = project.environment | {
            "DAGSTER_HOME": str(self.folder),
            "MELTANO_PROJECT_ROOT": str(project.folder),
            "PYTHONPATH": str(self.folder),
        }
        self._log = self.folder / "tests.log"

    def __enter__(self) -> Self:
        """Start what answers questions."""
        with self._log.open("ab") as log:
            self._inside = subprocess.Popen(
                [self._bin / "python", _INSIDE],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._inside.communicate()

    def ask(self, name: str, *arguments: object) -> Any:
        """Ask for what a function of `inside.py` returns."""
        assert self._inside.stdin is not None
        assert self._inside.stdout is not None
        print(json.dumps([name, *arguments]), file=self._inside.stdin, flush=True)
        answer = self._inside.stdout.readline()
        assert answer, self._log.read_text()[-5000:]
        return json.loads(answer)

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Have Dagster's daemon run, which starts what is queued."""
        with self._started("dagster-daemon", "run", *_MODULE):
            yield

    @contextmanager
    def execute(self, job: str) -> Iterator[subprocess.Popen[bytes]]:
        """Have a job run in a process of its own."""
        with self._started("dagster", "job", "execute", *_MODULE, "-j", job) as process:
            yield process

    @contextmanager
    def _started(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        with (
            self._log.open("ab") as log,
            subprocess.Popen(
                [self._bin / command[0], *command[1:]],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                _stop(process)

    def wait_for_backfill(self, years: int) -> list[dict[str, Any]]:
        """Wait until that many runs of the backfill are over, and return them."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            runs: list[dict[str, Any]] = self.ask("backfilled")
            if len([run for run in runs if run["status"] in _OVER]) >= years:
                return runs
            time.sleep(1)
        raise AssertionError(self._log.read_text()[-5000:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop it, and whatever it started and did not take along."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
