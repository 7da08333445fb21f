"""Every line is written completely, whatever stdout is and whatever interrupts it."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import socket
import sys
import termios
import threading
import time
from array import array
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import CompletedRun, environment, run, start
from helpers.tap_process import command
from sandbox.client import Sandbox

from .conftest import Tap

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

INVOICES = 400
PIPE_SIZE = 4096
DEADLINE_S = 120


@pytest.fixture(scope="module")
def many() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=INVOICES) as running:
        yield running


@pytest.fixture
def tap(tmp_path: Path, many: Sandbox) -> Tap:
    return Tap(tmp_path, many)


def start_into(stdout: int, tap: Tap, **variables: str) -> subprocess.Popen[bytes]:
    """Start the tap; this process no longer holds its stdout."""
    process = start(
        command(tap.folder, tap.sandbox.config(page_size=50, start_date="2020-01-01")),
        stdout=stdout,
        env=environment(**{"PYTHONUNBUFFERED": "1"} | variables),
    )
    os.close(stdout)
    return process


def small_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    return reader, writer


def unread(reader: int) -> int:
    """Return how many bytes wait in a pipe."""
    size = array("i", [0])
    fcntl.ioctl(reader, termios.FIONREAD, size)
    return size[0]


def read_until_blocked(reader: int) -> bytes:
    """Read the first invoices, and wait until the pipe is full: the tap waits inside a write."""
    content = b""
    while content.count(b"RECORD") < 100:
        content += os.read(reader, PIPE_SIZE)
    before = 0
    while not before or before != unread(reader):
        before = unread(reader)
        time.sleep(0.5)
    return content


def read_all(reader: int, *, pause_s: float = 0.0) -> bytes:
    content = b""
    while part := os.read(reader, 16 * PIPE_SIZE):
        content += part
        time.sleep(pause_s)
    os.close(reader)
    return content


def finish(process: subprocess.Popen[bytes], content: bytes) -> CompletedRun:
    _, errors = process.communicate(timeout=DEADLINE_S)
    return CompletedRun(process.returncode, content, errors.decode())


def assert_states_are_true(output: bytes) -> None:
    """Assert that every line is a message, and no STATE claims what does not stand before it."""
    assert output.endswith(b"\n")
    seen: set[int] = set()
    for line in output.splitlines():
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "RECORD" and message["stream"] == "invoices":
            seen.add(message["record"]["id"])
        if message["type"] == "STATE":
            assert claimed(message["value"]) <= seen


def claimed(state: dict[str, Any]) -> set[int]:
    _, text = state["bookmarks"]["invoices"]["delivered"]
    ends = [[int(each) for each in part.split("..")] for part in text.split()]
    return {each for first, *last in ends for each in range(first, (last or [first])[0] + 1)}


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_pipe_is_full(tap: Tap, signum: int) -> None:
    reader, writer = small_pipe()
    process = start_into(writer, tap)
    begun = read_until_blocked(reader)
    process.send_signal(signum)
    done = finish(process, begun + read_all(reader))
    assert done.exit_code == 128 + signum
    assert_states_are_true(done.output)
    assert claimed(done.state) == set(done.ids())
    assert 0 < len(done.ids()) < INVOICES
    assert "Traceback" not in done.stderr


def test_two_signals_while_the_pipe_is_full(tap: Tap) -> None:
    reader, writer = small_pipe()
    process = start_into(writer, tap)
    begun = read_until_blocked(reader)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    done = finish(process, begun + read_all(reader, pause_s=0.001))
    assert done.exit_code in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert_states_are_true(done.output)


def test_stopped_and_continued_while_the_pipe_is_full(tap: Tap) -> None:
    """As by Ctrl-Z and `fg`, or `docker pause`."""
    reader, writer = small_pipe()
    process = start_into(writer, tap)
    content = [read_until_blocked(reader)]
    reading = threading.Thread(target=lambda: content.append(read_all(reader, pause_s=0.002)))
    reading.start()
    while reading.is_alive():
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.01)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.03)
    done = finish(process, b"".join(content))
    assert done.exit_code == 0, done.stderr
    assert_states_are_true(done.output)
    assert len(done.ids()) == INVOICES


@contextmanager
def stdout_of(kind: str) -> Iterator[tuple[int, int]]:
    """Give the two ends of what a tap writes into."""
    match kind:
        case "a non-blocking pipe":
            reader, writer = small_pipe()
            os.set_blocking(writer, False)
        case "a non-blocking socket":
            ends = socket.socketpair()
            os.set_blocking(ends[1].fileno(), False)
            reader, writer = (end.detach() for end in ends)
        case _:
            reader, writer = small_pipe()
    yield reader, writer


@pytest.mark.parametrize("kind", ["a pipe", "a non-blocking pipe", "a non-blocking socket"])
@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_slow_reader_gets_everything(tap: Tap, kind: str, unbuffered: str) -> None:
    with stdout_of(kind) as (reader, writer):
        process = start_into(writer, tap, PYTHONUNBUFFERED=unbuffered)
        done = finish(process, read_all(reader, pause_s=0.002))
    assert done.exit_code == 0, done.stderr
    assert_states_are_true(done.output)
    assert claimed(done.state) == set(done.ids())
    assert len(done.ids()) == INVOICES


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
        done = finish(process, b"")
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
    assert claimed(done.state) == set()


def test_a_full_device(tap: Tap) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(command(tap.folder, tap.sandbox.config()), stdout=full.fileno())
        done = finish(process, b"")
    assert done.exit_code == 1
    assert len(done.errors) == 1
    assert "Cannot write to stdout (No space left on device)" in done.errors[0]
    discovering = [*command(tap.folder, tap.sandbox.config()), "--discover"]
    with Path("/dev/full").open("wb") as full:
        done = finish(start(discovering, stdout=full.fileno()), b"")
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
