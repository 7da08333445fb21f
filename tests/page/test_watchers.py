"""Watchers are no burden: not a slow one, not many, and nothing is left of them."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.board import Board
from sandbox.faults import Faults
from sandbox.request_log import Log
from sandbox.page import Watch
from sandbox.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from yarl import URL


@asynccontextmanager
async def watched(invoices: int) -> AsyncIterator[tuple[Store, Watch, URL]]:
    """A watch that looks as often as it can, on a real server in this process."""
    store = Store(seed=1)
    store.add(range(1, invoices + 1), booked=True)
    watch = Watch(Board(store, Faults(), Log()), tick=0.001)
    app = web.Application()
    app.router.add_get("/events", watch.events)
    app.on_shutdown.append(watch.end)
    async with TestServer(app) as server:
        yield store, watch, server.make_url("/events")


async def until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110 - nothing tells that a watcher has come or gone
        await asyncio.sleep(0.01)


def test_a_slow_watcher_is_told_less_and_the_latest_in_the_end() -> None:
    changes = 3000

    async def scene() -> list[dict[str, Any]]:
        async with watched(invoices=400) as (store, watch, url):
            with socket.socket() as slow:
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.connect((url.host, url.port))
                slow.sendall(b"GET /events HTTP/1.0\r\n\r\n")
                await until(lambda: watch.watchers)
                for number in range(changes):
                    store.mark(number % 400 + 1, "warehouse", None, None)
                    await asyncio.sleep(0.001)
                return await asyncio.to_thread(_states, slow, changes - 400)

    states = asyncio.run(scene())
    assert states[-1]["again"]["marked"] == changes - 400
    assert len(states) < changes / 2


def _states(connection: socket.socket, remarked: int) -> list[dict[str, Any]]:
    """Read events until one tells of so many second marks."""
    states: list[dict[str, Any]] = []
    with connection.makefile("rb") as lines:
        for line in lines:
            if line.startswith(b"data: "):
                states.append(json.loads(line.removeprefix(b"data: ")))
                if states[-1]["again"]["marked"] == remarked:
                    break
    return states


def test_while_nothing_happens_nothing_is_sent() -> None:
    async def scene() -> list[bytes]:
        async with watched(invoices=4) as (store, watch, url), aiohttp.ClientSession() as session:
            answer = await session.get(url)
            await until(lambda: watch.watchers)
            looks = asyncio.Event()
            asyncio.get_running_loop().call_later(0.2, looks.set)  # many looks
            await looks.wait()
            store.mark(1, "warehouse", None, None)
            lines = []
            async for line in answer.content:
                lines.append(line)
                if b'"exported":1,' in line:
                    break
            return lines

    kinds = [line.partition(b":")[0] for line in asyncio.run(scene()) if line.strip()]
    assert kinds == [b"retry", *[b"event", b"data"] * 2]


def test_many_watchers_are_told_the_same_and_leave_nothing_behind() -> None:
    async def scene() -> None:
        async with watched(invoices=400) as (store, watch, url):
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                answers = await asyncio.gather(*(session.get(url) for _ in range(100)))
                await until(lambda: watch.watchers == 100)
                store.mark(1, "warehouse", None, None)
                last = await asyncio.gather(*(_told(answer, exported=1) for answer in answers))
                assert last.count(last[0]) == 100
                for answer in answers[:50]:
                    answer.close()
                await until(lambda: watch.watchers == 50)
            await until(lambda: watch.watchers == 0)

    asyncio.run(scene())


async def _told(answer: aiohttp.ClientResponse, *, exported: int) -> dict[str, Any]:
    async for line in answer.content:
        if line.startswith(b"data: "):
            state: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
            if state["invoices"]["exported"] == exported:
                return state
    raise EOFError
