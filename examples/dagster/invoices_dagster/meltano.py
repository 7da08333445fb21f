"""Running Meltano."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

MORE_TRIES = 3
SECONDS_BETWEEN = 10


@dataclass(frozen=True)
class Ended:
    """A run of Meltano that has ended.

    Attributes:
        code: Its exit code; 0 only when everything is loaded and marked.
        words: All that it said.
    """

    code: int
    words: str

    def checked(self) -> Ended:
        """Return it where it went well.

        Raises:
            RetryRequested: It did not. What it had not confirmed is not marked, so trying again
                is safe. (A `RetryPolicy` would also try again what a person has stopped.)
        """
        if self.code:
            failure = dg.Failure(f"Meltano ended with {self.code}; its log says why.")
            raise dg.RetryRequested(MORE_TRIES, seconds_to_wait=SECONDS_BETWEEN) from failure
        return self


class Meltano(dg.ConfigurableResource):
    """The Meltano that is installed beside Dagster.

    Attributes:
        project: The folder of the Meltano project.
    """

    project: str

    def run(self, *arguments: str, **variables: str) -> Ended:
        """Run it to its end, with variables added to its environment.

        What it says goes to the run's own log. A run that is stopped takes it along.
        """
        here = Path(sys.executable).parent
        path = os.pathsep.join((str(here), os.environ.get("PATH", os.defpath)))
        words = []
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
                    words.append(line)
            except BaseException:
                meltano.terminate()
                raise
        return Ended(meltano.returncode, "".join(words))
