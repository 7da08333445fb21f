"""A program that a warm Python starts finds what it finds where it is started by itself."""

from __future__ import annotations

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
KILLED = "import os, signal; print(1, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
RAISES = "print('half a line', end=''); raise ValueError('a reason')"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "script"
    path.parent.mkdir()
    return path


@pytest.fixture
def warm(script: Path) -> Iterator[WarmStarts]:
    with WarmStarts((str(script), TAP, TARGET), environment()) as warm:
        yield warm


def both(
    warm: WarmStarts, command: Sequence[str], cwd: Path, env: Mapping[str, str], *, merge: bool
) -> tuple[subprocess.CompletedProcess[bytes], subprocess.CompletedProcess[bytes]]:
    """Return what a warm start gives, and what `subprocess` does."""
    content = "read by it\N{EURO SIGN}".encode()
    ended = warm.run(command, stdin=content, cwd=cwd, env=env, merge_stderr=merge, timeout_s=60)
    assert ended is not None
    if command[0] not in (TAP, TARGET):
        command = [sys.executable, *command]
    stderr = subprocess.STDOUT if merge else subprocess.PIPE
    by_itself = subprocess.run(
        command, input=content, stdout=subprocess.PIPE, stderr=stderr, cwd=cwd, env=env, check=False
    )
    return ended[0], by_itself


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
    started, by_itself = both(
        warm, [str(script), "-x", "\N{EURO SIGN}"], tmp_path, env, merge=merge
    )
    assert started.returncode == by_itself.returncode
    assert started.stdout == by_itself.stdout
    assert started.stderr == (by_itself.stderr or b"")


def test_a_traceback_ends_it_with_what_it_had_written(
    script: Path, tmp_path: Path, warm: WarmStarts
) -> None:
    script.write_text(RAISES)
    started, by_itself = both(warm, [str(script)], tmp_path, environment(), merge=False)
    assert (started.returncode, started.stdout) == (by_itself.returncode, by_itself.stdout)
    assert started.stderr.splitlines()[-1] == by_itself.stderr.splitlines()[-1]


@pytest.mark.parametrize("program", [TAP, TARGET], ids=["tap", "target"])
@pytest.mark.parametrize("words", [["--about", "--format=json"], ["--nonsense"]])
def test_a_program_says_the_same(
    tmp_path: Path, warm: WarmStarts, program: str, words: list[str]
) -> None:
    started, by_itself = both(warm, [program, *words], tmp_path, environment(), merge=True)
    assert (started.returncode, started.stdout) == (by_itself.returncode, by_itself.stdout)


def test_programs_of_a_pipe_run_side_by_side(tmp_path: Path, warm: WarmStarts) -> None:
    commands = [TAP, "--version"], [TARGET, "--version"]
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": environment(),
        "merge_stderr": False,
        "timeout_s": 60,
    }
    ended = warm.run(*commands, stdin=b"", **options)
    assert ended is not None
    assert [each.returncode for each in ended] == [0, 0]
    assert ended[0].stdout == b""
    assert ended[1].stdout.startswith(b"target-invoices-ack v")


@pytest.mark.parametrize("variables", [{"PYTHONPATH": "/nowhere"}, {"HTTP_PROXY": "http://x"}])
def test_what_python_may_read_is_no_warm_start(
    tmp_path: Path, warm: WarmStarts, variables: dict[str, str]
) -> None:
    command = [TAP, "--version"]
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": environment(**variables),
        "merge_stderr": False,
        "timeout_s": 60,
    }
    assert warm.run(command, stdin=b"", **options) is None
    assert warm.run(["/bin/true"], stdin=b"", **options | {"env": environment()}) is None


def test_a_program_that_does_not_end_is_killed(
    script: Path, tmp_path: Path, warm: WarmStarts
) -> None:
    script.write_text("import time; time.sleep(1000)")
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": environment(),
        "merge_stderr": False,
        "timeout_s": 0.1,
    }
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run([str(script)], stdin=b"", **options)
    script.write_text("print('the next one')")
    ended = warm.run([str(script)], stdin=b"", **options | {"timeout_s": 60})
    assert ended is not None
    assert ended[0].stdout == b"the next one\n"
