"""Every line of both programs is written completely, whatever interrupts a write."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import termios
import threading
import time
from array import array
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers import singer, tap_process, target_process
from helpers.run import CompletedRun, environment, finish, start
from sandbox.client import Sandbox

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

TOTAL = 400
"""The invoices that the tap has to emit, and the STATEs that the target has."""

STATES = [singer.value(number) | {"text": "x" * 6000} for number in range(TOTAL)]
"""Each is longer than what a pipe takes at once or not at all."""

PIPE_SIZE = 4096


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=TOTAL) as running:
        yield running


class Tap:
    """The tap, which emits all invoices."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        config = sandbox.config(page_size=50, start_date="2020-01-01")
        self.command = tap_process.command(folder, config)
        self.input = Path(os.devnull)

    @staticmethod
    def count(done: CompletedRun) -> int:
        """Return how many invoices were written, after a check of what is claimed."""
        singer.assert_states_are_true(done.output)
        assert singer.delivered_ids(done.state) == set(done.ids())
        return len(done.ids())


class Target:
    """The target, which emits STATEs: its loader confirms each as soon as it comes."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        loader = target_process.loader(folder, target_process.PROMPT)
        self.command = target_process.command(folder, sandbox.config(loader=loader))
        self.input = folder / "input"
        states = (singer.message("STATE", value=each) for each in STATES)
        draft = singer.invoice(1, non_booked=True)  # for which no STATE has to wait
        self.input.write_bytes(singer.schema() + draft + b"".join(states))

    @staticmethod
    def count(done: CompletedRun) -> int:
        """Return how many STATEs were written, after a check that none is missing between."""
        assert done.output.endswith(b"\n")
        written = [json.loads(line) for line in done.output.splitlines()]
        assert written == STATES[: len(written)]
        return len(written)


Program = Tap | Target


@pytest.fixture(params=[Tap, Target], ids=["tap", "target"])
def program(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Program:
    made: Program = request.param(tmp_path, sandbox)
    return made


def start_into(stdout: int, program: Program, **variables: str) -> subprocess.Popen[bytes]:
    """Start a program; this process no longer holds its stdout."""
    env = environment(**{"PYTHONUNBUFFERED": "1"} | variables)
    with program.input.open("rb") as stdin:
        process = start(program.command, stdin=stdin, stdout=stdout, env=env)
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
    """Read the first lines, and wait until the pipe is full: the program waits in a write."""
    content = b""
    while content.count(b"\n") < 100:
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


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_pipe_is_full(program: Program, signum: int) -> None:
    reader, writer = small_pipe()
    process = start_into(writer, program)
    begun = read_until_blocked(reader)
    process.send_signal(signum)
    done = finish(process, begun + read_all(reader))
    assert done.exit_code == 128 + signum
    assert 0 < program.count(done) < TOTAL
    assert "Traceback" not in done.stderr


def test_two_signals_while_the_pipe_is_full(program: Program) -> None:
    reader, writer = small_pipe()
    process = start_into(writer, program)
    begun = read_until_blocked(reader)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    done = finish(process, begun + read_all(reader, pause_s=0.001))
    assert done.exit_code in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert program.count(done) < TOTAL


def test_stopped_and_continued_while_the_pipe_is_full(program: Program) -> None:
    """As by Ctrl-Z and `fg`, or `docker pause`."""
    reader, writer = small_pipe()
    process = start_into(writer, program)
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
    assert program.count(done) == TOTAL


@contextmanager
def stdout_of(kind: str) -> Iterator[tuple[int, int]]:
    """Give the two ends of what a program writes into."""
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
def test_a_slow_reader_gets_everything(program: Program, kind: str, unbuffered: str) -> None:
    with stdout_of(kind) as (reader, writer):
        process = start_into(writer, program, PYTHONUNBUFFERED=unbuffered)
        done = finish(process, read_all(reader, pause_s=0.002))
    assert done.exit_code == 0, done.stderr
    assert program.count(done) == TOTAL
