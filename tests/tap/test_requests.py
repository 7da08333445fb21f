"""What a request carries, besides its query."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from helpers.servers import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Tap


class Balancer(ThreadingHTTPServer):
    """Answers one invoice, and gives out a cookie that says by which server."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cookies: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Balancer

    def do_GET(self) -> None:
        self.server.cookies.append(self.headers.get("Cookie"))
        self.send_response(200)
        self.send_header("Set-Cookie", "server=17; Path=/")
        self.end_headers()
        self.wfile.write(b'{"invoices": [{"id": 1, "lines": []}]}')


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    server = Balancer()
    with serving(server):
        yield server


def test_a_cookie_is_given_back_so_that_all_pages_come_from_one_server(
    tap: Tap, balancer: Balancer
) -> None:
    done = tap.sync(api_url=f"http://127.0.0.1:{balancer.server_port}", start_date="2026-01-01")

    assert done.ids() == [1]
    assert balancer.cookies[0] is None
    assert len(balancer.cookies) > 2
    assert set(balancer.cookies[2:]) == {"server=17"}
