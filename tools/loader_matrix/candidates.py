"""The loaders that are tried, each with its packages, its settings, and a way to read its store."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from demo.postgres import DATABASE, HOST, USER
from helpers import plugin_envs
from helpers.plugin_envs import Program
from loader_matrix import stores
from loader_matrix.servers import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loader_matrix.servers import Servers
    from loader_matrix.stores import Rows

    Settings = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a loader writes in one run of a trial.

    Attributes:
        name: Unlike that of any other run; good as the name of a schema, database or folder.
        folder: An empty folder.
        servers: The servers that it may write to.
        python: The Python of the loader's environment.
    """

    name: str
    folder: Path
    servers: Servers
    python: Path


def _no_variables(_place: Place) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Candidate:
    """A loader.

    Attributes:
        title: Its name on the package index, and what tells it from another entry.
        program: Its command and its packages.
        into: What it writes to.
        config: Its settings for a place.
        read: Reads a stream's rows from a place.
        small_batches: Settings that make it write a few rows at a time, where there are any.
        faster: Settings that may make it faster, tried one by one.
        for_nul: Settings that let it load texts with NUL, where it cannot by itself.
        environment: Variables that it needs for a place.
    """

    title: str
    program: Program
    into: str
    config: Callable[[Place], Settings] = field(compare=False)
    read: Callable[[Place, str], Rows] = field(compare=False)
    small_batches: Settings = field(default_factory=dict, compare=False)
    faster: tuple[Settings, ...] = field(default=(), compare=False)
    for_nul: Settings = field(default_factory=dict, compare=False)
    environment: Callable[[Place], dict[str, str]] = field(default=_no_variables, compare=False)

    @property
    def package(self) -> str:
        """Its name on the package index."""
        return self.title.split(",")[0]


def _postgres(names: tuple[str, str], place: Place) -> Settings:
    database, schema = names
    server = place.servers.postgres
    return {
        "host": HOST,
        "port": server.port,
        "user": USER,
        "password": server.password,
        database: DATABASE,
        schema: place.name,
    }


def _read_postgres(place: Place, stream: str) -> Rows:
    return stores.from_postgres(place.servers.postgres, place.name, stream)


def _mariadb_url(place: Place, database: str) -> str:
    server = place.servers.mariadb
    return f"mysql+mysqldb://{server.user}:{server.password}@{HOST}:{server.port}/{database}"


def _mysql(place: Place) -> Settings:
    stores.create_database(place.python, _mariadb_url(place, ""), place.name)
    server = place.servers.mariadb
    return {
        "host": HOST,
        "port": str(server.port),
        "user": server.user,
        "password": server.password,
        "database": place.name,
    }


def _read_mysql(place: Place, stream: str) -> Rows:
    return stores.from_mariadb(place.python, _mariadb_url(place, place.name), stream)


def _duckdb(place: Place) -> Settings:
    return {"path": str(place.folder / "file.duckdb"), "default_target_schema": place.name}


def _read_duckdb(place: Place, stream: str) -> Rows:
    return stores.from_duckdb(place.python, place.folder / "file.duckdb", place.name, stream)


def _files(setting: str, more: Settings, place: Place) -> Settings:
    return {setting: str(place.folder), **more}


def _universal(file_type: str, place: Place) -> Settings:
    return {"protocol": "local", "file_type": file_type, "path": str(place.folder)}


def _singer_jsonl(place: Place) -> Settings:
    return {"destination": "local", "local": {"folder": str(place.folder)}}


def _s3_jsonl(place: Place) -> Settings:
    return {"path_template": "{stream}-{date_time}.jsonl", "work_dir": str(place.folder)}


_S3_KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}


def _plinxore(file_type: str, place: Place) -> Settings:
    stores.create_bucket(place.servers.s3_python, place.servers.s3)
    aws = {
        **_S3_KEYS,
        "aws_region": "us-east-1",
        "aws_bucket": BUCKET,
        "aws_endpoint_override": place.servers.s3,
    }
    return {
        "format": {"format_type": file_type},
        "cloud_provider": {"cloud_provider_type": "aws", "aws": aws},
        "prefix": place.name,
    }


def _s3_csv(place: Place) -> Settings:
    stores.create_bucket(place.servers.s3_python, place.servers.s3)
    return {
        **_S3_KEYS,
        "aws_endpoint_url": place.servers.s3,
        "s3_bucket": BUCKET,
        "s3_key_prefix": f"{place.name}/",
        "temp_dir": str(place.folder),
    }


def _from_s3(read: Callable[[Place, str], Rows], place: Place, stream: str) -> Rows:
    server = place.servers
    stores.download_s3(server.s3_python, server.s3, place.name, place.folder)
    return read(place, stream)


def _gcs(place: Place) -> Settings:
    return {
        "bucket_name": BUCKET,
        "key_prefix": place.name,
        "key_naming_convention": "{stream}.{timestamp}.jsonl",
    }


def _read_gcs(place: Place, stream: str) -> Rows:
    stores.download_gcs(place.servers.gcs, place.name, place.folder)
    return _read_json(place, stream)


def _read_csv(place: Place, stream: str) -> Rows:
    return stores.from_csv(place.folder, stream)


def _read_json(place: Place, stream: str) -> Rows:
    return stores.from_json(place.folder, stream)


def _read_parquet(place: Place, stream: str) -> Rows:
    return stores.from_parquet(place.python, place.folder, stream)


def _read_avro(place: Place, stream: str) -> Rows:
    return stores.from_avro(place.python, place.folder, stream)


_NO_REPORTS = {"disable_collection": True}
_UNIVERSAL = Program("target-universal-file", ("target-universal-file==0.0.*",))
_PLINXORE = Program("target-s3", ("plinxore-target-s3==0.1.*",))
_PKG_RESOURCES = "setuptools<81"  # what it imports and setuptools no longer has
_SMALL_BATCHES = {"batch_size_rows": 20}
_UNVALIDATED: Settings = {"validate_records": False}

CANDIDATES = (
    Candidate(
        "meltanolabs-target-postgres",
        plugin_envs.TARGET_POSTGRES,
        "PostgreSQL",
        partial(_postgres, ("database", "default_target_schema")),
        _read_postgres,
        _SMALL_BATCHES,
        (_UNVALIDATED, {"use_copy": True}, {**_UNVALIDATED, "use_copy": True}),
        {"sanitize_null_text_characters": True},
    ),
    Candidate(
        "pipelinewise-target-postgres",
        Program("target-postgres", ("pipelinewise-target-postgres==2.1.*", _PKG_RESOURCES)),
        "PostgreSQL",
        partial(_postgres, ("dbname", "default_target_schema")),
        _read_postgres,
        _SMALL_BATCHES,
    ),
    Candidate(
        "thk-target-mysql",
        Program("target-mysql", ("thk-target-mysql==0.1.*", _PKG_RESOURCES)),
        "MariaDB",
        _mysql,
        _read_mysql,
    ),
    Candidate(
        "target-duckdb",
        plugin_envs.TARGET_DUCKDB,
        "DuckDB",
        _duckdb,
        _read_duckdb,
        _SMALL_BATCHES,
    ),
    Candidate(
        "target-duckdb, newer DuckDB",
        plugin_envs.LOSSY_TARGET_DUCKDB,
        "DuckDB",
        _duckdb,
        _read_duckdb,
        _SMALL_BATCHES,
    ),
    Candidate(
        "target-sqlite, Python 3.9",
        Program("target-sqlite", ("target-sqlite==0.2.*",), newest_python=(3, 9)),
        "SQLite",
        lambda place: {"database": str(place.folder / "file")},
        lambda place, stream: stores.from_sqlite(place.folder / "file.db", stream),
        {"batch_size": 20},
    ),
    Candidate(
        "plinxore-target-s3, Parquet",
        _PLINXORE,
        "Parquet on S3",
        partial(_plinxore, "parquet"),
        partial(_from_s3, _read_parquet),
        {"max_batch_size": 20},
        (_UNVALIDATED,),
    ),
    Candidate(
        "plinxore-target-s3, JSON lines",
        _PLINXORE,
        "JSON lines on S3",
        partial(_plinxore, "jsonl"),
        partial(_from_s3, _read_json),
        {"max_batch_size": 20},
        (_UNVALIDATED,),
    ),
    Candidate(
        "pipelinewise-target-s3-csv",
        Program("target-s3-csv", ("pipelinewise-target-s3-csv==2.0.*", _PKG_RESOURCES)),
        "CSV on S3",
        _s3_csv,
        partial(_from_s3, _read_csv),
    ),
    Candidate(
        "target-gcs",
        Program("target-gcs", ("target-gcs==1.2.*", _PKG_RESOURCES)),
        "JSON lines on GCS",
        _gcs,
        _read_gcs,
        faster=(_UNVALIDATED,),
        environment=lambda place: {"STORAGE_EMULATOR_HOST": place.servers.gcs},
    ),
    Candidate(
        "meltanolabs-target-csv",
        Program("target-csv", ("meltanolabs-target-csv==0.5.*",)),
        "CSV",
        partial(_files, "output_path", {}),
        _read_csv,
        faster=(_UNVALIDATED,),
    ),
    Candidate(
        "target-universal-file",
        _UNIVERSAL,
        "CSV",
        partial(_universal, "csv"),
        _read_csv,
        faster=(_UNVALIDATED,),
    ),
    Candidate(
        "target-universal-file, Parquet",
        _UNIVERSAL,
        "Parquet",
        partial(_universal, "parquet"),
        _read_parquet,
    ),
    Candidate(
        "target-jsonl",
        Program("target-jsonl", ("target-jsonl==0.1.*",)),
        "JSON lines",
        partial(_files, "destination_path", _NO_REPORTS),
        _read_json,
    ),
    Candidate(
        "target-singer-jsonl",
        Program("target-singer-jsonl", ("target-singer-jsonl==0.1.*",)),
        "JSON lines",
        _singer_jsonl,
        _read_json,
    ),
    Candidate(
        "target-s3-jsonl",
        Program("target-core", ("target-s3-jsonl==2.0.*", _PKG_RESOURCES)),
        "JSON lines",
        _s3_jsonl,
        _read_json,
    ),
    Candidate(
        "target-localjson",
        Program("target-localjson", ("target-localjson==0.1.*", _PKG_RESOURCES)),
        "JSON",
        partial(_files, "dest_dir", _NO_REPORTS),
        _read_json,
    ),
    Candidate(
        "target-avro",
        Program("target-avro", ("target-avro==0.2.*", _PKG_RESOURCES)),
        "Avro",
        partial(_files, "destination_path", {"prefix": "x", **_NO_REPORTS}),
        _read_avro,
    ),
)
