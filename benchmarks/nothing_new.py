"""What a scheduled run costs when there is no new invoice, plain and under Meltano.

The loader starts with the first record, so such a run has none. A loader that reads only the
SCHEMA and STATE messages of such a run shows what starting it anyway would add.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from benchmarks.api import serving
from benchmarks.measure import Command, Series, alternate, run
from benchmarks.path import meltano_run, piped
from benchmarks.relay import postgres_loader
from demo.project import Project
from helpers.run import TARGET, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.postgres import Postgres

GROUP = "nothing new"
TAP_ALONE = "tap-invoices"
LOADER_ALONE = "target-postgres, if it started"
PLAIN = "tap-invoices | target-invoices-ack"
MELTANO = "meltano run tap-invoices target-invoices-ack"


def measure(runs: int, folder: Path, database: Postgres) -> Iterator[Series]:
    """Measure runs that find no new invoice.

    Raises:
        AssertionError: A run delivers something.
    """
    with serving(10, folder / "api") as api, Project(folder / "project") as project:
        loader = postgres_loader(api.folder, database)
        settings = api.sandbox.config(loader=shlex.join(loader))
        target = [TARGET, "--config", write_json(api.folder, "relay", settings)]
        meltano = meltano_run(api, project, database)
        run(Command(piped(api.tap(), target)), api.folder)  # loads and marks all of them
        run(meltano, api.folder)  # the first run of a project; later ones have its state
        messages = api.folder / "messages.jsonl"
        run(Command(api.tap()), api.folder, messages)
        state = messages.read_text().splitlines()[-1]
        tap = [*api.tap(), "--state", str(api.folder / "state.json")]
        (api.folder / "state.json").write_text(state.partition('"value":')[2][:-1])
        run(Command(tap), api.folder, messages)
        assert b'"RECORD"' not in messages.read_bytes(), "there is something new"
        commands = {
            TAP_ALONE: Command(tap),
            LOADER_ALONE: Command(loader, stdin=messages),
            PLAIN: Command(piped(tap, target)),
            MELTANO: meltano,
        }
        series = {name: Series(GROUP, name, {}) for name in commands}
        alternate(commands, series, runs, api.folder)
        yield from series.values()
