"""What the tap leaves where stdout is full, or closed."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.run import environment, finish, run, start
from helpers.singer import assert_states_are_true
from helpers.tap_process import command
from sandbox.client import Sandbox

from .conftest import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator

INVOICES = 400


@pytest.fixture(scope="module")
def many() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=INVOICES) as running:
        yield running


@pytest.fixture
def tap(tmp_path: Path, many: Sandbox) -> Tap:
    return Tap(tmp_path, many)


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.environ.pop("COVERAGE_PROCESS_CONFIG", None)  # its file is larger than the limit
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("size", [100_000, 131_072, 250_001])
def test_a_full_disk(tap: Tap, size: int) -> None:
    """What fits is whole, and the run ends with one line and 1."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    words = command(tap.folder, tap.sandbox.config(page_size=50, start_date="2020-01-01"))
    path = tap.folder / "out"
    with path.open("wb") as out:
        limited = [sys.executable, "-c", LIMITED, str(size), *words]
        process = start(limited, stdout=out.fileno(), env=environment())
        done = finish(process)
    assert done.exit_code == 1
    assert len(done.errors) == 1
    assert "Cannot write to stdout (File too large)" in done.errors[0]
    assert "Traceback" not in done.stderr
    assert_states_are_true(path.read_bytes())


def test_batch_files_on_a_full_disk(tap: Tap) -> None:
    """No STATE follows files that hold invoices without their lines."""
    batch = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": tap.folder.as_uri(), "prefix": "batch-"},
        "batch_size": 500,
    }
    words = command(tap.folder, tap.sandbox.config(page_size=50, batch_config=batch))
    done = run([sys.executable, "-c", LIMITED, "16000", *words])
    assert done.exit_code == 1
    assert len(done.errors) == 1
    assert "Batch files cannot be written" in done.errors[0]
    assert [each["stream"] for each in done.of_type("BATCH")] == ["invoices"]
    assert done.bookmark["delivered"][1] == ""


def test_a_full_device(tap: Tap) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(command(tap.folder, tap.sandbox.config()), stdout=full.fileno())
        done = finish(process)
    assert done.exit_code == 1
    assert len(done.errors) == 1
    assert "Cannot write to stdout (No space left on device)" in done.errors[0]
    discovering = [*command(tap.folder, tap.sandbox.config()), "--discover"]
    with Path("/dev/full").open("wb") as full:
        done = finish(start(discovering, stdout=full.fileno()))
    assert done.exit_code == 1
    assert len(done.errors) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- <&- 2>&-"])
def test_closed_standard_streams(tap: Tap, closed: str) -> None:
    words = command(tap.folder, tap.sandbox.config())
    done = run(["sh", "-c", f'exec "$@" {closed}', "sh", *words])
    assert "Traceback" not in done.stderr
    if closed.startswith(">&-"):
        assert done.exit_code == 1
        assert closed != ">&-" or "stdout is closed" in done.stderr
    else:
        assert done.exit_code == 0
        assert len(done.ids()) == INVOICES
