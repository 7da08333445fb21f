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
from urllib.parse import quote

import requests
from psycopg.rows import dict_row

from loader_matrix.servers import BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.postgres import Postgres

    Rows = list[dict[str, Any]]

_TIMEOUT_S = 30


def from_postgres(server: Postgres, schema: str, stream: str) -> Rows:
    """Read a table; one that is not there has no rows."""
    with server.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        name = f"{schema}.{stream}"
        if cursor.execute("SELECT to_regclass(%s) AS found", (name,)).fetchone() == {"found": None}:
            return []
        return list(cursor.execute(f"SELECT * FROM {name}".encode()))  # noqa: S608 - ours


def from_mariadb(python: Path, url: str, stream: str) -> Rows:
    """Read a table with the driver of the loader's own environment."""
    return _with(python, _SQLALCHEMY, url, f"SELECT * FROM {stream}")  # noqa: S608 - ours


def create_database(python: Path, url: str, name: str) -> None:
    """Make a database of a MariaDB."""
    _with(python, _SQLALCHEMY, url, f"CREATE DATABASE {name}")


def from_duckdb(python: Path, file: Path, schema: str, stream: str) -> Rows:
    """Read a table with the DuckDB of the loader's own environment."""
    return _with(python, _DUCKDB, file, f"{schema}.{stream}")


def from_avro(python: Path, folder: Path, stream: str) -> Rows:
    """Read all files of a stream with the library of the loader's own environment."""
    return _with(python, _AVRO, folder, stream)


def from_parquet(python: Path, folder: Path, stream: str) -> Rows:
    """Read all files of a stream with the library of the loader's own environment."""
    return _with(python, _PARQUET, folder, stream)


def from_sqlite(file: Path, stream: str) -> Rows:
    """Read a table."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            rows = connection.execute(f'SELECT * FROM "{stream}"').fetchall()  # noqa: S608 - ours
        except sqlite3.OperationalError:  # there is none yet
            return []
    return [dict(row) for row in rows]


def from_csv(folder: Path, stream: str) -> Rows:
    """Read all files of a stream."""
    rows: Rows = []
    for path in sorted(folder.rglob(f"*{stream}*.csv")):
        if stream in re.split(r"[./-]", str(path)):
            with path.open(newline="") as file:
                rows += csv.DictReader(file, restkey="beyond the header")
    return rows


def from_json(folder: Path, stream: str) -> Rows:
    """Read all files of a stream: lines of records or of Singer messages, or one record each."""
    files = [path for path in sorted(folder.rglob("*.*")) if path.is_file()]
    named = [path for path in files if stream in re.split(r"[./-]", str(path))]
    return [record for path in named for record in _records(path)]


def create_bucket(python: Path, address: str) -> None:
    """Make the bucket of an S3 server, with the client of a Python's environment."""
    _with(python, _CREATE_BUCKET, address, BUCKET)


def download_s3(python: Path, address: str, prefix: str, folder: Path) -> None:
    """Copy all objects under a prefix into a folder."""
    _with(python, _DOWNLOAD, address, BUCKET, prefix, folder)


def download_gcs(address: str, prefix: str, folder: Path) -> None:
    """Copy all objects under a prefix into a folder."""
    url = f"{address}/storage/v1/b/{BUCKET}/o"
    listing = requests.get(url, params={"prefix": prefix}, timeout=_TIMEOUT_S).json()
    for each in listing.get("items", []):
        path = folder / each["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        content = f"{url}/{quote(each['name'], safe='')}?alt=media"
        path.write_bytes(requests.get(content, timeout=_TIMEOUT_S).content)


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
            continue
        if record.get("type") in {"SCHEMA", "STATE"}:
            continue
        yield record.get("record", record)


def _with(python: Path, program: str, *arguments: object) -> Rows:
    command = [str(python), "-I", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.strip().rpartition("\n")[2])
    rows: Rows = json.loads(done.stdout, parse_float=Decimal)
    return rows


_DUCKDB = """
import duckdb, json, os, sys
if not os.path.exists(sys.argv[1]):
    print("[]"); sys.exit()
connection = duckdb.connect(sys.argv[1])
try:
    found = connection.execute("SELECT * FROM " + sys.argv[2])
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

_PARQUET = """
import json, pathlib, pyarrow.parquet, re, sys
rows = []
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.parquet")):
    if sys.argv[2] in re.split("[./-]", str(path)):
        rows += pyarrow.parquet.ParquetFile(path).read().to_pylist()
print(json.dumps(rows, default=str))
"""

_SQLALCHEMY = """
import json, sqlalchemy, sys
engine = sqlalchemy.create_engine(sys.argv[1])
with engine.connect() as connection:
    try:
        found = connection.execute(sqlalchemy.text(sys.argv[2]))
    except sqlalchemy.exc.ProgrammingError:  # there is no such table yet
        print("[]"); sys.exit()
    rows = [dict(row._mapping) for row in found] if found.returns_rows else []
print(json.dumps(rows, default=str))
"""

_S3 = """
import boto3, json, pathlib, sys
keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
s3 = boto3.resource("s3", endpoint_url=sys.argv[1], region_name="us-east-1", **keys)
bucket = s3.Bucket(sys.argv[2])
print("[]")
"""

_CREATE_BUCKET = f"{_S3}bucket.create()"

_DOWNLOAD = f"""{_S3}
for each in bucket.objects.filter(Prefix=sys.argv[3]):
    path = pathlib.Path(sys.argv[4]) / each.key
    path.parent.mkdir(parents=True, exist_ok=True)
    bucket.download_file(each.key, str(path))
"""
