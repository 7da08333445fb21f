"""A loader alone, and the same behind the target, without and with marks.

A tap feeds a loader through a pipe, and so is the loader alone fed here; reading a file takes
it less. One that prints its STATE at its end has everything marked after it: what that takes
is marking's and not the relay's, so a dry run shows the relay by itself.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api import Api, serving
from benchmarks.measure import Command, Series, alternate, run
from helpers.plugin_envs import TARGET_POSTGRES, Program
from helpers.run import TARGET, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demo.postgres import Postgres

GROUP = "relay"
ALONE = "loader alone"
FROM_A_FILE = "loader alone, from a file"
RELAYED = "behind the target, dry run"
MARKED = "behind the target"
COPYING = "copying"
TO_THE_END = "copying, one STATE"

_COPYING = Path(__file__).with_name("programs") / "copying_loader.py"
_JSONL = Program("target-jsonl", ("target-jsonl==0.1.4",))


@dataclass(frozen=True)
class Case:
    """Which loader loads how much.

    Attributes:
        loader: A key of `LOADERS`.
        invoices: How many.
        runs: Counted runs of each.
    """

    loader: str
    invoices: int
    runs: int = 3


CASES = (
    Case(COPYING, 1_000, runs=5),
    Case(COPYING, 10_000),
    Case(COPYING, 100_000),
    Case(COPYING, 300_000, runs=1),
    Case(TO_THE_END, 1_000, runs=1),
    Case(TO_THE_END, 300_000, runs=1),
    Case("target-jsonl", 27_200),
    Case("target-postgres", 10_000),
)
SHORT = (
    Case(COPYING, 300, runs=1),
    Case(TO_THE_END, 300, runs=1),
    Case("target-postgres", 100, runs=1),
)


def measure(cases: tuple[Case, ...], folder: Path, database: Postgres) -> Iterator[Series]:
    """Measure the cases; each starts from what the tap wrote, in a file.

    Raises:
        AssertionError: Behind the target, not all invoices are marked in the end.
    """
    for case in cases:
        with serving(case.invoices, folder / f"{case.loader}-{case.invoices}") as api:
            yield from _measure(case, api, database)


def _measure(case: Case, api: Api, database: Postgres) -> Iterator[Series]:
    messages = api.folder / "messages.jsonl"
    run(Command(api.tap()), api.folder, messages)
    loader, before = LOADERS[case.loader](api.folder, database)
    settings = api.sandbox.config(loader=shlex.join(loader))
    dry_run = write_json(api.folder, "dry-run", settings | {"dry_run": True})
    commands = {
        name: Command(words, stdin=messages, before=before)
        for name, words in {
            ALONE: ["sh", "-c", f"cat | {shlex.join(loader)}"],
            FROM_A_FILE: loader,
            RELAYED: [TARGET, "--config", dry_run],
            MARKED: [TARGET, "--config", write_json(api.folder, "relay", settings)],
        }.items()
    }
    circumstances = {"loader": case.loader, "invoices": case.invoices}
    series = {name: Series(GROUP, name, circumstances, api.records) for name in commands}
    alternate(commands, series, case.runs, api.folder)
    assert api.sandbox.state()["pending"] == 0, "not all invoices are marked"
    messages.unlink()
    yield from series.values()


Loader = tuple[list[str], "Callable[[], object]"]


def _copying(folder: Path, _: Postgres) -> Loader:
    file = folder / "kept"
    return [sys.executable, str(_COPYING), str(file)], lambda: file.unlink(missing_ok=True)


def _copying_to_the_end(folder: Path, database: Postgres) -> Loader:
    words, before = _copying(folder, database)
    return [*words, "last"], before


def _jsonl(folder: Path, _: Postgres) -> Loader:
    out = folder / "jsonl"
    config = write_json(folder, "loader", {"destination_path": str(out)})

    def before() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()

    return [str(_JSONL.path()), "--config", config], before


def _postgres(folder: Path, database: Postgres) -> Loader:
    return postgres_loader(folder, database), lambda: empty(database)


def postgres_loader(folder: Path, database: Postgres) -> list[str]:
    """Return the command of a loader into the schema `bench` of a database."""
    variables = database.environment
    config: dict[str, Any] = {
        name: variables[f"WAREHOUSE_{name.upper()}"]
        for name in ("host", "user", "password", "database")
    }
    config |= {"port": database.port, "default_target_schema": "bench"}
    path = folder / "loader.json"
    path.write_text(json.dumps(config))
    return [str(TARGET_POSTGRES.path()), "--config", str(path)]


def empty(database: Postgres) -> None:
    """Take away what the loader loaded."""
    with database.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS bench CASCADE")


LOADERS: dict[str, Callable[[Path, Postgres], Loader]] = {
    COPYING: _copying,
    TO_THE_END: _copying_to_the_end,
    "target-jsonl": _jsonl,
    "target-postgres": _postgres,
}
