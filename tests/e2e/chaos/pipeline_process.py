"""One run of the pipeline, as Meltano starts it, and signals to its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from helpers.run import TAP, TARGET, unmeasured_environment, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROCESSES = ("tap", "target", "loader", "all")


class PipelineProcesses:
    """A tap and a target, joined by a pipe, in one process group; the loader has its own.

    A context manager: whatever is left of it is killed.

    Attributes:
        states: The STATEs that the target has printed, each saved as Meltano does.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tap: Mapping[str, Any],
        target: Mapping[str, Any],
        catalog: Mapping[str, Any],
        state: Mapping[str, Any],
    ) -> None:
        """Start it, with these settings."""
        self.states: list[dict[str, Any]] = []
        self._log = (folder / "log").open("ab")
        files = {"config": tap, "catalog": catalog, "state": state}
        options = [(f"--{name}", write_json(folder, name, what)) for name, what in files.items()]
        self._tap = self._start(
            [TAP, *(word for option in options for word in option)],
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        self._target = self._start(
            [TARGET, "--config", write_json(folder, "target", target)],
            stdin=self._tap.stdout,
            process_group=self._tap.pid,
        )
        assert self._tap.stdout is not None
        self._tap.stdout.close()  # it is the target's now
        self._loaders: set[int] = set()
        self._reader = threading.Thread(target=self._read_states, daemon=True)
        self._reader.start()

    def _start(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=unmeasured_environment(),
            **options,
        )

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what is left of it."""
        self.send_signal("all", signal.SIGKILL)
        self._tap.wait()
        self._target.wait()
        self._log.close()

    @property
    def are_running(self) -> bool:
        """Whether tap or target still runs."""
        return self._tap.poll() is None or self._target.poll() is None

    def wait(self, seconds: float) -> tuple[int, int]:
        """Wait for its end.

        Returns:
            The exit codes of tap and target.

        Raises:
            subprocess.TimeoutExpired: It hangs.
        """
        codes = self._tap.wait(seconds), self._target.wait(seconds)
        self._reader.join(seconds)
        return codes

    def send_signal(self, whom: str, signum: signal.Signals) -> None:
        """Send a signal to one of `PROCESSES`; one that is gone feels nothing.

        The signal goes to the loader too when it is meant for all, as where a service manager
        stops whatever it has started.
        """
        self._loaders |= children_of(self._target.pid)
        pids = {"tap": [self._tap.pid], "target": [self._target.pid], "loader": self._loaders}
        for pid in pids.get(whom, [self._tap.pid, self._target.pid, *self._loaders]):
            with suppress(ProcessLookupError):
                os.kill(pid, signum)

    def _read_states(self) -> None:
        assert self._target.stdout is not None
        with self._target.stdout as printed:
            for line in printed:
                with suppress(ValueError):  # the last line of a killed target may be cut off
                    self.states.append(json.loads(line))


def children_of(parent: int) -> set[int]:
    """Return a process's children."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    pairs = (map(int, line.split()) for line in listing.splitlines())
    return {child for child, its_parent in pairs if its_parent == parent}


def merge_states(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a state into an older one as Meltano does after a partial run."""
    both = {
        name: merge_states(old[name], value)
        for name, value in new.items()
        if isinstance(value, dict) and isinstance(old.get(name), dict)
    }
    return {**old, **new, **both}
