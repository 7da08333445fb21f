"""The warehouses of chaos runs: each tells when its rows were durable."""

from __future__ import annotations

import shlex
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from e2e.chaos import fake_loader

if TYPE_CHECKING:
    import random

    from e2e.chaos.invariants import Key
    from helpers.warehouses import PostgresWarehouse

_STANDIN = Path(fake_loader.__file__)


class Warehouse(Protocol):
    """Where a loader writes to."""

    def loader(self, choose: random.Random, *, clean: bool) -> str:
        """Return a loader's command.

        Args:
            choose: Decides in which way it behaves.
            clean: Whether it must not fail by itself.
        """

    def durable(self) -> dict[Key, float]:
        """Return when each row was first known to be durable."""

    def deliveries(self) -> int:
        """Return how many rows were written, repeats included."""


class Sqlite:
    """A SQLite file, written by the stand-in loader."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self._file = str(folder / "warehouse.sqlite")
        fake_loader.create(self._file)

    def loader(self, choose: random.Random, *, clean: bool) -> str:
        """Return a command of the stand-in loader."""
        style = choose.choice(fake_loader.STYLES)
        options = {
            "database": self._file,
            "style": style,
            "batch": choose.choice((1, 7, 25, 60)),
            "pause": choose.choice((0.0, 0.0, 0.002, 0.02)),
        }
        if not clean and choose.random() < 0.1:
            options |= {"fail-after": choose.randint(1, 6), "fail-code": choose.choice((0, 1))}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return shlex.join([sys.executable, "-I", str(_STANDIN), *words])

    def durable(self) -> dict[Key, float]:
        """Return when each row was first durable; a batch without a time does not count."""
        query = """
            SELECT stream, id, min(at) FROM deliveries JOIN batches USING (batch)
            WHERE at IS NOT NULL GROUP BY stream, id
        """
        return {(stream, row): at for stream, row, at in self._rows(query)}

    def deliveries(self) -> int:
        """Return how many rows were written, repeats included."""
        [(count,)] = self._rows("SELECT count(*) FROM deliveries")
        return int(count)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self._file, timeout=60) as database:
            return database.execute(query).fetchall()


class Postgresql:
    """A PostgreSQL, written by target-postgres.

    A trigger notes the time at the end of each transaction that writes a row: just before it
    is durable, so this check is the weaker of the two by that moment.
    """

    def __init__(self, tables: PostgresWarehouse) -> None:
        """Watch the tables, which the loader has made already."""
        self._tables = tables
        for statement in _WATCH.format(schema=tables.schema).split(";;"):
            tables.execute(statement)

    def loader(self, choose: random.Random, *, clean: bool) -> str:
        """Return a command of target-postgres."""
        del clean  # it does not fail by itself
        settings = {
            "batch_size_rows": choose.choice((10, 50, 10_000)),
            "use_copy": choose.choice((True, False)),
        }
        return shlex.join(self._tables.loader(**settings))

    def durable(self) -> dict[Key, float]:
        """Return when each row was first written."""
        query = "SELECT stream, id, min(at) FROM chaos.deliveries GROUP BY stream, id"
        return {(stream, row): at for stream, row, at in self._rows(query)}

    def deliveries(self) -> int:
        """Return how many rows were written, repeats included."""
        [(count,)] = self._rows("SELECT count(*) FROM chaos.deliveries")
        return int(count)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._tables.server.connect() as connection:
            return connection.execute(query.encode()).fetchall()


_WATCH = """
CREATE SCHEMA chaos;;
CREATE TABLE chaos.deliveries (stream text, id bigint, at double precision);;
CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos.deliveries
    VALUES (TG_TABLE_NAME, NEW.id, extract(epoch FROM clock_timestamp()));
    RETURN NULL;
END $$;;
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON {schema}.invoices
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos.note();;
CREATE CONSTRAINT TRIGGER note AFTER INSERT OR UPDATE ON {schema}.invoice_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos.note()
"""
