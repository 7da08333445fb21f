"""An account and its warehouse, side by side: what is booked, loaded, and marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    from helpers.meltano_project import MeltanoProject
    from sandbox.client import Sandbox

SYSTEM = "warehouse"
APP_KEY = "key"


def in_environment(sandbox: Sandbox) -> dict[str, str]:
    """Return the account as `.env` has it."""
    return {
        "TRAEDE_API_URL": sandbox.url,
        "TRAEDE_ACCESS_TOKEN": sandbox.token,
        "TRAEDE_APP_KEY": APP_KEY,
        "TRAEDE_SYSTEM_ID": SYSTEM,
    }


def nobody() -> dict[str, str]:
    """Return what `.env` has before there is an account."""
    names = ("TRAEDE_API_URL", "TRAEDE_ACCESS_TOKEN", "TRAEDE_APP_KEY", "TRAEDE_SYSTEM_ID")
    return dict.fromkeys(names, "nobody")


@dataclass(frozen=True)
class Account:
    """An account, and the PostgreSQL that it is loaded into.

    Attributes:
        project: The Meltano project that loads.
        sandbox: The API.
        connection: To the database.
    """

    project: MeltanoProject
    sandbox: Sandbox
    connection: psycopg.Connection[Any]

    def booked(self) -> set[int]:
        """Return the ids of all booked invoices."""
        return {each["id"] for each in self.sandbox.invoices() if each["is_booked"]}

    def lines(self) -> set[int]:
        """Return the ids of all booked invoices' lines."""
        booked = (each for each in self.sandbox.invoices() if each["is_booked"])
        return {line["id"] for invoice in booked for line in invoice["lines"]}

    def marks(self, system: str = SYSTEM) -> list[int]:
        """Return the id of every mark ever set, in order of ids."""
        return sorted(mark["invoice_id"] for mark in self.sandbox.marks(system))

    def ids(self, table: str) -> list[int]:
        """Return the ids in a table, such as `invoices.invoices`, in order; none without it."""
        if self.rows(f"SELECT to_regclass('{table}')") == [(None,)]:
            return []
        return [row[0] for row in self.rows(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608 - a test's own

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        return self.connection.execute(query.encode()).fetchall()

    def execute(self, *statements: str) -> None:
        """Let the warehouse carry out statements."""
        for statement in statements:
            self.connection.execute(statement.encode())

    def begin_again(self) -> None:
        """Empty the warehouse, and forget a state that was kept there."""
        schemas = "DROP SCHEMA IF EXISTS invoices, accounting, public CASCADE"
        self.execute(schemas, "CREATE SCHEMA public")

    def is_loaded_and_marked_once(self, schema: str = "invoices", system: str = SYSTEM) -> bool:
        """Whether each booked invoice is in the warehouse, with its lines, and marked, once."""
        booked, lines = sorted(self.booked()), sorted(self.lines())
        return (
            self.ids(f"{schema}.invoices") == booked
            and self.ids(f"{schema}.invoice_lines") == lines
            and self.marks(system) == booked
        )
