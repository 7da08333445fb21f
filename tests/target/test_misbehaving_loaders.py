"""Every way in which a loader can go wrong: no deadlock, no mark too early, a true exit code."""

from __future__ import annotations

import os
import signal
import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from helpers.run import adds_up, finish
from helpers.singer import invoice, pages, state, value
from helpers.target_process import KEEPER, Account, loader, wait_for

if TYPE_CHECKING:
    import subprocess

    from sandbox.client import Sandbox

FIRST, SECOND = range(1, 21), range(21, 41)
BOTH = pages(FIRST, SECOND)

FIRST_STATE = """
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "STATE":
        say(message["value"])
        break
"""
"""Begins a loader: it reads to the first STATE and prints that."""


def test_a_loader_that_is_not_found_is_named(account: Account) -> None:
    ran = account.run(BOTH, loader="no-such-loader --config x")

    assert ran.exit_code == 1
    assert ran.errors == [
        "The loader 'no-such-loader' is not found. Install it, or name its whole path in loader.",
    ]
    assert not account.marked


@pytest.mark.parametrize("warn", [True, False])
def test_a_loader_that_was_seen_to_lose_rows_is_warned_of(account: Account, *, warn: bool) -> None:
    """Unless the user says that it is known."""
    lossy = account.folder / "target-duckdb"
    lossy.write_text("#!/bin/sh\ncat > /dev/null\n")
    lossy.chmod(0o755)

    ran = account.run(pages([1]), loader=str(lossy), warn_of_loader=warn)

    assert ran.exit_code == 0
    assert ("target-duckdb was seen to lose rows" in ran.stderr) == warn


def test_a_loader_that_is_not_executable_is_named(account: Account) -> None:
    path = account.folder / "loader"
    path.write_text("#!/bin/sh\n")

    ran = account.run(BOTH, loader=str(path))

    assert ran.exit_code == 1
    assert ran.errors == [
        f"The loader {str(path)!r} cannot be started (Permission denied). Check loader.",
    ]


@pytest.mark.parametrize("command", ["'target-x --config y", '"target-x', "  "])
def test_a_command_that_is_none_is_refused(account: Account, command: str) -> None:
    ran = account.run(BOTH, loader=command)

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert "loader" in ran.errors[0]
    assert not account.requests


@pytest.mark.parametrize("lines_read", [0, 1, 5, 121])
def test_a_loader_that_exits_early_with_0_confirms_nothing(
    account: Account, lines_read: int
) -> None:
    """Even where its buffer had taken all lines: it never looked at them."""
    reader = f"for _ in range({lines_read}): sys.stdin.readline()\ntime.sleep(0.3)"

    ran = account.run(BOTH, loader=loader(account.folder, reader))

    assert ran.exit_code == 1
    assert "ended before it had taken all its input" in ran.errors[-1]
    assert not account.marked
    assert not ran.states
    assert ran.summary["not confirmed"] == 40


def test_a_loader_that_fails_gives_its_exit_code_and_keeps_what_it_confirmed(
    account: Account,
) -> None:
    ran = account.run(BOTH, loader=loader(account.folder, FIRST_STATE + "sys.exit(7)"))

    assert ran.exit_code == 7
    assert "The loader failed with exit code 7" in ran.errors[-1]
    assert sorted(account.marked) == list(FIRST)
    assert ran.states == [value(1)]
    assert adds_up(ran.summary)


def test_a_loader_that_fails_after_all_input_confirms_no_more_than_it_said(
    account: Account,
) -> None:
    program = FIRST_STATE + "sys.stdin.read()\nsys.exit(3)"

    ran = account.run(BOTH, loader=loader(account.folder, program))

    assert ran.exit_code == 3
    assert sorted(account.marked) == list(FIRST)


def test_a_loader_that_a_signal_ends_is_told_as_a_shell_does(account: Account) -> None:
    program = FIRST_STATE + "os.kill(os.getpid(), signal.SIGKILL)"

    ran = account.run(BOTH, loader=loader(account.folder, program))

    assert ran.exit_code == 128 + signal.SIGKILL
    assert sorted(account.marked) == list(FIRST)


@pytest.mark.parametrize("code", [0, 9])
def test_the_rest_of_the_input_is_read_after_the_loader_has_ended(
    account: Account, code: int
) -> None:
    """The tap ends in order, and the reason comes last."""
    program = 'print("no such database", file=sys.stderr)\n' + FIRST_STATE + f"sys.exit({code})"
    target = account.start(loader=loader(account.folder, program))
    assert target.stdin is not None
    target.stdin.write(pages(FIRST))
    target.stdin.flush()
    wait_for(partial(_are_marked, account))
    for number in range(2, 400):  # far more than a pipe holds
        target.stdin.write(invoice(20, text="x" * 10_000) + state(number))

    ran = finish(target)

    assert ran.exit_code == (code or 1)
    assert sorted(account.marked) == list(FIRST)
    assert ran.states == [value(1)]
    *_, error, summary = ran.stderr.splitlines()
    assert "Received 20 = 20 marked" in summary
    if code:
        assert "The loader failed with exit code 9" in error
        assert "no such database" in error


def test_what_is_no_json_is_passed_over_with_one_warning(account: Account) -> None:
    noise = 'say("Loading...")\nsay("{")\nsay("[" * 100_000)\nsay("\\x00\\xff")\n'

    ran = account.run(BOTH, loader=loader(account.folder, noise + KEEPER))

    assert ran.exit_code == 0
    assert ran.stderr.count("not a STATE of this tap") == 1
    assert sorted(account.marked) == [*FIRST, *SECOND]
    assert ran.states == [value(2)]


def test_half_a_line_confirms_nothing(account: Account) -> None:
    half = FIRST_STATE.replace(
        'say(message["value"])', 'print(json.dumps(message["value"])[:-3], end="", flush=True)'
    )

    ran = account.run(BOTH, loader=loader(account.folder, half + "sys.exit(1)"))

    assert ran.exit_code == 1
    assert not account.marked
    assert not ran.states


def test_a_state_that_the_tap_never_sent_confirms_nothing(account: Account) -> None:
    printed = [
        {},
        {"bookmarks": {}},
        {"bookmarks": {"invoices": {}, "invoice_lines": {}}},
        {"bookmarks": {"orders": {"replication_key_value": 1}}},
        value(99),
        {"bookmarks": None},
        {"bookmarks": [value(1)]},
        value(1)["bookmarks"],
        [value(1)],
        None,
    ]
    program = f"sys.stdin.read()\nfor each in {printed!r}: say(json.dumps(each))\nsys.exit(1)"

    ran = account.run(BOTH, loader=loader(account.folder, program))

    assert ran.exit_code == 1
    assert not account.marked
    assert not ran.states


def test_an_older_state_again_neither_marks_nor_prints_again(account: Account) -> None:
    again = [value(number) for number in (1, 2, 1, 2, 1)]
    program = f"sys.stdin.read()\nfor each in {again!r}: say(each)\nsys.exit(4)"

    ran = account.run(BOTH, loader=loader(account.folder, program))

    assert ran.exit_code == 4
    assert sorted(account.marked) == [*FIRST, *SECOND]
    assert ran.states[-1] == value(2)
    assert ran.states in ([value(1), value(2)], [value(2)])


def test_a_state_in_which_only_some_streams_moved_confirms_what_all_have_passed(
    account: Account,
) -> None:
    program = f"sys.stdin.read()\nsay({value(2, lines=1)!r})\nsys.exit(4)"

    ran = account.run(BOTH, loader=loader(account.folder, program))

    assert ran.exit_code == 4
    assert sorted(account.marked) == list(FIRST)
    assert ran.states == [value(1)]


def test_a_state_without_a_stream_says_nothing_of_it(account: Account) -> None:
    only_invoices = {"bookmarks": {"invoices": value(2)["bookmarks"]["invoices"]}}
    program = f"sys.stdin.read()\nsay({only_invoices!r})\nsys.exit(4)"

    ran = account.run(BOTH, loader=loader(account.folder, program))

    assert ran.exit_code == 4
    assert not account.marked


def test_a_flood_on_stderr_passes_through(account: Account) -> None:
    flood = 'for _ in range(20_000): print("x" * 1000, file=sys.stderr)\n'

    ran = account.run(BOTH, loader=loader(account.folder, flood + KEEPER + flood))

    assert ran.exit_code == 0
    assert ran.stderr.count("x" * 1000 + "\n") == 40_000
    assert ran.states == [value(2)]


def test_a_flood_on_stdout_without_a_newline_is_passed_over(account: Account) -> None:
    flood = 'for _ in range(200): sys.stdout.write("x" * (1 << 20))\nsay("")\n'

    ran = account.run(BOTH, loader=loader(account.folder, flood + KEEPER))

    assert ran.exit_code == 0
    assert ran.states == [value(2)]


def test_a_loader_that_drains_long_after_its_input_is_waited_for(account: Account) -> None:
    program = KEEPER.replace("if last:", "time.sleep(4)\nif last:")

    ran = account.run(BOTH, loader=loader(account.folder, program))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [*FIRST, *SECOND]


@pytest.mark.parametrize("program", ["import time; time.sleep(300)", "while True: print('x')"])
@pytest.mark.parametrize(
    ("stdin", "behaviour", "code", "marked"),
    [
        ("subprocess.DEVNULL", KEEPER, 0, [*FIRST, *SECOND]),
        ("None", FIRST_STATE + "sys.exit(5)", 5, [*FIRST]),
    ],
    ids=["loads all", "fails"],
)
def test_a_child_that_a_loader_leaves_behind_is_not_waited_for(  # noqa: PLR0913, PLR0917
    account: Account, program: str, stdin: str, behaviour: str, code: int, marked: list[int]
) -> None:
    """It holds the loader's output open, and where the loader fails its input too."""
    leave_child = f"""
child = subprocess.Popen(
    [sys.executable, "-c", {program!r}], stdin={stdin}, stderr=subprocess.DEVNULL
)
(HERE / "child").write_text(str(child.pid))
"""
    # More than a pipe holds, so that the target would wait for room.
    taps = BOTH + invoice(41, text="x" * 300_000)

    try:
        ran = account.run(taps, loader=loader(account.folder, leave_child + behaviour))
    finally:
        with suppress(ProcessLookupError):  # a printing one ends with the target
            os.kill(int((account.folder / "child").read_text()), signal.SIGKILL)

    assert ran.exit_code == code
    assert sorted(account.marked) == marked


STUBBORN = {
    "never ends": "for _ in sys.stdin: pass\ntime.sleep(900)",
    "ignores signals": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(900)",
    "closes its input and lives on": "os.close(0)\ntime.sleep(900)",
    "prints a state after all": f"time.sleep(22)\nwhile True: say({value(2)!r})",
}
"""Loaders that do not end by themselves: what they do once they have printed the first STATE."""

NOT_ASKED = "closes its input and lives on"
"""The one that is ended without a signal to the target."""


def test_a_loader_that_does_not_end_is_ended(
    service: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All of them run at the same time: each takes as long as the target's patience."""
    running = {name: _started(service, tmp_path_factory, each) for name, each in STUBBORN.items()}
    for name, (account, target) in running.items():
        wait_for((account.folder / "ready").exists)
        wait_for(partial(_are_marked, account))
        if name != NOT_ASKED:
            target.send_signal(signal.SIGTERM)

    for name, (account, target) in running.items():
        ran = finish(target)
        assert ran.exit_code == 128 + signal.SIGKILL, name
        assert sorted(account.marked) == list(FIRST), name
        assert ran.states == [value(1)], name
        assert "did not end in 20 s" in ran.stderr, name
        assert adds_up(ran.summary), name


def _started(
    service: Sandbox, folders: pytest.TempPathFactory, stubborn: str
) -> tuple[Account, subprocess.Popen[bytes]]:
    account = Account(service, f"test-{uuid.uuid4().hex[:8]}", folders.mktemp("stubborn"))
    program = f'{FIRST_STATE}(HERE / "ready").touch()\n{stubborn}'
    target = account.start(loader=loader(account.folder, program))
    assert target.stdin is not None
    target.stdin.write(BOTH)
    target.stdin.flush()
    return account, target


def _are_marked(account: Account) -> bool:
    return len(account.marked) == len(FIRST)
