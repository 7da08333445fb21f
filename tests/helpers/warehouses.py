"""Warehouses that a real loader fills and a real tap reads, none of them ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.postgres import HOST, USER
from helpers.plugin_envs import TAP_POSTGRES, TAP_SQLALCHEMY, TARGET_DUCKDB, TARGET_POSTGRES
from helpers.run import TAP, TARGET, CompletedRun, pipe, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from demo.postgres import Postgres
    from helpers.plugin_envs import Program
    from sandbox.client import Sandbox


@dataclass
class PostgresWarehouse:
    """A schema of a PostgreSQL, filled by target-postgres and read by tap-postgres.

    Attributes:
        folder: Where the programs' files go.
        server: The PostgreSQL.
        schema: The schema.
    """

    folder: Path
    server: Postgres
    schema: str = "wh"

    @property
    def stream(self) -> str:
        """The name of the invoices' stream when the table is read."""
        return f"{self.schema}-invoices"

    def load(self, sandbox: Sandbox, **settings: Any) -> None:
        """Load what the API lists, and mark nothing."""
        load(self.folder, sandbox, self.loader(), **settings)

    def loader(self, **settings: Any) -> list[str]:
        """Return the command of the loader."""
        config = self._connection | {"default_target_schema": self.schema} | settings
        return [str(TARGET_POSTGRES.path()), "--config", write_json(self.folder, "loader", config)]

    def reader(self) -> list[str]:
        """Return the command of the tap, with a catalog in which everything is selected."""
        config = write_json(
            self.folder, "reader", self._connection | {"filter_schemas": [self.schema]}
        )
        command = [str(TAP_POSTGRES.path()), "--config", config]
        catalog = json.loads(pipe([*command, "--discover"], cwd=self.folder).check().stdout)
        for stream in catalog["streams"]:
            for each in stream["metadata"]:
                if not each["breadcrumb"]:
                    each["metadata"]["selected"] = True
        return [*command, "--catalog", write_json(self.folder, "reader-catalog", catalog)]

    def read_back(self, sandbox: Sandbox, **settings: Any) -> CompletedRun:
        """Read the table into the target."""
        settings = {"stream": self.stream} | settings
        return read_back(self.folder, sandbox, self.reader(), **settings)

    def execute(self, statement: str) -> None:
        """Let the database carry out a statement."""
        with self.server.connect() as connection:
            connection.execute(statement.encode())

    @property
    def _connection(self) -> dict[str, Any]:
        return {
            "host": HOST,
            "port": self.server.port,
            "user": USER,
            "password": self.server.password,
            "database": self.server.database,
        }


@dataclass
class DuckdbWarehouse:
    """A DuckDB file, filled by target-duckdb and read through SQLAlchemy, by a query.

    Attributes:
        folder: Where it lies, and the programs' files.
        program: The loader, which goes with a version of DuckDB.
    """

    folder: Path
    program: Program = TARGET_DUCKDB

    def load(self, sandbox: Sandbox, **settings: Any) -> None:
        """Load what the API lists, and mark nothing."""
        load(self.folder, sandbox, self.loader(), **settings)

    def loader(self, **settings: Any) -> list[str]:
        """Return the command of the loader."""
        file = {"path": str(self.folder / "file.duckdb"), "default_target_schema": "wh"}
        config = write_json(self.folder, "loader", file | settings)
        return [str(self.program.path()), "--config", config]

    def read_back(
        self, sandbox: Sandbox, query: str = "SELECT * FROM wh.invoices", **settings: Any
    ) -> CompletedRun:
        """Read what a query finds into the target."""
        url = f"duckdb:///{self.folder / 'file.duckdb'}"
        return read_back(self.folder, sandbox, reader(self.folder, url, query), **settings)


def reader(folder: Path, url: str, query: str) -> list[str]:
    """Return the command of a tap that reads what a query finds, through SQLAlchemy."""
    (folder / "query.sql").write_text(query)
    config = {
        "connection.conn_string": url,
        "sync.include_streams": ["invoices"],
        "sync.working_directory": str(folder),
    }
    how = {
        "replication-method": "CUSTOM_QUERY",
        "replication-sql-file": str(folder / "query.sql"),
    }
    stream = {
        "tap_stream_id": "invoices",
        "stream": "invoices",
        "schema": {"type": "object", "properties": {"id": {}}},
        "metadata": [{"breadcrumb": [], "metadata": how}],
    }
    files = [
        ("--config", write_json(folder, "reader", config)),
        ("--catalog", write_json(folder, "reader-catalog", {"streams": [stream]})),
    ]
    return [str(TAP_SQLALCHEMY.path()), *(word for pair in files for word in pair)]


def load(folder: Path, sandbox: Sandbox, loader: list[str], **settings: Any) -> None:
    """Load what the API lists, and mark nothing."""
    tap = [TAP, "--config", write_json(folder, "tap", sandbox.config(**settings))]
    pipe(tap, loader, cwd=folder).check()


def read_back(folder: Path, sandbox: Sandbox, reader: list[str], **settings: Any) -> CompletedRun:
    """Let the target mark what a tap reads."""
    config = write_json(folder, "target", sandbox.config(read_back=True, **settings))
    return pipe(reader, [TARGET, "--config", config], cwd=folder)
