"""An adapter for `requests` that bounds a response in time and size, however it comes.

A timeout of `requests` bounds each wait for bytes, so a server that sends one byte a second is
waited for without end, and so are headers and endless `100 Continue`. Here the headers must be
complete within the timeout, and the body must then keep a minimum rate. Both bounds are checked
where bytes are read, below `http.client`: it, and urllib3, read lines of any length.
"""

from __future__ import annotations

import io
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from typing_extensions import override

from .errors import ResponseTooLargeError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from urllib3.connectionpool import HTTPConnectionPool
    from urllib3.poolmanager import PoolManager
    from urllib3.response import HTTPResponse

MIN_BYTES_PER_SECOND = 1024

MAX_RESPONSE_BYTES = 1 << 30
"""Of a response as it is sent, and of a listing after decompression."""

_BUFFER_SIZE = 1 << 16


class ResponseDeadline:
    """Until when the next bytes of a response are waited for.

    Each byte of a body allows a little more time, but never more than `timeout` from now: a
    fast start does not pay for a slow rest.

    Args:
        timeout: Seconds until the headers are complete, and again for the body to keep up.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._until = time.monotonic() + timeout
        self._size = 0
        self._is_in_body = False

    def begin_body(self) -> None:
        """Start the deadline of the body, once the headers are complete."""
        self._until = time.monotonic() + self._timeout
        self._is_in_body = True

    def received(self, size: int) -> None:
        """Count bytes that have arrived; those of a body extend the deadline.

        Raises:
            ResponseTooLargeError: They are too many.
        """
        self._size += size
        if self._size > MAX_RESPONSE_BYTES:
            raise ResponseTooLargeError(MAX_RESPONSE_BYTES)
        if self._is_in_body:
            allowed = self._until + size / MIN_BYTES_PER_SECOND
            self._until = min(allowed, time.monotonic() + self._timeout)

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: None are left.
        """
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the response is too slow")
        return remaining


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: ResponseDeadline) -> None:
        super().__init__()
        self._socket = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any, /) -> int | None:
        self._socket.settimeout(self._deadline.remaining())
        size: int | None = self._raw.readinto(buffer)
        self._deadline.received(size or 0)
        return size

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """A socket whose responses are read under a deadline; all else is the socket's own."""

    def __init__(self, sock: socket.socket, deadline: ResponseDeadline) -> None:
        self.file: io.BufferedReader | None = None
        self._socket = sock
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the socket's
        return getattr(self._socket, name)

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Return the file that `http.client` reads a response from."""
        self.file = io.BufferedReader(_DeadlineReader(self._socket, self._deadline), _BUFFER_SIZE)
        return self.file


class _DeadlineConnection:
    """Mixed into a connection of urllib3: what it reads comes under a deadline."""

    sock: Any
    timeout: float

    def getresponse(self) -> HTTPResponse:
        with self._deadline() as deadline:
            response: HTTPResponse = super().getresponse()  # type: ignore[misc]
        deadline.begin_body()
        return response

    def _tunnel(self) -> None:
        # A proxy's response to CONNECT; `http.client` has no public name for reading it.
        with self._deadline():
            super()._tunnel()  # type: ignore[misc]

    @contextmanager
    def _deadline(self) -> Iterator[ResponseDeadline]:
        deadline = ResponseDeadline(self.timeout)
        sock = self.sock
        self.sock = wrapped = _DeadlineSocket(sock, deadline)
        try:
            yield deadline
        except BaseException:
            if wrapped.file:  # urllib3 leaves a response open whose headers it rejects
                wrapped.file.close()
            raise
        finally:
            if self.sock is wrapped:  # and not closed meanwhile
                self.sock = sock


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections, through proxies too, work under a deadline."""

    @override
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _add_deadlines(self.poolmanager)

    @override
    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        _add_deadlines(manager)
        return manager


def _add_deadlines(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {
        scheme: _with_deadline(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@cache
def _with_deadline(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    connection: Any = pool.ConnectionCls
    if issubclass(connection, _DeadlineConnection):
        return pool
    connection = type(connection.__name__, (_DeadlineConnection, connection), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
