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

from e2e.chaos.pipeline_process import children_of
from helpers.run import TAP, TARGET, finish, start, write_json
from helpers.warehouses import PostgresWarehouse
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psycopg

    from demo.postgres import Postgres

LOADED_BEFORE = 5
INVOICES = 30
_SECONDS = 60.0


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=LOADED_BEFORE, drafts=0) as sandbox:
        yield sandbox


@pytest.fixture
def warehouse(sandbox: Sandbox, tmp_path: Path, postgres_server: Postgres) -> PostgresWarehouse:
    warehouse = PostgresWarehouse(tmp_path, postgres_server.with_new_database())
    warehouse.load(sandbox)
    return warehouse


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_every_process_marks_no_unwritten_row(
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
    ended = finish(target)
    tap.wait()
    with warehouse.server.connect() as connection:
        [(loaded,)] = connection.execute("SELECT count(*) FROM wh.invoices").fetchall()
    assert loaded == len(sandbox.marked()) == LOADED_BEFORE + INVOICES
    assert ended.exit_code == 128 + signum


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signalled_read_back_marks_before_it_emits_a_state(
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
    assert finish(target).exit_code == 128 + signum


def test_a_read_back_whose_marks_fail_emits_no_state(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.add(INVOICES)
    sandbox.fail(
        {"kind": "latency", "seconds": 1.0, "on": "mark", "times": None},
        {"kind": "status", "status": 403, "on": "mark", "skip": 1, "times": None},
    )
    target = _reading(sandbox, tmp_path)
    _until(lambda: bool(sandbox.log("/mark-as-exported")))
    target.send_signal(signal.SIGTERM)
    done = finish(target)
    assert done.output == b""
    assert done.exit_code == 1
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
    target = start([TARGET, "--config", write_json(folder, "target", config)])
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
    tap_config = write_json(warehouse.folder, "tap", sandbox.config())
    tap = start([TAP, "--config", tap_config], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    target_config = write_json(warehouse.folder, "target", config)
    target = start([TARGET, "--config", target_config], stdin=tap.stdout)
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
