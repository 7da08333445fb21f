"""Sending answers: whole, in pieces, compressed, or cut off in the middle."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.codec import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.faults import Fault

_JSON = {"Content-Type": "application/json"}
_IN_ONE = 1000  # more pieces than make up so many invoices are sent as they are written


@dataclass
class Answer:
    """An answer.

    Attributes:
        pieces: Its body, piece by piece.
        status: Its status.
        headers: Its headers besides those that frame it.
        in_one: Whether it is sent with its length, rather than in chunks.
    """

    pieces: Iterable[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(_JSON))
    in_one: bool = True

    @classmethod
    def of(cls, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        """Make an answer of JSON; a text is sent as it is."""
        text = body.encode() if isinstance(body, str) else encode(body)
        return cls([text], status, _JSON | (headers or {}))

    @classmethod
    def of_invoices(cls, count: int, pieces: Iterator[bytes]) -> Answer:
        """Make an answer of so many invoices; few are written before anything else changes."""
        if count <= _IN_ONE:
            return cls([b"".join(pieces)])
        return cls(pieces, in_one=False)

    def gzipped(self) -> Answer:
        """Compress it."""
        headers = self.headers | {"Content-Encoding": "gzip"}
        return Answer(_gzip(self.pieces), self.status, headers, self.in_one)


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


async def send(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send an answer."""
    if answer.in_one:
        body = b"".join(answer.pieces)
        return web.Response(body=body, status=answer.status, headers=answer.headers)
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    for piece in filter(None, answer.pieces):
        await response.write(piece)
        await asyncio.sleep(0)  # others get their turn
    await response.write_eof()
    return response


async def cut(request: web.Request, answer: Answer, fault: Fault, now: float) -> web.Response:
    """Send the beginning of an answer, and hang up."""
    body = b"".join(answer.pieces)
    part = body[: int(len(body) * float(fault.detail.get("at", 0.5)))]
    framing = fault.detail.get("framing", "length")
    frame, begin = _FRAMINGS[framing](len(body), part)
    headers = answer.headers | frame | {"Date": formatdate(now, usegmt=True)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if request.transport is not None:
        request.transport.write(f"HTTP/1.1 {answer.status} OK\r\n{head}\r\n".encode() + begin)
    return hang_up(request)


_FRAMINGS: dict[str, Callable[[int, bytes], tuple[dict[str, str], bytes]]] = {
    "length": lambda whole, part: ({"Content-Length": str(whole)}, part),
    "chunked": lambda _, part: (
        {"Transfer-Encoding": "chunked"},
        b"%x\r\n" % len(part) + part + b"\r\n",
    ),
    "nothing": lambda _, part: ({"Connection": "close"}, part),
}


def hang_up(request: web.Request) -> web.Response:
    """Close the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=499)
