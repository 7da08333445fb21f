"""Being stopped in the middle: what is claimed then, and what is marked."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from demo.postgres import Postgres
from e2e.chaos.pipeline_process import children_of
from helpers.run import TAP, TARGET, write_json
from helpers.warehouses import PostgresWarehouse
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psycopg

LOADED_BEFORE = 5
INVOICES = 30
_SECONDS = 60.0


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=LOADED_BEFORE, drafts=0) as sandbox:
        yield sandbox


@pytest.fixture
def warehouse(sandbox: Sandbox, tmp_path: Path) -> Iterator[PostgresWarehouse]:
    with Postgres() as server:
        warehouse = PostgresWarehouse(tmp_path, server)
        warehouse.load(sandbox)
        yield warehouse


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_service_manager_that_signals_everything_in_a_drain_makes_no_loader_lie(
    sandbox: Sandbox, warehouse: PostgresWarehouse, signum: signal.Signals
) -> None:
    """A loader built on singer-sdk would print a STATE for what it has not written, and exit 0."""
    sandbox.add(INVOICES)
    with _locked(warehouse) as (lock, wait_for_the_loader):
        tap, target = _start(warehouse, sandbox)
        wait_for_the_loader()
        for pid in (target.pid, *children_of(target.pid)):
            os.kill(pid, signum)
        time.sleep(2)  # what would be marked now is in no table
        assert not sandbox.marked()
        lock.rollback()
    target.communicate(timeout=_SECONDS)
    tap.wait()
    with warehouse.server.connect() as connection:
        [(loaded,)] = connection.execute("SELECT count(*) FROM wh.invoices").fetchall()
    assert loaded == len(sandbox.marked()) == LOADED_BEFORE + INVOICES
    assert target.returncode == 128 + signum


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_reading_back_prints_a_state_only_for_what_is_marked_when_a_signal_comes_in_a_drain(
    sandbox: Sandbox, tmp_path: Path, signum: signal.Signals
) -> None:
    sandbox.add(INVOICES)
    sandbox.fail({"kind": "latency", "seconds": 1.0, "on": "mark", "times": None})
    target = _reading(sandbox, tmp_path)
    _until(lambda: bool(sandbox.log("/mark-as-exported")))
    target.send_signal(signum)
    target.send_signal(signum)
    assert target.stdout is not None
    assert json.loads(target.stdout.readline()) == {"bookmarks": {"x": 1}}
    assert len(sandbox.marked()) == LOADED_BEFORE + INVOICES
    target.communicate(timeout=_SECONDS)
    assert target.returncode == 128 + signum


def test_reading_back_prints_no_state_where_marking_fails_after_the_signal(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add(INVOICES)
    sandbox.fail(
        {"kind": "latency", "seconds": 1.0, "on": "mark", "times": None},
        {"kind": "status", "status": 403, "on": "mark", "skip": 1, "times": None},
    )
    target = _reading(sandbox, tmp_path)
    _until(lambda: bool(sandbox.log("/mark-as-exported")))
    target.send_signal(signal.SIGTERM)
    out, _ = target.communicate(timeout=_SECONDS)
    assert out == b""
    assert target.returncode == 1
    assert len(sandbox.marked()) < LOADED_BEFORE + INVOICES


def _reading(sandbox: Sandbox, folder: Path) -> subprocess.Popen[bytes]:
    """Start a read back of all invoices, followed by a STATE, with one mark at a time."""
    schema = {"properties": {"id": {"type": "integer"}}}
    messages = [
        {"type": "SCHEMA", "stream": "invoices", "schema": schema, "key_properties": []},
        *(
            {"type": "RECORD", "stream": "invoices", "record": {"id": each}}
            for each in range(1, LOADED_BEFORE + INVOICES + 1)
        ),
        {"type": "STATE", "value": {"bookmarks": {"x": 1}}},
    ]
    config = sandbox.config(read_back=True, max_parallel_requests=1)
    target = subprocess.Popen(
        [TARGET, "--config", write_json(folder, "target", config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert target.stdin is not None
    target.stdin.write(b"".join(json.dumps(each).encode() + b"\n" for each in messages))
    target.stdin.close()
    target.stdin = None
    return target


def _start(
    warehouse: PostgresWarehouse, sandbox: Sandbox
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """Start the tap, and the target with target-postgres as its loader."""
    config = sandbox.config(loader=shlex.join(warehouse.loader()))
    tap = subprocess.Popen(
        [TAP, "--config", write_json(warehouse.folder, "tap", sandbox.config())],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    target = subprocess.Popen(
        [TARGET, "--config", write_json(warehouse.folder, "target", config)],
        stdin=tap.stdout,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert tap.stdout is not None
    tap.stdout.close()  # it is the target's now
    return tap, target


@contextmanager
def _locked(
    warehouse: PostgresWarehouse,
) -> Iterator[tuple[psycopg.Connection[object], Callable[[], None]]]:
    """Lock the invoices' table; what is yielded unlocks it, and waits until a loader waits."""
    with warehouse.server.connect() as lock, warehouse.server.connect() as looker:
        lock.autocommit = False
        lock.execute("LOCK TABLE wh.invoices IN ACCESS EXCLUSIVE MODE")
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        yield lock, lambda: _until(lambda: bool(looker.execute(waiting).fetchall()))


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
