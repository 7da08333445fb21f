"""Whole-process figures of commands, several of them in turn."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from helpers.run import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_TIMEOUT = 1800  # seconds


@dataclass(frozen=True)
class Figures:
    """One run of a command, as a whole process.

    Attributes:
        wall: Seconds by the clock.
        cpu: Seconds of CPU, user and system, with those of the processes that it started.
        memory: Peak memory in bytes, of its largest process.
    """

    wall: float
    cpu: float
    memory: int


@dataclass(frozen=True)
class Command:
    """A contestant: what is started, and what must be so before each start.

    Attributes:
        words: The command line.
        stdin: The file that it reads.
        variables: More of its environment.
        before: Brings things back to where they were.
    """

    words: Sequence[str]
    stdin: Path = Path("/dev/null")
    variables: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None


@dataclass
class Series:
    """The runs of one contestant in one case.

    Attributes:
        group: What is compared with what.
        contestant: Who.
        case: The circumstances, such as `invoices` and `page_size`.
        records: How many records it delivers, if it does.
        runs: The figures of each counted run.
    """

    group: str
    contestant: str
    case: dict[str, Any]
    records: int = 0
    runs: list[Figures] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """Return the median of a figure: `wall`, `cpu` or `memory`."""
        return float(median(getattr(run, figure) for run in self.runs))


def run(command: Command, folder: Path, stdout: Path = Path("/dev/null")) -> Figures:
    """Run a command to its end.

    Raises:
        RuntimeError: It does not end with 0; the message is the end of what it said.
    """
    command.before()
    result, said = folder / "figures", folder / "said"
    subprocess.run(
        [
            *(sys.executable, "-I", "-S", _LAUNCH),
            *map(str, (result, command.stdin, stdout, said)),
            *command.words,
        ],
        env=environment(**command.variables),
        cwd=folder,
        timeout=_TIMEOUT,
        check=True,
    )
    code, wall, cpu, kibibytes = result.read_text().split()
    if code != "0":
        words = said.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{command.words[0]} ended with {code}: {words}")
    return Figures(float(wall), float(cpu), int(kibibytes) * 1024)


def alternate(
    contestants: Mapping[str, Command],
    series: Mapping[str, Series],
    runs: int,
    folder: Path,
) -> None:
    """Run contestants in turn, `runs` times each, and keep their figures."""
    for _ in range(runs):
        for name, command in contestants.items():
            series[name].runs.append(run(command, folder))
