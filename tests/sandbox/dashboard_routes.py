"""The dashboard at `/`: a static page that polls the controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_FOLDER = Path(__file__).with_name("static")
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


def routes() -> list[web.RouteDef]:
    """Return the routes of the page and its files."""
    pages = [web.get("/", _serve(_FOLDER / "index.html"))]
    return pages + [web.get(f"/static/{path.name}", _serve(path)) for path in _FOLDER.iterdir()]


def _serve(path: Path) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    async def handle(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(path, headers=_HEADERS)

    return handle
