"""A program that a warm Python starts finds what it finds where it is started by itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import TAP, TARGET, environment
from helpers.warm_starts import WarmStarts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

pytestmark = pytest.mark.slow

LOOKS_AROUND = """
import json, os, signal, sys, threading
files = [sys.stdin, sys.stdout, sys.stderr]
print(json.dumps({
    "arguments": sys.argv,
    "environment": sorted(os.environ.items()),
    "folder": os.getcwd(),
    "stdin": sys.stdin.read(),
    "path": sys.path,
    "name": __name__,
    "file": __file__,
    "files": [(f.fileno(), f.mode, f.encoding, f.errors, f.line_buffering) for f in files],
    "seekable": [f.seekable() for f in files],
    "open": sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else [],
    "signals": {s.name: str(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGPIPE)},
    "threads": threading.active_count(),
    "group": os.getpgrp(),
}))
sys.stderr.write("to stderr")
"""
PIPES: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
KILLED = "import os, signal; print(1, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
RAISES = "print('half a line', end=''); raise ValueError('a reason')"


@pytest.fixture(autouse=True)
def _buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    """With this variable, no start is a warm one."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "script"
    path.parent.mkdir()
    return path


@pytest.fixture
def warm(script: Path, _buffered: None) -> Iterator[WarmStarts]:
    with WarmStarts((str(script), TAP, TARGET), environment()) as warm:
        yield warm


def both(
    warm: WarmStarts, command: Sequence[str], cwd: Path, env: Mapping[str, str], *, merge: bool
) -> list[tuple[int, bytes, bytes | None]]:
    """Return exit code, stdout and stderr of a warm start, and of a start of its own."""
    content = "read by it\N{EURO SIGN}".encode()
    options = PIPES | {"stderr": subprocess.STDOUT if merge else subprocess.PIPE}
    started = warm.start(command, env, cwd=cwd, **options)
    assert started is not None
    if command[0] not in (TAP, TARGET):
        command = [sys.executable, *command]
    by_itself = subprocess.Popen(command, env=env, cwd=cwd, **options)
    ended: list[tuple[int, bytes, bytes | None]] = []
    for process in (started, by_itself):
        out, err = process.communicate(content, 60)
        ended.append((process.returncode, out, err))
    return ended


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize(
    "program",
    [LOOKS_AROUND, KILLED, "import sys; sys.exit(7)"],
    ids=["looks around", "is killed", "exits with 7"],
)
def test_a_script_sees_and_gives_the_same(
    script: Path, tmp_path: Path, warm: WarmStarts, program: str, *, merge: bool
) -> None:
    script.write_text(program)
    env = environment(TAP_INVOICES_PAGE_SIZE="7", PYTHONWARNINGS="error")
    command = [str(script), "-x", "\N{EURO SIGN}"]
    started, by_itself = both(warm, command, tmp_path, env, merge=merge)
    assert started == by_itself


def test_a_traceback_ends_it_with_what_it_had_written(
    script: Path, tmp_path: Path, warm: WarmStarts
) -> None:
    script.write_text(RAISES)
    started, by_itself = both(warm, [str(script)], tmp_path, environment(), merge=False)
    assert started[:2] == by_itself[:2]
    assert started[2] is not None
    assert started[2].endswith(b"ValueError: a reason\n")


@pytest.mark.parametrize("program", [TAP, TARGET], ids=["tap", "target"])
@pytest.mark.parametrize("words", [["--about", "--format=json"], ["--nonsense"]])
def test_a_program_says_the_same(
    tmp_path: Path, warm: WarmStarts, program: str, words: list[str]
) -> None:
    started, by_itself = both(warm, [program, *words], tmp_path, environment(), merge=True)
    assert started == by_itself


def test_a_signal_reaches_it_and_another_one_runs_on(script: Path, warm: WarmStarts) -> None:
    script.write_text("import sys; print('ready', flush=True); print(sys.stdin.read(), end='')")
    first, second = (warm.start([str(script)], environment(), **PIPES) for _ in range(2))
    assert first is not None
    assert second is not None
    for each in (first, second):
        assert each.stdout is not None
        assert each.stdout.readline() == b"ready\n"
    assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == first.poll() == -signal.SIGTERM
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.01)
    assert second.communicate(b"read on", 60) == (b"read on", b"")
    assert second.poll() == 0
    first.communicate()


@pytest.mark.parametrize("variables", [{"PYTHONPATH": "/nowhere"}, {"HTTP_PROXY": "http://x"}])
def test_what_python_may_read_is_no_warm_start(warm: WarmStarts, variables: dict[str, str]) -> None:
    words = [TAP, "--version"]
    assert warm.start(words, environment(**variables), **PIPES) is None
    assert warm.start(["/bin/true"], environment(), **PIPES) is None
    assert warm.start(words, environment(), **PIPES, umask=0) is None
    assert warm.start(words, environment(), **PIPES | {"stdin": None}) is None
