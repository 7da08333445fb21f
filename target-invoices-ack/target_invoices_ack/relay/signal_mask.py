"""Keeping SIGINT and SIGTERM away from the loader, and checking that this holds.

A loader built on singer-sdk that is interrupted in a drain emits a STATE for records that it
has not written, and exits with 0 (https://github.com/meltano/sdk/issues/3775). So the loader
runs in a process group of its own, which keeps Ctrl-C at a terminal away, and with both signals
blocked, which holds for signals to single processes and to all processes of a service too.

Children inherit the blocked signals, but some wrappers (dash, node) unblock them. So Python
programs block them again when they start (`python_path/sitecustomize.py`), and what a loader
says is judged by whether all of its processes block them.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCKED_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_MASK = sum(1 << (signum - 1) for signum in BLOCKED_SIGNALS)
_PROC = Path("/proc")
_PYTHON_PATH = str(Path(__file__).parent / "python_path")


def with_blocked_signals(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Python programs block the signals when they start."""
    path = environment.get("PYTHONPATH")
    return {
        **environment,
        "PYTHONPATH": f"{_PYTHON_PATH}{os.pathsep}{path}" if path else _PYTHON_PATH,
    }


def find_unmasked_process(pid: int) -> str | None:
    """Find a process that does not block the signals.

    Args:
        pid: The process whose tree is searched; it may have ended, but must not be reaped.

    Returns:
        The name of one; None if all processes of the tree, with all their threads, block them.
        An empty name stands for what cannot be known: without `/proc`, or after the end.
    """
    try:
        (_PROC / f"self/task/{os.getpid()}/children").read_text()
        return _find_unmasked(_PROC / str(pid))
    except OSError:
        return ""


def _find_unmasked(process: Path) -> str | None:
    children: list[str] = []
    for thread in (process / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            if not _blocks(thread):
                return (thread / "comm").read_text().strip()
            children += (thread / "children").read_text().split()
    for child in children:
        with suppress(FileNotFoundError, ProcessLookupError):
            if (name := _find_unmasked(_PROC / child)) is not None:
                return name
    return None


def _blocks(thread: Path) -> bool:
    for line in (thread / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "SigBlk":
            return int(value, 16) & _MASK == _MASK
    return False
