"""The page at `/`: what becomes of the invoices, while it happens.

What it shows is made only while somebody watches, and for each watcher at the pace at
which that watcher reads: nothing is queued, a slow one is told less often.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.board import DEFAULT_SYSTEM
from sandbox.codec import encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.app import Service
    from sandbox.board import Board

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FOLDER = Path(__file__).with_name("page")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

_PREFIX = "/_sandbox/page"
_TICK = 0.2  # seconds between two looks
_SILENCE = 10.0  # seconds after which a watcher hears that all is well, and a dead one is noticed
_ASK_AGAIN = b"retry: 1000\n\n"  # milliseconds until a watcher that was cut off comes back
_MOST_PICKED = 1000
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_to(app: web.Application, service: Service) -> None:
    """Add the page to a service's application."""
    watch = Watch(service.board)
    app.add_routes(
        [
            web.get("/", _file("index.html")),
            web.get(f"{_PREFIX}/style.css", _file("style.css")),
            *(web.get(f"{_PREFIX}/{path.name}", _file(path.name)) for path in FOLDER.glob("*.js")),
            web.get(f"{_PREFIX}/events", watch.events),
            web.get(f"{_PREFIX}/pick", _pick(service.board)),
        ]
    )
    app.on_shutdown.append(watch.end)


class Watch:
    """Tells watchers how things stand.

    Attributes:
        watchers: How many there are.
    """

    def __init__(self, board: Board, tick: float = _TICK) -> None:
        """Watch this board, and look at it every so many seconds."""
        self._board = board
        self._tick = tick
        self._made: dict[str, tuple[float, bytes]] = {}
        self._ended = asyncio.Event()
        self.watchers = 0

    async def end(self, _app: web.Application) -> None:
        """Tell all watchers that this is the end, so that they do not ask for more."""
        self._ended.set()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send server-sent events: first how things stand, then each change."""
        system_id = request.query.get("system_id") or DEFAULT_SYSTEM
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        self.watchers += 1
        try:
            await response.prepare(request)
            await response.write(_ASK_AGAIN)
            await self._tell(request, response, system_id)
        except ConnectionError:
            pass  # the watcher has gone
        finally:
            self.watchers -= 1
            if not self.watchers:
                self._made.clear()
        return response

    async def _tell(
        self, request: web.Request, response: web.StreamResponse, system_id: str
    ) -> None:
        clock = asyncio.get_running_loop().time
        told, heard = b"", clock()
        while request.transport is not None and not request.transport.is_closing():
            event = self._event(system_id, clock())
            if event != told or clock() - heard > _SILENCE:
                await response.write(b": as before\n\n" if event == told else event)
                told, heard = event, clock()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._tick)
                await response.write(b"event: end\ndata:\n\n")
                return

    def _event(self, system_id: str, now: float) -> bytes:
        """Write how things stand; those who watch the same share it."""
        at, event = self._made.get(system_id, (0.0, b""))
        if now - at >= self._tick / 2:
            event = b"event: state\ndata: " + encode(self._board.shown(system_id)) + b"\n\n"
            self._made[system_id] = (now, event)
        return event


def _file(name: str) -> Handler:
    path = FOLDER / name

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(
            body=path.read_bytes(),
            content_type=TYPES[path.suffix],
            charset="utf-8",
            headers=_HEADERS,
        )

    return handle


def _pick(board: Board) -> Handler:
    """Name invoices for the controls to act upon."""

    async def handle(request: web.Request) -> web.Response:
        query = request.query
        count = query.get("count", "1")
        if not (count.isascii() and count.isdigit()):
            raise web.HTTPBadRequest
        system_id = query.get("system_id") or DEFAULT_SYSTEM
        exported = query.get("exported") == "1"
        ids = board.pick(system_id, min(int(count), _MOST_PICKED), exported=exported)
        return web.json_response(ids)

    return handle
