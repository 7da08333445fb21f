"""The whole path into a real PostgreSQL, and its parts."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api import Api, serving
from benchmarks.measure import Command, Series, alternate, run
from benchmarks.relay import empty, postgres_loader
from demo.project import Project
from helpers import wheels
from helpers.run import TARGET, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.postgres import Postgres

GROUP = "whole path"
TAP = "tap alone"
LOADER = "loader alone"
PIPED = "tap | loader"
RELAYED = "tap | target with loader"
MELTANO = "meltano run"

_MELTANO = str(Path(sys.executable).parent / "meltano")


def measure(invoices: int, runs: int, folder: Path, database: Postgres) -> Iterator[Series]:
    """Measure the path and its parts; every run loads the same invoices into an empty schema.

    Raises:
        AssertionError: Not all invoices are marked in the end.
    """
    with serving(invoices, folder / "api") as api, Project(folder / "project") as project:
        messages = api.folder / "messages.jsonl"
        run(Command(api.tap()), api.folder, messages)

        def before() -> None:
            empty(database)
            api.sandbox.unmark(range(1, api.invoices + 1))
            project.forget()

        commands = _commands(api, messages, database)
        commands[MELTANO] = meltano_run(api, project, database)
        commands = {name: replace(each, before=before) for name, each in commands.items()}
        case = {"invoices": invoices}
        series = {name: Series(GROUP, name, case, api.records) for name in commands}
        alternate(commands, series, runs, api.folder)
        assert api.sandbox.state()["pending"] == 0, "not all invoices are marked"
        yield from series.values()


def _commands(api: Api, messages: Path, database: Postgres) -> dict[str, Command]:
    loader = postgres_loader(api.folder, database)
    settings = api.sandbox.config(loader=shlex.join(loader))
    target = [TARGET, "--config", write_json(api.folder, "relay", settings)]

    return {
        TAP: Command(api.tap()),
        LOADER: Command(loader, stdin=messages),
        PIPED: Command(piped(api.tap(), loader)),
        RELAYED: Command(piped(api.tap(), target)),
    }


def piped(*commands: list[str]) -> list[str]:
    """Return the command of a pipeline that fails if one of its commands does."""
    return ["bash", "-o", "pipefail", "-c", " | ".join(map(shlex.join, commands))]


def meltano_run(api: Api, project: Project, database: Postgres) -> Command:
    """Install a project's plugins from wheels, and return the command of its pipeline.

    Meltano keeps the catalog of an extractor from run to run, except of an editable one.
    """
    definitions = project.folder / "meltano.yml"
    definitions.write_text(definitions.read_text().replace("pip_url: -e ./", "pip_url: "))
    project.use(database.environment)
    project.use(
        {
            "UV_FIND_LINKS": str(wheels.build(api.folder / "dist")),
            "SANDBOX_URL": api.sandbox.url,
            "SANDBOX_ACCESS_TOKEN": api.sandbox.token,
            "SANDBOX_APP_KEY": "",
            "SANDBOX_SYSTEM_ID": api.sandbox.config()["system_id"],
        },
    )
    project.install()
    words = [_MELTANO, "--cwd", str(project.folder), "run", "tap-invoices", "target-invoices-ack"]
    return Command(words, variables=project.environment)
