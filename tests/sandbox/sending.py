"""Sending responses: whole, or broken on the way."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from http.client import responses as phrases
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from asyncio import Transport
    from collections.abc import Awaitable, Callable, Iterable

    from sandbox.faults import Fault
    from sandbox.responses import ApiResponse

    Detail = dict[str, Any]
    Sender = Callable[[Transport, ApiResponse, Detail, float], Awaitable[None]]

_MOST_BUFFERED = 1 << 16  # bytes
_TICKS_PER_SECOND = 10


async def send(
    request: web.Request, response: ApiResponse | None, faults: list[Fault], now: float
) -> web.StreamResponse:
    """Send a response, or hang up where there is none.

    Args:
        request: What is responded to.
        response: The response.
        faults: What struck the request; the first that concerns sending decides.
        now: The service's time, in seconds of the epoch.
    """
    for fault in faults:
        if fault.kind == "raw":
            return await _send_raw(request, fault.detail)
    if response is None:
        return hang_up(request)
    for fault in faults:
        if fault.kind in _SENDERS and request.transport is not None:
            await _SENDERS[fault.kind](request.transport, response, fault.detail, now)
            return hang_up(request)
    return await _send_whole(request, response)


def hang_up(request: web.Request) -> web.Response:
    """Close the connection; the response that is returned reaches nobody."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=499)


async def _send_whole(request: web.Request, response: ApiResponse) -> web.StreamResponse:
    if response.in_one:
        body = b"".join(response.pieces)
        return web.Response(body=body, status=response.status, headers=response.headers)
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.enable_chunked_encoding()
    await stream.prepare(request)
    for piece in response.pieces:
        if piece:
            await stream.write(piece)
        await asyncio.sleep(0)  # others get their turn
    await stream.write_eof()
    return stream


async def _send_cut(
    transport: Transport, response: ApiResponse, detail: Detail, now: float
) -> None:
    body = b"".join(response.pieces)
    part = body[: int(len(body) * float(detail.get("at", 0.5)))]
    frame, begin = _FRAMINGS[detail.get("framing", "length")](len(body), part)
    transport.write(_head(response, frame, now) + begin)


_FRAMINGS: dict[str, Callable[[int, bytes], tuple[dict[str, str], bytes]]] = {
    "length": lambda whole, part: ({"Content-Length": str(whole)}, part),
    "chunked": lambda _, part: (
        {"Transfer-Encoding": "chunked"},
        b"%x\r\n" % len(part) + part + b"\r\n",
    ),
    "nothing": lambda _, part: ({"Connection": "close"}, part),
}


async def _send_wrong_length(
    transport: Transport, response: ApiResponse, detail: Detail, now: float
) -> None:
    body = b"".join(response.pieces)
    transport.write(_head(response, {"Content-Length": str(len(body) + detail["by"])}, now) + body)


async def _send_trickle(
    transport: Transport, response: ApiResponse, detail: Detail, now: float
) -> None:
    """Send so many bytes a second; the end of the connection ends the body."""
    head = _head(response, {"Connection": "close"}, now)
    slow: Iterable[bytes] = response.pieces
    if detail.get("headers"):
        slow = [head, *slow]
    else:
        transport.write(head)
    rate = float(detail["bytes_per_second"])
    size = max(int(rate / _TICKS_PER_SECOND), 1)
    for piece in slow:
        for at in range(0, len(piece), size):
            if not await _write(transport, piece[at : at + size]):
                return
            await asyncio.sleep(size / rate)


_SENDERS: dict[str, Sender] = {
    "cut": _send_cut,
    "wrong_length": _send_wrong_length,
    "trickle": _send_trickle,
}


async def _send_raw(request: web.Request, detail: Detail) -> web.Response:
    text = detail["text"].encode()
    left = detail.get("repeat", 1)
    while left != 0 and request.transport and await _write(request.transport, text):
        left = None if left is None else left - 1
        await asyncio.sleep(float(detail.get("seconds", 0)))
    return hang_up(request)


async def _write(transport: Transport, data: bytes) -> bool:
    """Write as fast as the client reads; return whether it is still there."""
    while _is_congested(transport):  # noqa: ASYNC110 - a transport has no event for it
        await asyncio.sleep(1 / _TICKS_PER_SECOND)
    if transport.is_closing():
        return False
    transport.write(data)
    return True


def _is_congested(transport: Transport) -> bool:
    return transport.get_write_buffer_size() > _MOST_BUFFERED and not transport.is_closing()


def _head(response: ApiResponse, framing: dict[str, str], now: float) -> bytes:
    headers = {"Date": formatdate(now, usegmt=True)} | response.headers | framing
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    phrase = phrases.get(response.status, "")
    return f"HTTP/1.1 {response.status} {phrase}\r\n{lines}\r\n".encode()
