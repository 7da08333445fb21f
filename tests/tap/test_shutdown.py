"""However a run ends: what it wrote is whole, and its last STATE is true."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import TAP, TARGET, CompletedRun, finish, start
from helpers.tap_process import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Tap


@pytest.fixture
def running(tap: Tap) -> Iterator[subprocess.Popen[bytes]]:
    """A tap that has written its first pages and waits for one that does not come."""
    tap.sandbox.fail({"kind": "latency", "on": "export", "seconds": 60, "skip": 4, "times": None})
    process = start_tap(tap, page_size=4, start_date="2020-01-01")
    yield process
    process.kill()
    process.wait()


def start_tap(tap: Tap, **settings: Any) -> subprocess.Popen[bytes]:
    return start(
        command(tap.folder, tap.sandbox.config(**settings)),
        bufsize=0,  # what `readline` takes ahead, `communicate` would not see
    )


def read_until_state(process: subprocess.Popen[bytes], number: int) -> bytes:
    """Read what it writes up to its STATE of this number."""
    assert process.stdout is not None
    out = b""
    while number:
        line = process.stdout.readline()
        assert line, "it ended early"
        out += line
        number -= line.startswith(b'{"type":"STATE"')
    return out


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_between_two_records_with_a_state_of_all_that_was_written(
    running: subprocess.Popen[bytes], signum: int
) -> None:
    begun = read_until_state(running, 3)
    running.send_signal(signum)
    done = finish(running, begun)
    assert done.exit_code == 128 + signum
    assert done.stdout.endswith("\n")
    assert len(done.messages) == len(done.stdout.splitlines())  # U+2028 ends no line
    assert set(done.ids()) == ids_in(done.bookmark)
    assert f"{signal.Signals(signum).name} ended the run" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", [TAP, TARGET])
def test_ctrl_c_during_start_up_ends_it_without_a_traceback(program: str) -> None:
    for _ in range(5):
        process = subprocess.Popen(
            [program, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        maps = Path(f"/proc/{process.pid}/maps")
        while "msgspec" not in maps.read_text():  # the first of what a start imports
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        assert b"Traceback" not in stderr


def test_a_signal_before_the_first_answer_leaves_the_given_state_alone(tap: Tap) -> None:
    tap.sandbox.fail({"kind": "latency", "on": "export", "seconds": 60, "skip": 1, "times": None})
    process = start_tap(tap, start_date="2020-01-01")
    while not tap.sandbox.log("export")[1:]:
        assert process.poll() is None
    process.terminate()
    done = finish(process)
    assert done.exit_code == 128 + signal.SIGTERM
    assert done.states == []


def test_what_a_signal_cut_off_comes_in_the_next_run_and_no_more_than_that(
    tap: Tap, running: subprocess.Popen[bytes]
) -> None:
    begun = read_until_state(running, 3)
    running.terminate()
    first = finish(running, begun)
    tap.sandbox.heal()
    second = tap.sync(state=first.state, page_size=4)
    assert sorted(first.ids() + second.ids()) == list(range(1, 13))


@pytest.mark.parametrize("replay", [False, True])
def test_killed_after_any_state_it_goes_on_from_there(tap: Tap, replay: bool) -> None:  # noqa: FBT001
    """Also where it replays, from a start_date, what was marked long ago."""
    settings: dict[str, Any] = {"page_size": 4}
    if replay:
        tap.sandbox.mark(range(1, 13), at=1_600_000_000.0)
        settings["start_date"] = "2020-01-01"
    whole = tap.sync(**settings)
    assert len(whole.states) == (6 if replay else 5)
    for number, message in enumerate(whole.messages):
        if message["type"] == "STATE":
            before = CompletedRun(0, b"".join(whole.output.splitlines(keepends=True)[:number]))
            rest = tap.sync(state=message["value"], **settings)
            assert sorted(before.ids() + rest.ids()) == list(range(1, 13))


def test_killed_dead_it_has_written_nothing_that_is_no_message(
    running: subprocess.Popen[bytes],
) -> None:
    begun = read_until_state(running, 3)
    running.kill()
    done = finish(running, begun)
    assert done.exit_code == -signal.SIGKILL
    assert set(done.ids()) == ids_in(done.bookmark)


def test_a_closed_pipe_ends_it_quietly_with_a_code_of_its_own(tap: Tap) -> None:
    tap.sandbox.add(3000)
    reader, writer = os.pipe()
    process = start(command(tap.folder, tap.sandbox.config()), stdout=writer)
    os.close(writer)
    os.read(reader, 1000)
    os.close(reader)
    done = finish(process)
    assert done.exit_code == 128 + signal.SIGPIPE
    assert "stdout closed it" in done.stderr
    assert "Traceback" not in done.stderr
    assert "ERROR" not in done.stderr


def ids_in(bookmark: dict[str, Any]) -> set[int]:
    """Read the ranges of delivered ids."""
    _, text = bookmark["delivered"]
    ends = [[int(each) for each in part.split("..")] for part in text.split()]
    return {each for first, *last in ends for each in range(first, (last or [first])[0] + 1)}
