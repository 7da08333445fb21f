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
import signal
import socket
import struct
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IMPORTS = ("singer_sdk", "singer_sdk.target_base", "singer_sdk.typing", "requests", "msgspec")
_LENGTH = struct.Struct("!I")
_STANDARD_STREAMS = 3


class WarmPython:
    """The parent's side; a context manager that ends the process.

    Args:
        environment: The variables that Python and the imported modules see.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
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

    def start(
        self, command: Sequence[str], files: Sequence[int], environment: Mapping[str, str], cwd: str
    ) -> Fork:
        """Start a Python script; one that was started before has to be waited for.

        Args:
            command: The script and its arguments.
            files: Descriptors of its stdin, stdout and stderr.
            environment: All its variables.
            cwd: Its folder.
        """
        self._lock.acquire()
        request = {"command": list(command), "environment": dict(environment), "cwd": cwd}
        text = json.dumps(request).encode()
        socket.send_fds(self._socket, [_LENGTH.pack(len(text))], files)
        self._socket.sendall(text)
        return Fork(self._receive(), self)

    def _receive(self) -> int:
        """Return a number that the process reports.

        Raises:
            RuntimeError: It has ended; the message is what it wrote to stderr.
        """
        try:
            return int(json.loads(_receive_text(self._socket)))
        except EOFError:
            raise RuntimeError(self._process.communicate()[1].decode()) from None

    def wait(self) -> int:
        """Wait for the end of what was started last, and return its exit code."""
        try:
            return os.waitstatus_to_exitcode(self._receive())
        finally:
            self._lock.release()


class Fork:
    """A program that was started.

    Attributes:
        pid: Its process.
    """

    def __init__(self, pid: int, parent: WarmPython) -> None:
        self.pid = pid
        self._parent = parent

    def wait(self) -> int:
        """Wait for its end, and return its exit code, negative where a signal killed it."""
        return self._parent.wait()

    def kill(self) -> None:
        """Kill it; it is still to be waited for."""
        os.kill(self.pid, signal.SIGKILL)


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for every request; returns in each fork, with the request."""
    while True:
        length, files, *_ = socket.recv_fds(requests, _LENGTH.size, _STANDARD_STREAMS)
        if not length:
            sys.exit(0)
        request: dict[str, Any] = json.loads(_receive_exactly(requests, *_LENGTH.unpack(length)))
        pid = os.fork()
        if not pid:
            requests.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            return request
        for file in files:
            os.close(file)
        _send_text(requests, str(pid))
        _send_text(requests, str(os.waitpid(pid, 0)[1]))


def _become(request: dict[str, Any]) -> None:
    """Execute the script as a Python does that is started with it."""
    import runpy  # noqa: PLC0415

    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    script, *_ = sys.argv = request["command"]
    sys.path[0] = os.path.dirname(script)  # noqa: PTH120 - a program need not have loaded pathlib
    runpy.run_path(script, run_name="__main__")


def _send_text(to: socket.socket, text: str) -> None:
    to.sendall(_LENGTH.pack(len(text)) + text.encode())


def _receive_text(source: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_receive_exactly(source, _LENGTH.size))
    return _receive_exactly(source, length)


def _receive_exactly(source: socket.socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        part = source.recv(length - len(received))
        if not part:
            raise EOFError
        received += part
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
