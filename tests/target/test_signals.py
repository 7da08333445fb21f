"""A signal to anything but the target never makes an unwritten record count.

The loader behaves as one built on singer-sdk does (https://github.com/meltano/sdk/issues/3775):
interrupted in a drain, it emits a STATE for what it has not written, and exits with 0.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from helpers.run import CompletedRun, finish
from helpers.singer import pages
from helpers.target_process import Account, wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from sandbox.client import Sandbox

GROUPS = range(1, 6), range(6, 11), range(11, 16)
MIDDLE, LAST = 2, 3
"""The drain in which the signal comes; the last one follows the end of the input."""

INTERRUPTED_LIES = """\
import json, os, pathlib, signal, sys, time

here, paused_drain = pathlib.Path(sys.argv[1]), int(sys.argv[2])
pending, state, drains, states = [], None, 0, 0

def say(value):
    print(json.dumps(value), flush=True)

def drain():
    global pending, drains
    batch, pending = pending, []
    drains += 1
    if drains == paused_drain:
        (here / "draining").write_text(str(os.getpid()))
        deadline = time.monotonic() + 60
        while not (here / "go on").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    with open(here / "written", "a") as written:
        written.writelines(json.dumps(each) + "\\n" for each in batch)

def on_signal(*_):
    if pending:
        drain()
    say(state)
    sys.exit(0)

signal.signal(signal.SIGTERM, on_signal)
signal.signal(signal.SIGINT, on_signal)
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "RECORD":
        record = message["record"]
        pending.append(record.get("invoice_id", record["id"]))
    elif message["type"] == "STATE":
        state = message["value"]
        states += 1
        if states < 3:
            drain()
            say(state)
drain()
say(state)
"""

SPAWN = (
    "const {{status}} = require('child_process').spawnSync({program}, {words}, "
    "{{stdio: 'inherit'}}); process.exit(status === null ? 1 : status)"
)


def through_node(words: list[str]) -> list[str]:
    program, *others = words
    script = SPAWN.format(program=json.dumps(program), words=json.dumps(others))
    return ["node", "-e", script]


def through_shell(shell: str, script: str) -> Callable[[list[str]], list[str]]:
    return lambda words: [shell, "-c", script.format(shlex.join(words))]


UV = str(Path(sys.executable).with_name("uv"))

KEEPING: dict[str, Callable[[list[str]], list[str]]] = {
    "nothing": lambda words: words,
    "bash": through_shell("bash", "{}; exit $?"),
    "exec in dash": through_shell("dash", "exec {}"),
    "env": lambda words: ["env", "A=b", *words],
    "nice": lambda words: ["nice", *words],
    "timeout": lambda words: ["timeout", "100", *words],
    "setsid": lambda words: ["setsid", "--wait", *words],
    "uv run": lambda words: [UV, "run", "--no-project", "--offline", *words],
}
"""Wrappers behind which a loader keeps the blocked signals that it inherits."""

LOSING: dict[str, Callable[[list[str]], list[str]]] = {
    "dash": through_shell("dash", "{}; exit $?"),
    "dash with a trap": through_shell("dash", "trap : TERM INT; {}; exit $?"),
    "node": through_node,
}
"""Wrappers that unblock them."""


@dataclass
class Case:
    """A run in which a signal comes in a drain.

    Args:
        account: The receiving system.
        wrapper: What the loader is started by.
        drain: The drain in which the signal comes.
        receiver: Who gets it: `loader`, `wrapper`, `group` (the loader's) or `everything`,
            with the target.
        is_isolated: Whether the loader's Python ignores the environment.
    """

    account: Account
    wrapper: str
    drain: int
    receiver: str
    is_isolated: bool
    signum: signal.Signals = signal.SIGTERM

    def start(self) -> None:
        folder = self.account.folder
        (folder / "loader.py").write_text(INTERRUPTED_LIES)
        words = [sys.executable, *(["-I"] if self.is_isolated else []), str(folder / "loader.py")]
        wrap = (KEEPING | LOSING)[self.wrapper]
        command = wrap([*words, str(folder), str(self.drain)])
        self.target: subprocess.Popen[bytes] = self.account.start(loader=shlex.join(command))
        assert self.target.stdin is not None
        self.target.stdin.write(pages(*GROUPS))
        self.target.stdin.flush()
        if self.drain == LAST:
            self.target.stdin.close()
            self.target.stdin = None

    def interrupt(self) -> None:
        wait_for((self.account.folder / "draining").exists)
        wait_for(lambda: bool((self.account.folder / "draining").read_text()))
        loader = int((self.account.folder / "draining").read_text())
        [child] = psutil.Process(self.target.pid).children()
        everything = [self.target.pid, *(each.pid for each in self._processes())]
        match self.receiver:
            case "loader":
                os.kill(loader, self.signum)
            case "wrapper":
                child.send_signal(self.signum)
            case "group":
                os.killpg(child.pid, self.signum)
            case _:
                for pid in everything:
                    os.kill(pid, self.signum)

    def _processes(self) -> list[psutil.Process]:
        return psutil.Process(self.target.pid).children(recursive=True)

    def finish(self) -> CompletedRun:
        (self.account.folder / "go on").touch()
        self.ran = finish(self.target)
        return self.ran

    @property
    def written(self) -> set[int]:
        """Invoices of which everything is written: each with its two lines."""
        rows = (self.account.folder / "written").read_text().split()
        return {int(each) for each in rows if rows.count(each) == 3}

    def check(self) -> None:
        told = f"{self.wrapper}, {self.drain}, {self.receiver}, {self.is_isolated}"
        assert set(self.account.marked) <= self.written, f"{told}\n{self.ran.stderr}"
        if self.wrapper in KEEPING or not self.is_isolated:
            self._check_shielded(told)

    def _check_shielded(self, told: str) -> None:
        """The loader itself was not interrupted; what becomes of a wrapper is its own affair."""
        all_invoices = {each for group in GROUPS for each in group}
        if self.receiver == "loader":
            assert self.ran.exit_code == 0, f"{told}\n{self.ran.stderr}"
            assert set(self.account.marked) == all_invoices, told
        elif self.receiver == "everything" and self.wrapper in KEEPING:
            assert self.ran.exit_code == 128 + self.signum, f"{told}\n{self.ran.stderr}"
            assert set(self.account.marked) == self.written == all_invoices, told


RECEIVERS = ("loader", "wrapper", "group", "everything")


def run(
    service: Sandbox, folders: pytest.TempPathFactory, *chosen: tuple[str, int, str, bool]
) -> None:
    """Run cases side by side: each of them waits most of the time."""
    service.heal()  # of the faults of other tests
    cases = [
        Case(
            Account(service, f"test-{uuid.uuid4().hex[:8]}", folders.mktemp("signals")),
            *each,
            signum=signal.SIGINT if number % 3 == 2 else signal.SIGTERM,
        )
        for number, each in enumerate(chosen)
    ]
    for case in cases:
        case.start()
    for case in cases:
        case.interrupt()
    for case in cases:
        case.finish()
    for case in cases:
        case.check()


@pytest.mark.parametrize("wrapper", LOSING)
def test_a_python_loader_behind_a_wrapper_that_unblocks_signals_is_shielded_again(
    service: Sandbox, tmp_path_factory: pytest.TempPathFactory, wrapper: str
) -> None:
    if wrapper == "node" and shutil.which("node") is None:
        pytest.skip("needs node")
    run(
        service,
        tmp_path_factory,
        *((wrapper, drain, receiver, False) for drain in (MIDDLE, LAST) for receiver in RECEIVERS),
    )


@pytest.mark.parametrize("wrapper", LOSING)
def test_what_an_unshielded_loader_says_after_a_signal_does_not_count(
    service: Sandbox, tmp_path_factory: pytest.TempPathFactory, wrapper: str
) -> None:
    """It ignores the environment, so it cannot be shielded again.

    In the last drain, a signal to the loader alone cannot be noticed.
    """
    if wrapper == "node" and shutil.which("node") is None:
        pytest.skip("needs node")
    run(
        service,
        tmp_path_factory,
        *((wrapper, MIDDLE, receiver, True) for receiver in RECEIVERS),
        *((wrapper, LAST, receiver, True) for receiver in ("wrapper", "everything")),
    )


@pytest.mark.parametrize("wrapper", KEEPING)
def test_a_loader_that_keeps_signals_blocked_drains_in_order(
    service: Sandbox, tmp_path_factory: pytest.TempPathFactory, wrapper: str
) -> None:
    run(
        service,
        tmp_path_factory,
        *((wrapper, drain, receiver, True) for drain in (MIDDLE, LAST) for receiver in RECEIVERS),
    )
