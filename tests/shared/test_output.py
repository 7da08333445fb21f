"""Every line is written completely or, at the very end, not at all."""

from __future__ import annotations

import errno
import io
import os
import random
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Shared

pieces = st.lists(
    st.tuples(st.binary(max_size=300) | st.sampled_from([b"\n", b"x" * 70_000]), st.booleans()),
    max_size=20,
)


def write_all(writer: Any, pieces: list[tuple[bytes, bool]]) -> bytes:
    """Write pieces, flushing after some; returns all of them in one."""
    for piece, is_flushed in pieces:
        assert writer.write(piece) == len(piece)
        if is_flushed:
            writer.flush()
    writer.flush()
    return b"".join(piece for piece, _ in pieces)


class Odd:
    """`os.write` as it may be: it takes few bytes, or none at this moment."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.write = os.write

    def __call__(self, descriptor: int, data: memoryview) -> int:
        if self.random.random() < 0.3:
            raise BlockingIOError(errno.EAGAIN, "not now")
        size = self.random.choice([1, 10, 1000, len(data)])
        return self.write(descriptor, data[:size])


@given(pieces=pieces, seed=st.integers(0, 10**6))
def test_a_descriptor_that_takes_little_gets_everything(
    shared: Shared, tmp_path_factory: pytest.TempPathFactory, pieces: Any, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "output"
    with path.open("wb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", Odd(seed))
        written = write_all(shared.output.CompleteWriter(file.fileno()), pieces)
    assert path.read_bytes() == written


class SlowReader:
    """Reads the other end of a descriptor, a little at a time, in a thread."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.content = b""
        self._read = read
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while data := self._read(1500):
            self.content += data
            time.sleep(0.0002)

    def join(self) -> bytes:
        """Wait for the end, and return what was read."""
        self._thread.join()
        return self.content


def lines(count: int) -> bytes:
    source = random.Random(count)
    return b"".join(b"%d %s\n" % (at, b"x" * source.randrange(4096)) for at in range(count))


@pytest.fixture
def interrupting_signals() -> Iterator[list[int]]:
    """A signal every other millisecond, with a handler that returns."""
    received: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: received.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    yield received
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_full_pipe_is_waited_for(
    shared: Shared, interrupting_signals: list[int], *, is_blocking: bool
) -> None:
    """Whatever interrupts the wait."""
    reading, writing = os.pipe()
    os.set_blocking(writing, is_blocking)
    reader = SlowReader(lambda size: os.read(reading, size))
    content = lines(200)
    writer = shared.output.CompleteWriter(writing)
    for at in range(0, len(content), 10_000):
        writer.write(content[at : at + 10_000])
    writer.flush()
    os.close(writing)
    assert reader.join() == content
    assert interrupting_signals
    os.close(reading)


def test_a_socket_with_a_small_buffer_gets_everything(shared: Shared) -> None:
    left, right = socket.socketpair()
    with left, right:
        left.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
        left.setblocking(False)  # noqa: FBT003 - the method's own
        reader = SlowReader(right.recv)
        content = lines(200)
        writer = shared.output.CompleteWriter(left.fileno())
        writer.write(content)
        writer.flush()
        left.shutdown(socket.SHUT_WR)
        assert reader.join() == content


def test_it_knows_when_it_is_writing(shared: Shared) -> None:
    """A handler that raises then would cut a line."""
    reading, writing = os.pipe()
    writer = shared.output.CompleteWriter(writing)
    seen: list[bool] = []

    def handle(*_: object) -> None:
        seen.append(writer.is_writing)
        os.read(reading, 1 << 16)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        writer.write(b"x" * 200_000)  # more than a pipe takes: it goes on with each signal
        signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
        os.close(reading)
        os.close(writing)
    assert seen
    assert all(seen)
    assert not writer.is_writing


# Failures


class FullDisk:
    """`os.write` onto a disk with little space left."""

    def __init__(self, space: int) -> None:
        self.space = space
        self.write = os.write

    def __call__(self, descriptor: int, data: memoryview) -> int:
        if self.space == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self.write(descriptor, data[: self.space])
        self.space -= written
        return written


@given(pieces=pieces, space=st.integers(0, 3000), is_appended=st.booleans())
def test_a_full_disk_holds_complete_lines(
    shared: Shared,
    tmp_path_factory: pytest.TempPathFactory,
    pieces: Any,
    space: int,
    *,
    is_appended: bool,
) -> None:
    """However they were flushed; and nothing follows them, though space is there again."""
    path = tmp_path_factory.getbasetemp() / "output"
    path.write_bytes(b"before\n")
    everything = b"".join(piece for piece, _ in pieces)
    with path.open("ab" if is_appended else "r+b") as file:
        file.seek(0, io.SEEK_END)
        writer = shared.output.CompleteWriter(file.fileno())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", FullDisk(space))
            if len(everything) <= space:
                write_all(writer, pieces)
                return
            with pytest.raises(OSError, match="No space left"):
                write_all(writer, pieces)
        writer.write(b'{"type": "STATE"}\n')
        writer.flush()
        assert writer.failure.errno == errno.ENOSPC
        os.write(file.fileno(), b"after\n")
    complete = everything[:space].rpartition(b"\n")
    assert path.read_bytes() == b"before\n" + complete[0] + complete[1] + b"after\n"


def test_a_file_that_others_write_to_is_not_cut(shared: Shared, tmp_path: Path) -> None:
    path = tmp_path / "output"
    with path.open("ab") as file, path.open("ab") as other:
        writer = shared.output.CompleteWriter(file.fileno())
        writer.write(b"one\ntw")
        writer.flush()
        other.write(b"of another\n")
        other.flush()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", FullDisk(0))
            writer.write(b"o\n")
            with pytest.raises(OSError, match="No space left"):
                writer.flush()
    assert path.read_bytes() == b"one\ntwof another\n"


def test_a_reader_that_is_gone_gets_nothing_more(shared: Shared) -> None:
    reading, writing = os.pipe()
    writer = shared.output.CompleteWriter(writing)
    os.close(reading)
    writer.write(b"line\n")
    with pytest.raises(BrokenPipeError):
        writer.flush()
    assert isinstance(writer.failure, BrokenPipeError)
    writer.write(b"x" * 100_000)
    writer.flush()
    os.close(writing)


def test_after_an_interrupted_write_nothing_follows(shared: Shared, tmp_path: Path) -> None:
    """Whatever raised in it: what follows would complete half a line."""
    path = tmp_path / "output"

    def interrupted(descriptor: int, data: memoryview) -> int:
        write(descriptor, data[:3])
        raise KeyboardInterrupt

    write = os.write
    with path.open("wb") as file:
        writer = shared.output.CompleteWriter(file.fileno())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", interrupted)
            writer.write(b"RECORD\n")
            with pytest.raises(KeyboardInterrupt):
                writer.flush()
        assert not writer.is_writing
        writer.write(b"STATE\n")
        writer.flush()
    assert b"STATE" not in path.read_bytes()


def test_text_goes_through_it(shared: Shared, tmp_path: Path) -> None:
    path = tmp_path / "output"
    with path.open("wb") as file:
        writer = shared.output.CompleteWriter(file.fileno())
        text = io.TextIOWrapper(writer, encoding="utf-8", write_through=False)
        print("ø", file=text)
        text.flush()
        assert text.fileno() == file.fileno()
        assert text.writable()
        assert not text.readable()
        assert not text.isatty()
        text.detach()
    assert path.read_text() == "ø\n"
