"""From the API to records: this tap, and others that read the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import contestants
from benchmarks.api import Api, serving
from benchmarks.contestants import BARE, DLT, PLAIN, SERVER, TAP
from benchmarks.measure import Series, alternate, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.measure import Command

GROUP = "extraction"


@dataclass(frozen=True)
class Case:
    """What is extracted, and by whom.

    Attributes:
        invoices: How many.
        page_size: Invoices a request; 0 for all at once.
        latency: Seconds that each request takes at least.
        names: The contestants.
        runs: Counted runs of each.
    """

    invoices: int
    page_size: int = 250
    latency: float = 0.0
    names: tuple[str, ...] = (TAP, BARE)
    runs: int = 5


ALL = (TAP, BARE, PLAIN, DLT, SERVER)
MAIN = 27_200  # invoices; with their lines some 150,000 records

CASES = (
    Case(1_000, names=ALL),
    Case(3_000),
    Case(10_000),
    Case(MAIN, names=ALL, runs=3),
    Case(MAIN, page_size=0, names=(TAP, BARE, SERVER)),
    Case(MAIN, latency=0.05, names=(TAP, BARE, SERVER), runs=3),
    Case(100_000, runs=3),
    Case(300_000, names=(TAP, BARE, SERVER), runs=2),
    Case(300_000, page_size=0, names=(TAP, BARE, SERVER), runs=2),
)
SHORT = (Case(300, names=ALL, runs=1), Case(300, page_size=0, runs=1))


def measure(cases: tuple[Case, ...], folder: Path) -> Iterator[Series]:
    """Measure the cases; each contestant is first seen to deliver what the API has.

    Raises:
        AssertionError: One delivers something else.
    """
    for invoices in sorted({case.invoices for case in cases}):
        with serving(invoices, folder / str(invoices)) as api:
            for case in cases:
                if case.invoices == invoices:
                    yield from _measure(case, api)


def _measure(case: Case, api: Api) -> Iterator[Series]:
    commands = contestants.commands(api, case.names, case.page_size)
    circumstances = {
        "invoices": case.invoices,
        "page_size": case.page_size,
        "latency": case.latency,
        "response": check(commands, api),
    }
    series = {name: Series(GROUP, name, circumstances, api.records) for name in commands}
    api.wait_each_time(case.latency)
    alternate(commands, series, case.runs, api.folder)
    api.wait_each_time(0)
    yield from series.values()


def check(commands: Mapping[str, Command], api: Api) -> int:
    """Run each contestant once and compare what it delivers with what the API has.

    Returns:
        The bytes of all responses, if the server alone is among them.

    Raises:
        AssertionError: One delivers something else.
    """
    size = 0
    expected: contestants.Delivered | None = None
    for name, command in commands.items():
        out = api.folder / "stdout"
        run(command, api.folder, out)
        if name == SERVER:
            size = int(out.read_text())
            continue
        found = contestants.delivered(name, api, out)
        expected = expected or found
        assert found == expected, f"{name} delivers other records"
        assert sum(map(len, found)) == api.records, f"{name} delivers not all records"
        out.unlink()
    return size
