"""A loader that runs: fed, heard, timed, and killed."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TIMEOUT_S = 90.0
"""Until a loader has to have ended."""

_QUIET_S = 3.0  # without a STATE, after which its input is ended
_POLL_S = 0.1


@dataclass(frozen=True)
class Ended:
    """How a run of a loader ended.

    Attributes:
        exit_code: Its exit code; None where it did not end within `TIMEOUT_S`.
        states: The lines that it printed.
        early: How many of them before its input ended.
        cpu_s: CPU seconds of it and of the servers that we have started.
    """

    exit_code: int | None
    states: list[bytes]
    early: int
    cpu_s: float


class LoaderProcess:
    """A loader that runs; a context manager that kills it.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        environment: Variables that it needs besides ours.
        log: The file that it logs to.

    Attributes:
        states: The lines that it has printed.
        timed_out: Whether it was killed since it had not ended after `TIMEOUT_S`.
    """

    def __init__(
        self, command: list[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        self.states: list[bytes] = []
        self._cpu_s = _cpu_s()
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
            )
        self.timed_out = False
        self._timer = threading.Timer(TIMEOUT_S, self._time_out)
        self._timer.start()
        self._heard = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it."""
        self.kill()

    def kill(self) -> None:
        """Kill it, as the kernel or a person would, and wait until it is gone."""
        assert self._process.stdin is not None
        self._timer.cancel()
        self._process.kill()
        self._process.stdin.close()
        self._process.wait()
        self._listener.join()

    def feed(self, lines: list[bytes]) -> None:
        """Write lines to it; it may be gone."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(b"".join(lines))

    def let_work(self) -> None:
        """Give it time to take in what it was fed."""
        time.sleep(_QUIET_S)

    def end(self) -> Ended:
        """End its input and wait for its end."""
        assert self._process.stdin is not None
        early = len(self.states)
        self._process.stdin.close()
        code = self._process.wait()
        self._timer.cancel()
        self._listener.join()
        return Ended(None if self.timed_out else code, self.states, early, _cpu_s() - self._cpu_s)

    def kill_at_first(self, confirms: Callable[[bytes], list[int]]) -> list[int]:
        """Kill it at once after the first STATE that confirms anything.

        Its input is ended if none comes before.

        Args:
            confirms: Returns the ids that a STATE confirms.

        Returns:
            These ids; none where no STATE confirms any.
        """
        seen = 0
        for is_ended in (False, True):
            if is_ended and self._process.stdin is not None:
                self._process.stdin.close()
            deadline = time.monotonic() + (TIMEOUT_S if is_ended else _QUIET_S)
            while time.monotonic() < deadline and (self._listener.is_alive() or not is_ended):
                with self._heard:
                    self._heard.wait(_POLL_S)
                while seen < len(self.states):
                    if ids := confirms(self.states[seen]):
                        self.kill()
                        return ids
                    seen += 1
        return []

    def _time_out(self) -> None:
        self.timed_out = True
        self._process.kill()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                if line.strip():
                    with self._heard:
                        self.states.append(line)
                        self._heard.notify()


def _cpu_s() -> float:
    """Return the CPU seconds of all processes that we have started, and of theirs."""
    ours = psutil.Process()
    running = [each.cpu_times() for each in ours.children()]
    ended = ours.cpu_times()
    return sum(
        (
            sum((each.user, each.system, each.children_user, each.children_system))
            for each in running
        ),
        ended.children_user + ended.children_system,
    )
