"""However a server delays a response, a request ends; a slow one that keeps coming arrives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from helpers.raw_server import Connection, raw_server, response

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Connect, Shared

TIMEOUT = 0.4
LISTING = b'{"invoices": [{"id": 1}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LONG = b"Content-Length: 1000000\r\n\r\n"


def wait_silently(connection: Connection) -> None:
    connection.wait(60)


def trickle_the_status(connection: Connection) -> None:
    connection.trickle(HEAD * 100, pause=0.05)


def send_headers_without_end(connection: Connection) -> None:
    connection.send(HEAD)
    connection.repeat(b"X: 1\r\n", pause=0.05)


def continue_without_end(connection: Connection) -> None:
    connection.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.01)


def continue_without_end_and_fast(connection: Connection) -> None:
    connection.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)


def fall_silent_in_the_body(connection: Connection) -> None:
    connection.send(HEAD + LONG + b"{")
    connection.wait(60)


def trickle_the_body(connection: Connection) -> None:
    connection.send(HEAD + LONG)
    connection.repeat(b" ", pause=0.05)


def trickle_after_a_burst(connection: Connection) -> None:
    """What was sent fast earns no patience: at 1 KiB/s it would be that for 16 minutes."""
    connection.send(HEAD + LONG + b" " * 900_000)
    connection.repeat(b" ", pause=0.05)


def trickle_chunks(connection: Connection) -> None:
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.repeat(b"1\r\n \r\n", pause=0.05)


def trickle_an_error(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 500 Oh\r\n" + LONG)
    connection.repeat(b" ", pause=0.05)


DELAYS = [
    wait_silently,
    trickle_the_status,
    send_headers_without_end,
    continue_without_end,
    continue_without_end_and_fast,
    fall_silent_in_the_body,
    trickle_the_body,
    trickle_after_a_burst,
    trickle_chunks,
]


@pytest.mark.parametrize("delay", DELAYS, ids=lambda delay: delay.__name__)
def test_a_response_that_does_not_come_ends_in_time(
    shared: Shared, connect: Connect, delay: Callable[[Connection], None]
) -> None:
    started = time.monotonic()
    with raw_server(delay) as server:
        with pytest.raises(shared.errors.PluginError, match="no response in time"):
            connect(server.url, timeout=TIMEOUT).ids()
        assert time.monotonic() - started < TIMEOUT + 3
        assert len(server.requests) == 1


def test_an_error_whose_body_trickles_is_told_by_its_status(
    shared: Shared, connect: Connect
) -> None:
    started = time.monotonic()
    with (
        raw_server(trickle_an_error) as server,
        pytest.raises(shared.http.HttpStatusError, match="The API answered 500"),
    ):
        connect(server.url, timeout=TIMEOUT).ids()
    assert time.monotonic() - started < TIMEOUT + 3


def test_a_proxy_that_trickles_ends_in_time(
    shared: Shared, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response to CONNECT is read before there is a connection to the API."""

    def trickle(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n")
        connection.repeat(b"X: 1\r\n", pause=0.05)

    started = time.monotonic()
    with raw_server(trickle) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(shared.errors.PluginError, match=r"no response in time"):
            connect("https://127.0.0.1:1", timeout=TIMEOUT).ids()
        assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:1 ")
    assert time.monotonic() - started < TIMEOUT + 3


def test_a_slow_response_that_keeps_coming_arrives(connect: Connect) -> None:
    """It takes three times as long as the timeout; no wait for bytes is as long."""
    body = b'{"invoices": [%s]}' % b",".join(b'{"id": %d}' % each for each in range(3000))

    def trickle(connection: Connection) -> None:
        connection.send(response(body)[: -len(body)])
        connection.trickle(body, pause=TIMEOUT / 8, size=len(body) // 24)

    started = time.monotonic()
    with raw_server(trickle) as server:
        assert connect(server.url, timeout=TIMEOUT).ids() == list(range(3000))
    assert time.monotonic() - started > 3 * TIMEOUT


def test_a_pause_within_the_timeout_is_waited_for(connect: Connect) -> None:
    """A server that works for long on one page may send its first half earlier."""

    def pause(connection: Connection) -> None:
        connection.wait(TIMEOUT / 2)
        connection.send(response(LISTING)[:-5])
        connection.wait(TIMEOUT / 2)
        connection.send(LISTING[-5:])

    with raw_server(pause) as server:
        assert connect(server.url, timeout=TIMEOUT).ids() == [1]


def test_a_connection_is_used_again(connect: Connect) -> None:
    """Its deadline is that of the response under way, not that of an earlier one."""

    def respond(connection: Connection) -> bool:
        connection.wait(TIMEOUT / 2)
        connection.send(response(LISTING, keep_alive=True))
        return True

    with raw_server(respond) as server:
        api = connect(server.url, timeout=TIMEOUT)
        assert [api.ids() for _ in range(4)] == [[1]] * 4
        assert server.connections == 1


def test_a_continue_before_a_response_is_skipped(connect: Connect) -> None:
    def respond(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" + response(LISTING))

    with raw_server(respond) as server:
        assert connect(server.url).ids() == [1]
