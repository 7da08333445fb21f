"""Start one command and say what the whole of it took, as the operating system has it.

A small program of its own: a process counts its peak memory from that of the one that
started it.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> int:
    """Run `launch.py RESULT STDIN STDOUT STDERR COMMAND…`; write the figures to RESULT."""
    result, stdin, stdout, stderr, *command = sys.argv[1:]
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [(0, stdin, os.O_RDONLY), (1, stdout, writing), (2, stderr, writing)]
    began = time.monotonic()
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, path, how, 0o644) for fd, path, how in files],
    )
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    with open(result, "w") as out:  # noqa: PTH123 - pathlib is not worth its memory here
        out.write(f"{code} {wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
