"""The servers that loaders write to, each started when it is first asked for."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from demo.postgres import HOST, Postgres
from helpers.plugin_envs import Program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BUCKET = "warehouse"

_START_S = 60.0
_STOP_S = 20.0
_S3 = Program("moto_server", ("moto[server,s3]==5.*",))
_GCS = Program("gcp-storage-emulator", ("gcp-storage-emulator==2026.*",))


class MariaDb:
    """A MariaDB of the system's, in a folder of its own.

    Attributes:
        port: Where it listens, on the loopback address only.
        user: May do everything.
        password: Made anew each time.
    """

    user = "loader"

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.password = secrets.token_urlsafe(16)
        self._folder = folder

    @property
    def command(self) -> list[str]:
        """The command of the server, whose data folder is made first.

        Raises:
            RuntimeError: MariaDB is not installed.
        """
        server = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if server is None:
            raise RuntimeError(
                "MariaDB is not here: apt-get install mariadb-server-core mariadb-client-core"
            )
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        data = ["--no-defaults", f"--datadir={self._folder / 'data'}", *as_root]
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(["mariadb-install-db", *data, *options], check=True, capture_output=True)
        start = self._folder / "start.sql"
        start.write_text(
            f"CREATE USER {self.user}@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO {self.user}@'%';\n"
        )
        where = [f"--bind-address={HOST}", f"--port={self.port}", "--skip-name-resolve"]
        socket_file = f"--socket={self._folder / 'socket'}"
        utf8 = ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"]
        return [server, *data, *where, *utf8, socket_file, f"--init-file={start}"]


class Servers:
    """A context manager that ends what was started."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all."""
        self._stack.close()

    @cached_property
    def postgres(self) -> Postgres:
        """A PostgreSQL."""
        return self._stack.enter_context(Postgres())

    @cached_property
    def mariadb(self) -> MariaDb:
        """A MariaDB."""
        server = MariaDb(self._folder())
        self._stack.enter_context(_running(server.command, server.port))
        return server

    @cached_property
    def s3(self) -> str:
        """The address of an S3 server."""
        return self._serve([str(_S3.path()), "-H", HOST], "-p")

    @property
    def s3_python(self) -> Path:
        """A Python with a client for it."""
        return _S3.path().parent / "python"

    @cached_property
    def gcs(self) -> str:
        """The address of a Google Cloud Storage server."""
        options = ["start", f"--host={HOST}", "--in-memory", f"--default-bucket={BUCKET}"]
        return self._serve([str(_GCS.path()), *options], "--port")

    def _serve(self, command: Sequence[str], port_option: str) -> str:
        port = _free_port()
        self._stack.enter_context(_running([*command, port_option, str(port)], port))
        return f"http://{HOST}:{port}"

    def _folder(self) -> Path:
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="loaders-")))


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            _wait_for(process, port)
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not serve")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
