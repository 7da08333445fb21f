"""Running Meltano, and reading the report of the target that it ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

RETRIES = 3
SECONDS_BETWEEN = 10


@dataclass(frozen=True)
class CompletedRun:
    """A run of Meltano that has ended.

    Attributes:
        exit_code: 0 only if everything was loaded and marked.
        report: The report of the target, the last plugin of the run; empty if it wrote none.
    """

    exit_code: int
    report: dict[str, Any]

    def check(self) -> CompletedRun:
        """Return itself, if it ended well.

        Raises:
            RetryRequested: It failed. What it had not confirmed is not marked, so a retry is safe.
                (A `RetryPolicy` would also retry a run that a person has stopped.)
        """
        if self.exit_code:
            failure = dg.Failure(f"Meltano ended with {self.exit_code}; its log says why.")
            raise dg.RetryRequested(RETRIES, seconds_to_wait=SECONDS_BETWEEN) from failure
        return self


class Meltano(dg.ConfigurableResource):
    """The Meltano that is installed beside Dagster.

    Attributes:
        project: The folder of the Meltano project.
    """

    project: str

    def run(self, *arguments: str, **variables: str) -> CompletedRun:
        """Run it to its end, with variables added to its environment.

        Its output goes to Dagster's log. If Dagster stops the run, Meltano is stopped too.

        Args:
            arguments: Those of Meltano; the last one is the target.
            variables: Settings of this run.
        """
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            setting = f"{arguments[-1].upper().replace('-', '_')}_REPORT_FILE"
            exit_code = self._run(arguments, variables | {setting: str(report)})
            return CompletedRun(
                exit_code, json.loads(report.read_text()) if report.exists() else {}
            )

    def _run(self, arguments: tuple[str, ...], variables: dict[str, str]) -> int:
        here = Path(sys.executable).parent
        path = os.pathsep.join((str(here), os.environ.get("PATH", os.defpath)))
        with subprocess.Popen(
            [here / "meltano", *arguments],
            cwd=self.project,
            env=os.environ | {"PATH": path, "NO_COLOR": "1"} | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as meltano:
            assert meltano.stdout is not None  # noqa: S101 - it is a pipe
            try:
                for line in meltano.stdout:
                    print(line, end="", flush=True)  # noqa: T201 - Dagster keeps what is printed
            except BaseException:
                meltano.terminate()
                raise
        return meltano.returncode
