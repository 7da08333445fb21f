"""The HTTP side: authentication, the two endpoints, and failing as told."""

from __future__ import annotations

import asyncio
import gzip
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox import control, export, marking
from sandbox.faults import Fault, Faults
from sandbox.log import Entry, Log
from sandbox.refusal import RefusalError, invalid
from sandbox.store import decode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.store import Store

_JSON = "application/json"
_LARGEST_BODY = 1 << 20


class Service:
    """One running service.

    Attributes:
        store: What it holds.
        faults: What it does wrong.
        log: What it was asked.
        during_export: Changes to make after a listing request of that number.
    """

    def __init__(self, store: Store, token: str, app_key: str | None) -> None:
        """Make a service for one account."""
        self.store = store
        self.faults = Faults()
        self.log = Log()
        self.during_export: dict[int, list[dict[str, Any]]] = {}
        self.listings = 0
        self._token = token
        self._app_key = app_key

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes(
            [
                web.get("/v10/invoices/export", self._guarded("export", self._export)),
                web.post("/v10/invoices/mark-as-exported", self._guarded("mark", self._mark)),
                *control.routes(self),
            ],
        )
        app.on_response_prepare.append(self._date)
        return app

    async def _date(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self.store.now(), usegmt=True)

    def _guarded(
        self,
        endpoint: str,
        handler: Callable[[web.Request, Entry], Awaitable[web.StreamResponse]],
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            entry = await self._logged(request)
            faults = self.faults.strike(endpoint)
            for fault in faults:
                if (early := await _before(request, fault)) is not None:
                    entry.status = early.status
                    return early
            try:
                self._check_keys(request)
                response = await handler(request, entry)
            except RefusalError as refusal:
                response = refusal.to_response()
            entry.status = response.status
            for fault in faults:
                await _after(request, response, fault)
            return response

        return handle

    async def _logged(self, request: web.Request) -> Entry:
        body = await request.read()
        entry = Entry(
            seq=len(self.log.entries) + 1,
            time=self.store.now(),
            method=request.method,
            path=request.path,
            query=list(request.query.items()),
            headers=dict(request.headers),
            body=body.decode(errors="replace") or None,
        )
        self.log.add(entry)
        return entry

    def _check_keys(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            raise RefusalError(401, "Unauthenticated.")
        if self._app_key and request.headers.get("X-Traede-App-Key") != self._app_key:
            raise RefusalError(403, "This app may not use the API.")

    async def _export(self, request: web.Request, entry: Entry) -> web.Response:
        page = (
            int(request.query.get("page", "0")) if request.query.get("page", "0").isdigit() else 0
        )
        invoices = export.answer(self.store, list(request.query.items()), page)
        entry.count = len(invoices)
        self.listings += 1
        for action in self.during_export.pop(self.listings, []):
            control.act(self, action)
        body = b'{"invoices":[' + b",".join(invoices) + b"]}"
        headers = {}
        if self.store.behaviour.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers = gzip.compress(body, 1), {"Content-Encoding": "gzip"}
        return web.Response(body=body, content_type=_JSON, headers=headers)

    async def _mark(self, request: web.Request, entry: Entry) -> web.Response:
        if request.content_type != _JSON:
            raise RefusalError(415, "Content-Type must be application/json.")
        try:
            body = decode(entry.body or "")
        except ValueError:
            raise invalid("invoices", "The body is not JSON.") from None
        ids = marking.mark(self.store, body, self.faults.refused_ids())
        entry.count = len(ids)
        return web.json_response({"invoices": [{"id": each} for each in ids]})


async def _before(request: web.Request, fault: Fault) -> web.Response | None:
    match fault.kind:
        case "latency" | "hang":
            await asyncio.sleep(fault.detail["seconds"])
        case "status" | "body":
            body = fault.detail.get("body", {"message": "Server Error"})
            text = body if isinstance(body, str) else None
            headers = fault.detail.get("headers", {})
            status = fault.detail.get("status", 200)
            if text is None:
                return web.json_response(body, status=status, headers=headers)
            return web.Response(text=text, status=status, headers=headers, content_type=_JSON)
        case "close":
            _hang_up(request)
            return web.Response(status=499)
    return None


async def _after(request: web.Request, response: web.StreamResponse, fault: Fault) -> None:
    if fault.kind == "lost_answer":
        _hang_up(request)
    if fault.kind == "cut" and isinstance(response, web.Response):
        body = response.body if isinstance(response.body, bytes) else b""
        cut = web.StreamResponse(headers=response.headers.copy())
        cut.content_type = _JSON
        cut.content_length = len(body)
        await cut.prepare(request)
        await cut.write(body[: len(body) // 2])
        _hang_up(request)


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
