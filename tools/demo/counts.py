"""What the database and the API have, asked of both, not of the programs in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from demo.errors import Stop
from sandbox.faults import BYSTANDER

if TYPE_CHECKING:
    import psycopg

FAR_BACK = "2000-01-01T00:00:00Z"
_TABLES = {"invoices": "invoices.invoices", "lines": "invoices.invoice_lines"}
_TIMEOUT = 60


@dataclass(frozen=True)
class Count:
    """How many invoices, and how many lines."""

    invoices: int
    lines: int


@dataclass(frozen=True)
class Api:
    """The export API, asked over HTTP as any program would.

    Attributes:
        url: Its base.
        token: The bearer token.
        app_key: The app's key.
        system_id: For which system.
    """

    url: str
    token: str
    app_key: str
    system_id: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the `sandbox` environment of meltano.yml takes."""
        return {
            "SANDBOX_URL": self.url,
            "SANDBOX_ACCESS_TOKEN": self.token,
            "SANDBOX_APP_KEY": self.app_key,
            "SANDBOX_SYSTEM_ID": self.system_id,
        }

    def booked(self) -> Count:
        """Count all booked invoices, exported or not."""
        return self.exported_or_pending_since(FAR_BACK)

    def pending(self) -> int:
        """Count those that are not exported."""
        return len(self._list())

    def exported_or_pending_since(self, when: str) -> Count:
        """Count those exported at or after a time, and those that are pending."""
        found = self._list(**{"not_exported_since": when, "includes[]": "lines"})
        return Count(len(found), sum(len(invoice["lines"]) for invoice in found))

    def _list(self, **query: str) -> list[dict[str, Any]]:
        try:
            response = requests.get(
                f"{self.url}/v10/invoices/export",
                params={"system_id": self.system_id, **query},
                headers={
                    "Authorization": f"Bearer {self.token}",
                    "X-Traede-App-Key": self.app_key,
                    BYSTANDER: "demo",  # what a person breaks on the page is for the pipeline
                },
                timeout=_TIMEOUT,
            )
            response.raise_for_status()
        except requests.RequestException as error:
            raise Stop(f"the sandbox does not answer any more: {error}") from error
        invoices: list[dict[str, Any]] = response.json()["invoices"]
        return invoices


class Warehouse:
    """The two loaded tables."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Read them through this connection."""
        self._connection = connection

    def loaded(self) -> Count:
        """Count the rows of both; 0 where a table is not there yet."""
        return Count(*(self._rows(table) for table in _TABLES.values()))

    def moment(self) -> int:
        """Return a mark in the database's own time, for `written_since`."""
        return int(self._one("SELECT pg_current_xact_id()::text"))

    def written_since(self, moment: int) -> Count:
        """Count rows that were written since then, new or again.

        PostgreSQL notes in every row (`xmin`) which transaction wrote it, an update included:
        so a row that was delivered a second time is counted, although there are no more rows.
        """
        return Count(
            *(self._rows(table, f"xmin::text::bigint > {moment}") for table in _TABLES.values())
        )

    def newest(self, how_many: int) -> list[tuple[str, str, str, int]]:
        """Return number, customer, amount and count of lines of the latest invoices."""
        return self._connection.execute(
            """
            SELECT invoice_number, customer ->> 'name', total || ' ' || currency,
                   (SELECT count(*) FROM invoices.invoice_lines WHERE invoice_id = invoices.id)
            FROM invoices.invoices ORDER BY id DESC LIMIT %s
            """,
            (how_many,),
        ).fetchall()

    def _rows(self, table: str, condition: str = "true") -> int:
        if self._one(f"SELECT to_regclass('{table}')") is None:
            return 0
        return int(self._one(f"SELECT count(*) FROM {table} WHERE {condition}"))  # noqa: S608 - ours

    def _one(self, query: str) -> Any:
        row = self._connection.execute(query.encode()).fetchone()
        return row[0] if row else None
