"""The HTTP side: authentication, the two endpoints, and the faults."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox import admin, dashboard_routes, export, marking, responses, sending
from sandbox.codec import decode
from sandbox.errors import ApiError, invalid, missing_route, server_error
from sandbox.faults import BYSTANDER, Faults
from sandbox.rate_limit import RateLimiter
from sandbox.request_log import Entry, Log
from sandbox.responses import ApiResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.faults import Fault
    from sandbox.store import Store

    Endpoint = Callable[[web.Request, Entry], Awaitable[ApiResponse]]
    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_JSON = "application/json"
_NO_CONTENT = 204
_LARGEST_BODY = 16 << 20  # of the controls; ten marks are far smaller
_HEADERS = "sandbox-headers"  # where a request keeps the headers that a fault adds


class Service:
    """One running service.

    Attributes:
        store: What it holds.
        faults: What goes wrong with single requests.
        log: The requests.
        during_export: Changes to make after a listing request of that number.
        listings: How many listing requests were carried out.
    """

    def __init__(self, store: Store, token: str, app_key: str | None) -> None:
        """Create a service for one account."""
        self.store = store
        self.faults = Faults()
        self.log = Log()
        self.during_export: dict[int, list[dict[str, Any]]] = {}
        self.listings = 0
        self._token = token
        self._app_key = app_key
        self._limiter = RateLimiter()
        self._is_marking = False

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[self._name_problems])
        app.add_routes(
            [
                web.get("/v10/invoices/export", self._guarded("export", self._export)),
                web.post("/v10/invoices/mark-as-exported", self._guarded("mark", self._mark)),
                *admin.routes(self),
                *dashboard_routes.routes(),
            ],
        )
        app.on_response_prepare.append(self._finish_headers)
        return app

    async def _finish_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self.store.now(), usegmt=True)
        if not self.store.behaviour.date:
            del response.headers["Date"]
        response.headers.update(request.get(_HEADERS, {}))

    @web.middleware
    async def _name_problems(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Respond as Laravel does where there is no route, or none for the method."""
        laravel = self.store.behaviour.laravel
        try:
            return await handler(request)
        except web.HTTPNotFound:
            error = missing_route(request.path, laravel)
        except web.HTTPMethodNotAllowed as problem:
            route = f"route {request.path.lstrip('/')}" if laravel >= 9 else "this route"
            methods = ", ".join(sorted(problem.allowed_methods))
            text = f"The {request.method} method is not supported for {route}. "
            error = ApiError(405, f"{text}Supported methods: {methods}.")
        except web.HTTPException as problem:
            error = ApiError(problem.status, problem.reason)
        return web.json_response(error.body(laravel), status=error.status)

    def _guarded(self, name: str, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            entry = await self._logged(request)
            bystander = BYSTANDER in request.headers
            faults = [] if bystander else self.faults.strike(name)
            entry.faults = [fault.kind for fault in faults]
            await asyncio.sleep(_latency(faults))
            limit = {} if bystander else self._limit_rate()
            response = await self._respond(request, entry, endpoint, faults, limit)
            entry.status = response.status if response else None
            entry.is_done = True
            return await sending.send(request, response, faults, self.store.now())

        return handle

    async def _respond(
        self,
        request: web.Request,
        entry: Entry,
        endpoint: Endpoint,
        faults: list[Fault],
        limit: dict[str, str],
    ) -> ApiResponse | None:
        """Carry the request out, or let a fault respond.

        Returns:
            The response, or None where the client gets none.
        """
        kinds = {fault.kind for fault in faults}
        if kinds & {"close", "raw"}:
            return None
        most = self.store.behaviour.url_limit
        if most is not None and len(request.raw_path) > most:
            return responses.url_too_long()
        for fault in faults:
            if (instead := responses.of_fault(fault, self.store, request.path)) is not None:
                return instead
        response = await self._carry_out(request, entry, endpoint, limit)
        if "lost_answer" in kinds:
            return None
        request[_HEADERS] = added = _added_headers(faults)
        response.headers |= limit | added
        if response.status == _NO_CONTENT:
            return response
        if self.store.behaviour.bom:
            response = response.with_byte_order_mark()
        accepted = request.headers.get("Accept-Encoding", "")
        return response.gzipped() if self.store.behaviour.gzip and "gzip" in accepted else response

    async def _carry_out(
        self, request: web.Request, entry: Entry, endpoint: Endpoint, limit: dict[str, str]
    ) -> ApiResponse:
        try:
            self._check_access(request, limit)
            return await endpoint(request, entry)
        except ApiError as error:
            return ApiResponse.of(error.body(self.store.behaviour.laravel), error.status)

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

    def _limit_rate(self) -> dict[str, str]:
        """Count a request; return the headers of its response, if requests are limited."""
        rule = self.store.behaviour.rate_limit
        if rule is None:
            return {}
        most = int(rule["requests"])
        left, wait = self._limiter.count(most, float(rule["seconds"]))
        headers = {"X-RateLimit-Limit": str(most), "X-RateLimit-Remaining": str(left)}
        return headers | ({"Retry-After": str(wait)} if wait else {})

    def _check_access(self, request: web.Request, limit: dict[str, str]) -> None:
        if "Retry-After" in limit:
            raise ApiError(429, "Too Many Attempts.")
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            raise ApiError(401, "Unauthenticated.")
        if self._app_key and request.headers.get("X-Traede-App-Key") != self._app_key:
            raise ApiError(403, "This app may not use the API.")

    async def _export(self, request: web.Request, entry: Entry) -> ApiResponse:
        behaviour = self.store.behaviour
        query = export.parse(list(request.query.items()), behaviour)
        ids = export.select(self.store, query)
        if behaviour.memory_limit and len(ids) > behaviour.memory_limit["invoices"]:
            shown = bool(behaviour.memory_limit.get("display_errors"))
            return responses.fatal_error(display_errors=shown)
        entry.count = len(ids)
        pieces = export.write(self.store, ids, lines=query.lines)
        response = ApiResponse.of_invoices(len(ids), pieces)
        self.listings += 1
        for action in self.during_export.pop(self.listings, []):
            admin.act(self, action)
        return response

    async def _mark(self, request: web.Request, entry: Entry) -> ApiResponse:
        if request.content_type != _JSON:
            raise ApiError(415, "Content-Type must be application/json.")
        try:
            body = decode(entry.body or "")
        except ValueError:
            raise invalid("invoices", "The body is not valid JSON.") from None
        await self._lock_rows()
        ids = marking.mark(self.store, body, self.faults)
        entry.count = len(ids)
        match self.store.behaviour.mark_response:
            case "empty":
                return ApiResponse([])
            case "no_content":
                return ApiResponse([], _NO_CONTENT, {})
        return ApiResponse.of({"invoices": [{"id": invoice_id} for invoice_id in ids]})

    async def _lock_rows(self) -> None:
        """Take as long as a transaction; one that begins meanwhile is the deadlock's victim."""
        seconds = self.store.behaviour.deadlocks
        if not seconds:
            return
        if self._is_marking:
            raise server_error()
        self._is_marking = True
        try:
            await asyncio.sleep(float(seconds))
        finally:
            self._is_marking = False


def _latency(faults: list[Fault]) -> float:
    return sum(float(fault.detail["seconds"]) for fault in faults if fault.kind == "latency")


def _added_headers(faults: list[Fault]) -> dict[str, str]:
    added: dict[str, str] = {}
    for fault in faults:
        if fault.kind == "headers":
            added |= fault.detail["headers"]
    return added
