"""Marking: against what it must take at least, requests times latency by those in flight.

A server takes a little longer than the latency that it is told; bare sockets show how long.
"""

from __future__ import annotations

import sys
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api import serving
from benchmarks.measure import Command, Series, alternate
from helpers.run import TARGET, write_json
from helpers.singer import record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "marking"
MARKING = "read back"
NOTHING = "nothing to mark"
SERVER = "bare sockets"

_PROGRAM = Path(__file__).with_name("programs") / "bare_marks.py"
_A_REQUEST = 10
_IN_FLIGHT = 4

CASES: tuple[tuple[int, float], ...] = (
    (4_000, 0.0),
    (4_000, 0.01),
    (4_000, 0.05),
    (4_000, 0.2),
    (40_000, 0.0),
    (300_000, 0.0),
)
SHORT = ((100, 0.01),)


def measure(cases: tuple[tuple[int, float], ...], runs: int, folder: Path) -> Iterator[Series]:
    """Measure cases of a number of invoices and the seconds that each request takes.

    Raises:
        AssertionError: Not all invoices are marked in the end.
    """
    for invoices, latency in cases:
        with serving(invoices, folder / f"{invoices}-{latency}") as api:
            settings = api.sandbox.config(
                read_back=True, skip_exported=False, max_parallel_requests=_IN_FLIGHT
            )
            words = [TARGET, "--config", write_json(api.folder, "target", settings)]
            rows, none = api.folder / "rows", api.folder / "none"
            rows.write_bytes(schema("invoices") + b"".join(map(record, range(1, invoices + 1))))
            none.write_bytes(schema("invoices"))
            address = (api.sandbox.url, api.sandbox.token)
            bare = [sys.executable, str(_PROGRAM), *address, str(invoices), str(_IN_FLIGHT)]
            commands = {
                MARKING: Command(words, stdin=rows),
                NOTHING: Command(words, stdin=none),
                SERVER: Command(bare),
            }
            api.wait_each_time(latency, on="mark")
            requests = ceil(invoices / _A_REQUEST)
            ideal = ceil(requests / _IN_FLIGHT) * latency
            case = {"invoices": invoices, "latency": latency, "ideal": ideal}
            series = {name: Series(GROUP, name, case, invoices) for name in commands}
            alternate(commands, series, runs if latency else 1, api.folder)
            assert api.sandbox.state()["pending"] == 0, "not all invoices are marked"
            yield from series.values()
