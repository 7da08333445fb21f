"""The loaders that are tried, each with its packages, its settings, and a way to read its store."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from demo.postgres import DATABASE, HOST, USER
from helpers import plugin_envs
from helpers.plugin_envs import Program
from loader_matrix import stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from demo.postgres import Postgres
    from loader_matrix.stores import Rows


@dataclass(frozen=True)
class Place:
    """Where a loader writes.

    Attributes:
        folder: An empty folder of its own.
        server: A PostgreSQL.
        python: The Python of the loader's environment.
    """

    folder: Path
    server: Postgres
    python: Path


@dataclass(frozen=True)
class Candidate:
    """A loader.

    Attributes:
        title: Its name on the package index, and what tells it from another entry.
        program: Its command and its packages.
        into: What it writes to.
        config: Its settings for a place; rows a batch are few where that can be set.
        read: Reads a stream's rows from a place.
    """

    title: str
    program: Program
    into: str
    config: Callable[[Place], dict[str, Any]] = field(compare=False)
    read: Callable[[Place, str], Rows] = field(compare=False)


def _postgres(names: tuple[str, str], more: dict[str, Any], place: Place) -> dict[str, Any]:
    database, schema = names
    return {
        "host": HOST,
        "port": place.server.port,
        "user": USER,
        "password": place.server.password,
        database: DATABASE,
        schema: stores.SCHEMA,
        "batch_size_rows": 20,
        **more,
    }


def _files(setting: str, more: dict[str, Any], place: Place) -> dict[str, Any]:
    return {setting: str(place.folder), **more}


def _duckdb(place: Place) -> dict[str, Any]:
    return {
        "path": str(place.folder / "file.duckdb"),
        "default_target_schema": stores.SCHEMA,
        "batch_size_rows": 20,
    }


def _universal(file_type: str, place: Place) -> dict[str, Any]:
    return {"protocol": "local", "file_type": file_type, "path": str(place.folder)}


def _singer_jsonl(place: Place) -> dict[str, Any]:
    return {"destination": "local", "local": {"folder": str(place.folder)}}


def _s3_jsonl(place: Place) -> dict[str, Any]:
    return {"path_template": "{stream}-{date_time}.jsonl", "work_dir": str(place.folder)}


def _from_postgres(place: Place, stream: str) -> Rows:
    return stores.from_postgres(place.server, stream)


def _from_duckdb(place: Place, stream: str) -> Rows:
    return stores.from_duckdb(place.python, place.folder / "file.duckdb", stream)


def _from_avro(place: Place, stream: str) -> Rows:
    return stores.from_avro(place.python, place.folder, stream)


def _from_csv(place: Place, stream: str) -> Rows:
    return stores.from_csv(place.folder, stream)


def _from_json(place: Place, stream: str) -> Rows:
    return stores.from_json(place.folder, stream)


def _nothing(_place: Place, _stream: str) -> Rows:
    """Read the store of a loader that ends before it has written anything."""
    return []


_NO_REPORTS = {"disable_collection": True}
_UNIVERSAL = Program("target-universal-file", ("target-universal-file==0.0.*",))
_PKG_RESOURCES = "setuptools<81"  # what it imports and setuptools no longer has

CANDIDATES = (
    Candidate(
        "meltanolabs-target-postgres",
        plugin_envs.TARGET_POSTGRES,
        "PostgreSQL",
        partial(_postgres, ("database", "default_target_schema"), {}),
        _from_postgres,
    ),
    Candidate(
        "pipelinewise-target-postgres",
        Program("target-postgres", ("pipelinewise-target-postgres==2.1.*", _PKG_RESOURCES)),
        "PostgreSQL",
        partial(_postgres, ("dbname", "default_target_schema"), {}),
        _from_postgres,
    ),
    Candidate("target-duckdb", plugin_envs.TARGET_DUCKDB, "DuckDB", _duckdb, _from_duckdb),
    Candidate(
        "target-duckdb, newer DuckDB",
        plugin_envs.LOSSY_TARGET_DUCKDB,
        "DuckDB",
        _duckdb,
        _from_duckdb,
    ),
    Candidate(
        "meltanolabs-target-csv",
        Program("target-csv", ("meltanolabs-target-csv==0.5.*",)),
        "CSV",
        partial(_files, "output_path", {}),
        _from_csv,
    ),
    Candidate(
        "target-universal-file",
        _UNIVERSAL,
        "CSV",
        partial(_universal, "csv"),
        _from_csv,
    ),
    Candidate(
        "target-universal-file, Parquet",
        _UNIVERSAL,
        "Parquet",
        partial(_universal, "parquet"),
        _nothing,
    ),
    Candidate(
        "target-jsonl",
        Program("target-jsonl", ("target-jsonl==0.1.*",)),
        "JSON lines",
        partial(_files, "destination_path", _NO_REPORTS),
        _from_json,
    ),
    Candidate(
        "target-singer-jsonl",
        Program("target-singer-jsonl", ("target-singer-jsonl==0.1.*",)),
        "JSON lines",
        _singer_jsonl,
        _from_json,
    ),
    Candidate(
        "target-s3-jsonl",
        Program("target-core", ("target-s3-jsonl==2.0.*", _PKG_RESOURCES)),
        "JSON lines",
        _s3_jsonl,
        _from_json,
    ),
    Candidate(
        "target-localjson",
        Program("target-localjson", ("target-localjson==0.1.*", _PKG_RESOURCES)),
        "JSON",
        partial(_files, "dest_dir", _NO_REPORTS),
        _from_json,
    ),
    Candidate(
        "target-avro",
        Program("target-avro", ("target-avro==0.2.*", _PKG_RESOURCES)),
        "Avro",
        partial(_files, "destination_path", {"prefix": "x", **_NO_REPORTS}),
        _from_avro,
    ),
    Candidate(
        "target-sqlite, Python 3.9",
        Program("target-sqlite", ("target-sqlite==0.2.*",), newest_python=(3, 9)),
        "SQLite",
        lambda place: {"database": str(place.folder / "file"), "batch_size": 20},
        lambda place, stream: stores.from_sqlite(place.folder / "file.db", stream),
    ),
)
