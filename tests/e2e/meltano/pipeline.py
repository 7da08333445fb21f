"""A pipeline for a test: the project's own meltano.yml, a sandbox, a real loader and PostgreSQL."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from helpers.run import CompletedRun

if TYPE_CHECKING:
    import psycopg

    from demo.counts import Api
    from demo.project import Project
    from sandbox.client import Sandbox

RUN = ("run", "tap-invoices", "target-invoices-ack")
_WAIT_SECONDS = 120


class MeltanoPipeline:
    """One account, one empty warehouse, and `meltano run` between them."""

    def __init__(
        self,
        project: Project,
        sandbox: Sandbox,
        api: Api,
        connection: psycopg.Connection[Any],
    ) -> None:
        """Join them; whatever an earlier test left in the warehouse and the state is gone."""
        self.sandbox = sandbox
        self.api = api
        self.project = project
        self.project.use(api.environment)
        self.project.forget()
        (self.project.folder / ".env").unlink(missing_ok=True)
        set_json_loads(partial(json.loads, parse_float=Decimal), connection)
        self._connection = connection
        self.execute("DROP SCHEMA IF EXISTS invoices CASCADE")

    def run(self, **settings: str) -> CompletedRun:
        """Run it to its end, with settings given as environment variables."""
        with self.project.start(*RUN, settings=settings) as meltano:
            exit_code = meltano.wait(_WAIT_SECONDS)
            assert exit_code is not None, meltano.words()
            return CompletedRun(exit_code, meltano.words().encode())

    def execute(self, statement: str) -> None:
        """Let the warehouse carry out a statement."""
        self._connection.execute(statement.encode())

    def table(self, name: str) -> dict[int, dict[str, Any]]:
        """Return a loaded table's rows by id; none where it is not there yet."""
        query = self._connection.execute("SELECT to_regclass(%s)", (f"invoices.{name}",))
        if query.fetchone() == (None,):
            return {}
        with self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(f"SELECT * FROM invoices.{name}".encode()).fetchall()  # noqa: S608 - a test's own
        return {row["id"]: row for row in rows}

    def whole(self) -> set[int]:
        """Return the invoices that are loaded with every line that the API has for them."""
        loaded, lines = self.table("invoices"), self.table("invoice_lines")
        return {
            invoice["id"]
            for invoice in self.sandbox.invoices()
            if invoice["id"] in loaded and all(line["id"] in lines for line in invoice["lines"])
        }
