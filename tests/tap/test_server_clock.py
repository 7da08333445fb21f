"""T, the bookmark, by the server's clock: no mark of an earlier run is at or after it."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from helpers.servers import serving
from helpers.tap_process import discover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Tap

_LONG = 1.1  # seconds; longer than what makes the difference


class Slow(ThreadingHTTPServer):
    """Answers an empty list, dated when it was asked, not when it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.dates: list[str] = []


class Handler(BaseHTTPRequestHandler):
    server: Slow

    def do_GET(self) -> None:
        date = self.date_time_string()
        self.server.dates.append(date)
        self.send_response_only(200)
        self.send_header("Date", date)
        time.sleep(_LONG)
        self.end_headers()
        self.wfile.write(b'{"invoices": []}')


@pytest.fixture
def slow() -> Iterator[Slow]:
    server = Slow()
    with serving(server):
        yield server


def test_t_is_not_in_the_second_in_which_the_tap_began(tap: Tap, slow: Slow) -> None:
    """A second passes until the answer is there, but not until its date was made."""
    catalog = discover(tap.folder, tap.config())
    began = time.time()

    done = tap.sync(
        catalog=catalog,
        start_date="2026-01-01",
        api_url=f"http://127.0.0.1:{slow.server_port}",
    )

    t = done.state["bookmarks"]["invoices"]["replication_key_value"]
    dated = parsedate_to_datetime(slow.dates[0]).timestamp()
    assert dated <= began + 1, "the machine was too slow to see the difference"
    assert t > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
