"""The Meltano project of this repository, in a private place, with a loader and a sandbox."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

from demo.errors import Stop
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

PACKAGES = ("tap-invoices", "target-invoices-ack")

_STOP_SECONDS = 20
_ERROR = re.compile(r"\[error *\] (.*)")
# A person's own settings for these must not reach into the demo, nor what measures the tests.
_FOREIGN = (
    *("COVERAGE_", "MELTANO_", "PG", "SANDBOX_", "TAP_", "TARGET_", "TRAEDE_", "WAREHOUSE_"),
    "VIRTUAL_ENV",
)


class Project:
    """A copy of `meltano.yml` beside links to both packages, with its own `.meltano`.

    So the demo and the tests run the very definitions that are published, and leave alone
    what a person has in the checkout: installed plugins, state and `.env`.

    Attributes:
        folder: Where the copy lies.
    """

    def __init__(self, folder: Path) -> None:
        """Describe a project; entering the context makes it.

        Args:
            folder: Where; kept from run to run, since installing plugins takes its time.
        """
        self.folder = folder
        self._services: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Make it, or make it anew, without any state of earlier runs.

        Raises:
            Stop: Another process uses it, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stop(f"it is running already, in {self.folder}; wait until it ends.") from None
        except OSError as error:
            raise Stop(f"{self.folder} cannot be used: {error.strerror}.") from None
        for name in PACKAGES:
            link = self.folder / name
            link.unlink(missing_ok=True)
            link.symlink_to(CHECKOUT / name)
        shutil.copy(CHECKOUT / "meltano.yml", self.folder / "meltano.yml")
        self.forget()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let others use it."""
        self._lock.close()

    def forget(self) -> None:
        """Forget the state of all runs; what is installed stays."""
        for name in ("meltano.db", "run", "logs"):
            path = self.folder / ".meltano" / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def use(self, services: Mapping[str, str]) -> None:
        """Say where the API and the warehouse are, as environment variables."""
        self._services.update(services)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a `meltano` in this project."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        path = (str(Path(sys.executable).parent), own.get("PATH", os.defpath))
        return own | self._services | {"PATH": os.pathsep.join(path), "NO_COLOR": "1"}

    def install(self) -> None:
        """Install the plugins, each in an environment of its own.

        Raises:
            Stop: A package could not be had.
        """
        for anew in ((), ("--clean",)):  # what an interrupted run left may be in the way
            with self.start("install", *anew) as meltano:
                if meltano.wait() == 0:
                    return
        raise Stop(
            f"the Meltano plugins could not be installed ({meltano.first_error()}); all that was "
            f"said is in {meltano.log}. Where it is the network: the package index is needed once."
        )

    def start(self, *arguments: str, settings: Mapping[str, str] | None = None) -> Meltano:
        """Start `meltano` with these arguments, and settings as variables for this once."""
        return Meltano(self, arguments, self.environment | dict(settings or {}))


class Meltano:
    """A running `meltano`; a context manager that leaves none of its processes behind.

    Attributes:
        log: Where its words go.
    """

    def __init__(
        self, project: Project, arguments: tuple[str, ...], environment: Mapping[str, str]
    ) -> None:
        """Start it, in a process group of its own, so that all of it can be ended."""
        self.log = project.folder / f"{arguments[0]}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).parent / "meltano", *arguments],
                cwd=project.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what is left of it, the loader in its own process group included."""
        family = self._family()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, _STOP_SECONDS)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            leader = psutil.Process(self._process.pid)
            return [*leader.children(recursive=True), leader]
        return []

    @property
    def pid(self) -> int:
        """Its process, which leads the group of all that it starts."""
        return self._process.pid

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its exit code; None where it still runs after that long."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill_loader(self) -> bool:
        """Kill the loader, as the kernel does when memory runs out.

        Returns:
            Whether it ran.
        """
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                if any(word.endswith("/target-postgres") for word in process.cmdline()):
                    process.kill()
                    return True
        return False

    def first_error(self) -> str:
        """Return the first line that it told as an error, which is the cause of the others."""
        found = _ERROR.search(self.words())
        return found[1] if found else "it gives no reason"

    def words(self) -> str:
        """Return what it said."""
        return self.log.read_text(errors="replace")
