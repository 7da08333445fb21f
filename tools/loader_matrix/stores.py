"""Reading what loaders have written, each kind of store in its own way."""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
import subprocess
from contextlib import closing, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.postgres import Postgres

    Rows = list[dict[str, Any]]

SCHEMA = "wh"


def from_postgres(server: Postgres, stream: str) -> Rows:
    """Read a table; one that is not there has no rows."""
    with server.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        name = f"{SCHEMA}.{stream}"
        if cursor.execute("SELECT to_regclass(%s) AS found", (name,)).fetchone() == {"found": None}:
            return []
        return list(cursor.execute(f"SELECT * FROM {name}".encode()))  # noqa: S608 - ours


def from_duckdb(python: Path, file: Path, stream: str) -> Rows:
    """Read a table with the DuckDB of the loader's own environment."""
    return _with(python, _DUCKDB, file, stream)


def from_avro(python: Path, folder: Path, stream: str) -> Rows:
    """Read all files of a stream with the library of the loader's own environment."""
    return _with(python, _AVRO, folder, stream)


def from_sqlite(file: Path, stream: str) -> Rows:
    """Read a table whose objects were made columns, such as `customer__name`."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            rows = connection.execute(f'SELECT * FROM "{stream}"').fetchall()  # noqa: S608 - ours
        except sqlite3.OperationalError:  # there is none yet
            return []
    return [_nested(dict(row)) for row in rows]


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for column, value in row.items():
        *path, name = column.split("__")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[name] = value
    return nested


def from_csv(folder: Path, stream: str) -> Rows:
    """Read all files of a stream."""
    rows: Rows = []
    for path in sorted(folder.rglob(f"{stream}*.csv")):
        with path.open(newline="") as file:
            rows += csv.DictReader(file)
    return rows


def from_json(folder: Path, stream: str) -> Rows:
    """Read all files of a stream: lines of records or of Singer messages, or one record each."""
    files = [path for path in sorted(folder.rglob("*.*")) if path.is_file()]
    named = [path for path in files if stream in re.split(r"[./-]", str(path))]
    return [record for path in named for record in _records(path)]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    try:
        text = gzip.decompress(content).decode() if path.suffix == ".gz" else content.decode()
    except EOFError:  # cut off in the middle
        return
    with suppress(ValueError):
        record = json.loads(text, parse_float=Decimal)
        yield record.get("record", record)
        return
    for line in text.split("\n"):  # records may hold other ends of lines
        try:
            record = json.loads(line, parse_float=Decimal)
        except ValueError:  # cut off in the middle
            return
        if record.get("type") in {"SCHEMA", "STATE"}:
            continue
        yield record.get("record", record)


def _with(python: Path, program: str, *arguments: object) -> Rows:
    command = [str(python), "-I", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: Rows = json.loads(done.stdout, parse_float=Decimal)
    return rows


_DUCKDB = """
import duckdb, json, os, sys
if not os.path.exists(sys.argv[1]):
    print("[]"); sys.exit()
connection = duckdb.connect(sys.argv[1])
try:
    found = connection.execute("SELECT * FROM wh." + sys.argv[2])
except duckdb.CatalogException:
    print("[]"); sys.exit()
names = [column[0] for column in found.description]
print(json.dumps([dict(zip(names, row)) for row in found.fetchall()], default=str))
"""

_AVRO = """
import fastavro, json, pathlib, sys
rows = []
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.avro")):
    if sys.argv[2] in path.name.split("."):
        with path.open("rb") as file:
            rows += fastavro.reader(file)
print(json.dumps(rows, default=str))
"""
