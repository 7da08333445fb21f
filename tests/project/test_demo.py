"""The README's first command: it tells the truth, may be repeated, and leaves nothing running."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from demo import screen
from helpers.checkout import PYTHONPATH
from helpers.run import unmeasured_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.slow]

_SECONDS = 240


class Demo:
    """A running demo, and every process that it was seen to have started."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Start it, as `run.py` does, with a folder of its own."""
        self.started: set[psutil.Process] = set()
        self.log = folder / "demo.log"
        folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", "--folder", str(folder), *options],
                env=unmeasured_environment(PYTHONPATH=PYTHONPATH, COLUMNS="80"),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        self.itself = psutil.Process(self.process.pid)

    def type(self, text: str) -> None:
        """Type this once it asks, and nothing more."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.close()

    def wait(self, until: str | None = None) -> int | None:
        """Wait until it ends, or has started a program of this name."""
        deadline = time.monotonic() + _SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.words()
            with suppress(psutil.NoSuchProcess):
                self.started |= set(self.itself.children(recursive=True))
            if until and any(until in _command(each) for each in self.alive()):
                return None
            time.sleep(0.1)
        if self.process.stdin:
            self.process.stdin.close()
        return self.process.returncode

    def words(self) -> str:
        """Return what it said."""
        return self.log.read_text()

    def alive(self) -> list[psutil.Process]:
        """Return what still runs of all that it started."""
        return [each for each in self.started if _runs(each)]


def _command(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a folder with spaces")


@pytest.fixture(scope="module")
def told(folder: Path) -> Iterator[Demo]:
    demo = Demo(folder, "--invoices", "30", "--stay")
    demo.type("\n")
    demo.wait()
    demo.log = demo.log.rename(folder / "told.log")  # the next demo here writes its own
    yield demo
    demo.process.kill()


def test_everything_is_loaded_and_marked_in_two_runs(told: Demo) -> None:
    numbers = numbers_of_table(told, 0)
    assert numbers["invoices in the API"] == [30, 30, 42, 42]
    assert numbers["marked as exported"] == [0, 30, 30, 42]
    assert numbers["pending"] == [30, 0, 12, 0]
    assert numbers["marked by this run"] == [30, 12]


def test_nothing_is_lost_where_the_loader_is_killed_and_the_api_fails(told: Demo) -> None:
    numbers = numbers_of_table(told, 1)
    assert numbers["invoices in the API"] == [82, 82, 82, 82]
    assert numbers["in the database"][:4] == [42, 42, 82, 82]
    assert numbers["marked as exported"] == [42, 42, 62, 82]
    assert numbers["pending"] == [40, 40, 20, 0]


def numbers_of_table(told: Demo, position: int) -> dict[str, list[int]]:
    """Return the rows of a table by their names; of two rows of one name, the first."""
    assert told.process.returncode == 0, told.words()
    numbers: dict[str, list[int]] = {}
    table = told.words().split("invoices in the API")[position + 1]
    rows = f"  invoices in the API {table}"
    for row in re.finditer(r"^ +([a-zA-Z ]+?) {2,}([\d, ]+)$", rows, re.MULTILINE):
        numbers.setdefault(row[1], [int(each) for each in row[2].replace(",", "").split()])
    return numbers


def test_its_output_fits_80_columns_and_ends_with_the_next_step(told: Demo) -> None:
    story, _, _ = told.words().partition("\nThe API, to watch, book and break:")
    assert max(map(len, story.splitlines())) <= 80
    assert "meltano run --no-state-update tap-invoices target-invoices-ack" in told.words()


def test_without_stay_it_ends_with_how_to_stay(capsys: pytest.CaptureFixture[str]) -> None:
    screen.show_end([], drafts=1, offer_to_stay=True)
    assert "python3 run.py demo --stay" in capsys.readouterr().out


def test_no_process_is_left(told: Demo) -> None:
    assert len(told.started) > 3  # sandbox, database, Meltano and its plugins
    assert told.alive() == []


def test_no_process_is_left_after_a_signal(told: Demo, folder: Path) -> None:
    """A second demo in the same folder has ended before, with one line, and did not disturb it."""
    assert told.process.returncode == 0
    demo = Demo(folder)
    try:
        demo.wait(until="bin/postgres")
        assert_stops_with(Demo(folder / "..", "--folder", str(folder)), "it is running already")
        demo.wait(until="bin/target-postgres")
    finally:
        demo.process.send_signal(signal.SIGTERM)
    assert demo.wait() == 128 + signal.SIGTERM
    assert demo.alive() == []
    assert "Traceback" not in demo.words()


def test_with_stay_enter_starts_another_run(told: Demo) -> None:
    assert "another run" in told.words()
    assert "The database:  postgresql://postgres:" in told.words()


def test_a_taken_port_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        demo = Demo(tmp_path, "--port", port)
        address = f"127.0.0.1:{port}"
        assert_stops_with(demo, f"the sandbox does not start: sandbox: cannot listen on {address}")


def test_an_unusable_folder_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    demo = Demo(tmp_path, "--folder", str(tmp_path / "file"))
    assert_stops_with(demo, f"{tmp_path / 'file'}")


def assert_stops_with(demo: Demo, words: str) -> None:
    assert demo.wait() == 1
    assert f"\nStopped: {words}" in demo.words()
    assert "Traceback" not in demo.words()
    assert demo.alive() == []
