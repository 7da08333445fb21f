"""The HTTP side: authentication, the two endpoints, and failing as told."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox import control, export, marking, page, wire
from sandbox.board import Board
from sandbox.codec import decode
from sandbox.faults import BYSTANDER, Faults
from sandbox.log import Entry, Log
from sandbox.refusal import RefusalError, invalid
from sandbox.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.faults import Fault
    from sandbox.store import Store

    Endpoint = Callable[[web.Request, Entry], Answer]
    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_JSON = "application/json"
_LARGEST_BODY = 16 << 20  # of the controls; ten marks are far smaller


class Service:
    """One running service.

    Attributes:
        store: What it holds.
        faults: What it does wrong.
        log: What it was asked.
        during_export: Changes to make after a listing request of that number.
        listings: How many listing requests were answered.
        board: What the page shows of it.
    """

    def __init__(self, store: Store, token: str, app_key: str | None) -> None:
        """Make a service for one account."""
        self.store = store
        self.faults = Faults()
        self.log = Log()
        self.during_export: dict[int, list[dict[str, Any]]] = {}
        self.listings = 0
        self.board = Board(store, self.faults, self.log)
        self._token = token
        self._app_key = app_key

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[_in_laravels_form])
        app.add_routes(
            [
                web.get("/v10/invoices/export", self._guarded("export", self._export)),
                web.post("/v10/invoices/mark-as-exported", self._guarded("mark", self._mark)),
                *control.routes(self),
            ],
        )
        page.add_to(app, self)
        app.on_response_prepare.append(self._date)
        return app

    async def _date(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self.store.now(), usegmt=True)
        if not self.store.behaviour.date:
            del response.headers["Date"]

    def _guarded(self, name: str, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            entry = await self._logged(request)
            faults = [] if BYSTANDER in request.headers else self.faults.strike(name)
            entry.faults = [fault.kind for fault in faults]
            answer = await _instead(faults)
            if answer is None:
                answer = self._answered(request, entry, endpoint, faults)
            entry.status = answer.status if answer else None
            return await self._sent(request, answer, faults)

        return handle

    def _answered(
        self, request: web.Request, entry: Entry, endpoint: Endpoint, faults: list[Fault]
    ) -> Answer | None:
        """Do what is asked.

        Returns:
            The answer, or None where there is none for the client.
        """
        kinds = {fault.kind for fault in faults}
        if "close" in kinds:
            return None
        try:
            self._check_keys(request)
            answer = endpoint(request, entry)
        except RefusalError as refusal:
            answer = Answer.of(refusal.body, refusal.status)
        return None if "lost_answer" in kinds else answer

    async def _sent(
        self, request: web.Request, answer: Answer | None, faults: list[Fault]
    ) -> web.StreamResponse:
        if answer is None:
            return wire.hang_up(request)
        for fault in faults:
            if fault.kind == "cut":
                return await wire.cut(request, answer, fault, self.store.now())
        return await wire.send(request, answer)

    async def _logged(self, request: web.Request) -> Entry:
        body = await request.read()
        entry = Entry(
            seq=self.log.next_seq(),
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

    def _export(self, request: web.Request, entry: Entry) -> Answer:
        query = export.parse(list(request.query.items()))
        ids = export.select(self.store, query)
        entry.count = len(ids)
        self.board.ledger.listed(entry, query, ids)
        answer = Answer.of_invoices(len(ids), export.write(self.store, ids, lines=query.lines))
        self.listings += 1
        for action in self.during_export.pop(self.listings, []):
            control.act(self, action)
        accepted = request.headers.get("Accept-Encoding", "")
        return answer.gzipped() if self.store.behaviour.gzip and "gzip" in accepted else answer

    def _mark(self, request: web.Request, entry: Entry) -> Answer:
        if request.content_type != _JSON:
            raise RefusalError(415, "Content-Type must be application/json.")
        try:
            body = decode(entry.body or "")
        except ValueError:
            raise invalid("invoices", "The body is not JSON.") from None
        ids = marking.mark(self.store, body, self.faults.refused_ids())
        entry.count = len(ids)
        return Answer.of({"invoices": [{"id": each} for each in ids]})


@web.middleware
async def _in_laravels_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        return web.json_response({"message": refusal.reason}, status=refusal.status)


async def _instead(faults: list[Fault]) -> Answer | None:
    """Wait, and answer something else, as told."""
    for fault in faults:
        detail = fault.detail
        if fault.kind == "latency":
            await asyncio.sleep(float(detail["seconds"]))
        if fault.kind in {"status", "body"}:
            body = detail.get("body", {"message": "Server Error"})
            return Answer.of(body, detail.get("status", 200), detail.get("headers"))
    return None
