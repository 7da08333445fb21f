"""A server on a bare socket: it sends exactly the bytes that a test gives it, when it says so."""

from __future__ import annotations

import re
import socketserver
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterator

    Respond = Callable[["Connection"], object]

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Connection:
    """A connection of a client.

    Attributes:
        request: The last request that has come, its body included.
        number: How many requests came to the server before it.
    """

    def __init__(self, sock: socket.socket, server: RawServer) -> None:
        self.request = b""
        self.number = -1
        self._socket = sock
        self._server = server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def receive(self) -> bool:
        """Wait for a request; False where the client has gone."""
        self.request = _read_request(self._socket)
        if self.request:
            self.number = len(self._server.requests)
            self._server.requests.append(self.request)
        return bool(self.request)

    def send(self, data: bytes) -> None:
        """Send bytes; raises an `OSError` where the client has gone."""
        self._socket.sendall(data)
        self._server.sent += len(data)

    def trickle(self, data: bytes, *, pause: float, size: int = 1) -> None:
        """Send a few bytes at a time."""
        for at in range(0, len(data), size):
            self.send(data[at : at + size])
            self.wait(pause)

    def repeat(self, data: bytes, *, pause: float = 0) -> None:
        """Send the same bytes until the client goes."""
        while not self._server.is_closing.is_set():
            self.send(data)
            if pause:
                self.wait(pause)

    def wait(self, seconds: float) -> None:
        """Send nothing for a while, or until the test ends."""
        self._server.is_closing.wait(seconds)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on encrypted, as a proxy's tunnel does."""
        self._socket = context.wrap_socket(self._socket, server_side=True)


class RawServer(socketserver.ThreadingTCPServer):
    """Answers each request by a function of the test's.

    Attributes:
        requests: What came.
        sent: How many bytes were sent.
        connections: How many connections were made.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, respond: Respond, tls: ssl.SSLContext | None = None, greeting: bytes = b""
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.tls = tls
        self.greeting = greeting
        self.requests: list[bytes] = []
        self.sent = 0
        self.connections = 0
        self.is_closing = threading.Event()

    @property
    def port(self) -> int:
        """The port on the loopback address."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Count a connection; TLS begins in the thread of its own."""
        self.connections += 1
        return super().get_request()


class _Handler(socketserver.BaseRequestHandler):
    server: RawServer

    def handle(self) -> None:
        server = self.server
        with suppress(OSError), Connection(self.request, server) as connection:
            connection.send(server.greeting)
            if server.tls:
                connection.start_tls(server.tls)
            while connection.receive() and server.respond(connection) is True:
                pass


def _read_request(sock: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        if not (received := sock.recv(1 << 16)):
            return b""
        request += received
    head, _, body = request.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while length and len(body) < int(length[1]):
        body += sock.recv(1 << 16)
    return head + b"\r\n\r\n" + body


@contextmanager
def raw_server(
    respond: Respond, tls: ssl.SSLContext | None = None, greeting: bytes = b""
) -> Iterator[RawServer]:
    """Serve in a thread.

    Args:
        respond: Responds to a request; the connection is closed after it, unless it returns
            True.
        tls: Serves over TLS.
        greeting: Is sent before any request comes.
    """
    with RawServer(respond, tls, greeting) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.is_closing.set()
            server.shutdown()
            thread.join()


def response(
    body: bytes,
    *headers: str,
    status: str = "200 OK",
    length: bool = True,
    keep_alive: bool = False,
) -> bytes:
    """Return a response; without a length, it ends with the connection."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if not keep_alive:
        lines.append("Connection: close")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
