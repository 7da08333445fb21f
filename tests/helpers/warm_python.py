"""A Python that has imported what our programs depend on, and starts them as forks of itself.

Most of a short run's time goes into importing singer-sdk and what that depends on. Here a process
does so once, and then forks for each run. The fork executes the program's own script, with its
own arguments, files, folder and environment: the program's modules are imported anew each time,
and how it ends is how the fork ends.

A process that is itself executed with this file as its script is that Python.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IMPORTS = ("singer_sdk", "singer_sdk.target_base", "singer_sdk.typing", "requests", "msgspec")
_NUMBER = struct.Struct("!I")
_FILES = 4  # stdin, stdout, stderr, and where its process and its end are reported


class WarmPython:
    """The parent's side; a context manager that ends the process.

    Args:
        environment: The variables that Python and the imported modules see.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        with theirs:
            # Pipes, as the programs have, since Python sets its files up for what they are.
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """End it, and wait until it is gone."""
        self._socket.close()
        self._process.communicate()

    def fork(self, request: Mapping[str, Any], files: Sequence[int]) -> None:
        """Have a script executed.

        Args:
            request: Its `command`, `environment` and `cwd`.
            files: Descriptors of its stdin, stdout and stderr, and of the pipe for the report.

        Raises:
            RuntimeError: The process has ended; the message is what it wrote to stderr.
        """
        text = json.dumps(request).encode()
        try:
            socket.send_fds(self._socket, [_NUMBER.pack(len(text))], files)
            self._socket.sendall(text)
        except BrokenPipeError:
            raise RuntimeError(self._process.communicate()[1].decode()) from None


class Fork(subprocess.Popen[bytes]):
    """A program that a warm Python has started; used like any other process.

    `subprocess` starts a process and waits for it in the methods that are overridden here.

    Args:
        python: Starts it.
        command: The script and its arguments.
        options: Those of `Popen` that are about files, and `cwd` and `env`.
    """

    def __init__(self, python: WarmPython, command: Sequence[str], **options: Any) -> None:
        self._python = python
        self._report = -1
        super().__init__(command, **options)

    def _execute_child(self, args: Sequence[str], *more: Any) -> None:
        """Start it; `more` are the arguments of `Popen`, with both ends of each pipe."""
        cwd, env = more[4], more[5]
        files = more[9:15]
        stdin, _, _, stdout, _, stderr = files
        request = {
            "command": list(args),
            "environment": dict(env),
            "cwd": os.path.abspath(cwd or os.curdir),  # noqa: PTH100
        }
        self._report, report = os.pipe()
        try:
            self._python.fork(request, [stdin, stdout, stderr, report])
        finally:
            os.close(report)
            self._close_pipe_fds(*files)  # type: ignore[attr-defined]
        self.pid = self._next_report()
        self._child_created = True

    def _next_report(self) -> int:
        content = os.read(self._report, _NUMBER.size)
        if not content:
            raise RuntimeError("the warm Python has ended")
        number: int = _NUMBER.unpack(content)[0]
        return number

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """Return its process and how it has ended, or zeros if it has not."""
        poll = select.poll()  # unlike `select`, for any number of open files
        poll.register(self._report, select.POLLIN)
        if wait_flags & os.WNOHANG and not poll.poll(0):
            return 0, 0
        status = self._next_report()
        os.close(self._report)
        return self.pid, status

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        lock = self._waitpid_lock  # type: ignore[attr-defined]
        if self.returncode is None and lock.acquire(blocking=False):
            try:
                pid, status = self._try_wait(os.WNOHANG) if self.returncode is None else (0, 0)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                lock.release()
        return self.returncode


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for every request; returns in each fork, with the request."""
    while True:
        length, files, *_ = socket.recv_fds(requests, _NUMBER.size, _FILES)
        if not length:
            sys.exit(0)
        request: dict[str, Any] = json.loads(_receive(requests, *_NUMBER.unpack(length)))
        if not os.fork():
            requests.close()
            _supervise(*files)
            return request
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _supervise(stdin: int, stdout: int, stderr: int, report: int) -> None:
    """Return in a fork that has these files; report its process and how it ends."""
    pid = os.fork()
    if not pid:
        os.close(report)
        for number, file in enumerate((stdin, stdout, stderr)):
            os.dup2(file, number)
            os.close(file)
        return
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # they are for the program
    os.closerange(0, report)
    os.closerange(report + 1, max(stdin, stdout, stderr, report) + 1)
    os.write(report, _NUMBER.pack(pid))
    status = os.waitpid(pid, 0)[1]
    with suppress(BrokenPipeError):
        os.write(report, _NUMBER.pack(status))
    os._exit(0)


def _become(request: dict[str, Any]) -> None:
    """Execute the script as a Python does that is started with it."""
    import runpy  # noqa: PLC0415

    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    script, *_ = sys.argv = request["command"]
    sys.path[0] = os.path.dirname(script)  # noqa: PTH120 - a program need not have loaded pathlib
    runpy.run_path(script, run_name="__main__")


def _receive(source: socket.socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        received += source.recv(length - len(received))
    return bytes(received)


def main() -> None:
    """Import, and fork until the parent closes its end."""
    import importlib  # noqa: PLC0415

    sys.path[0] = os.path.dirname(sys.executable)  # noqa: PTH120 - no helper hides a module
    for name in _IMPORTS:
        importlib.import_module(name)
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
