"""The sandbox's controls, under `/_sandbox`: read, change, and break."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from sandbox import faults
from sandbox.behaviour import Behaviour
from sandbox.codec import decode, encode
from sandbox.heatmap import count_cells

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.app import Service


def routes(service: Service) -> list[web.RouteDef]:
    """Return the controls' routes."""

    def get(path: str, read: Callable[[web.Request], Any]) -> web.RouteDef:
        async def handle(request: web.Request) -> web.Response:
            return web.Response(body=encode(read(request)), content_type="application/json")

        return web.get(f"/_sandbox{path}", handle)

    return [
        get("/state", lambda request: _state(service, **request.query)),
        get("/invoices", lambda request: _invoices(service, request.query.get("ids"))),
        get("/marks", lambda request: _marks(service, request.query.get("system_id"))),
        get(
            "/log",
            lambda request: service.log.read(**{k: int(v) for k, v in request.query.items()}),
        ),
        web.post("/_sandbox/do", _do(service)),
    ]


def _do(service: Service) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            result = act(service, decode(await request.read()))
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"message": repr(error)}, status=400)
        return web.Response(body=encode(result), content_type="application/json")

    return handle


def act(service: Service, action: dict[str, Any]) -> Any:
    """Carry out one change.

    Args:
        service: The service to change.
        action: An object whose `do` names it, with what it needs.

    Raises:
        KeyError: There is no such action, or it lacks something.
    """
    rest = {name: value for name, value in action.items() if name != "do"}
    return _ACTIONS[action["do"]](service, **rest)


def _add(
    service: Service,
    count: int,
    *,
    booked: bool = True,
    step: int = 1,
    set: dict[str, Any] | None = None,  # noqa: A002 - the name of the control's argument
) -> list[int]:
    first = service.store.next_id(step)
    ids = list(range(first, first + count * step, step))
    service.store.add(ids, booked=booked)
    for invoice_id in ids if set else ():
        service.store.change(invoice_id, set or {})
    return ids


def _book(service: Service, ids: list[int] | None = None) -> list[int]:
    drafts = [invoice_id for invoice_id, booked in service.store.booked.items() if not booked]
    chosen = drafts if ids is None else ids
    service.store.book(chosen)
    return chosen


def _change(
    service: Service,
    id: int,  # noqa: A002
    set: dict[str, Any] | None = None,  # noqa: A002
    raw: dict[str, str] | str | None = None,
) -> None:
    if isinstance(raw, str):
        service.store.replace_json(id, raw)
    else:
        texts = {name: msgspec.Raw(text.encode()) for name, text in (raw or {}).items()}
        service.store.change(id, (set or {}) | texts)


def _mark(service: Service, ids: list[int], system_id: str, at: float | None = None) -> None:
    for invoice_id in ids:
        service.store.mark(invoice_id, system_id, "another program", at)


def _unmark(service: Service, ids: list[int], system_id: str) -> None:
    for invoice_id in ids:
        service.store.unmark(invoice_id, system_id)


def _fail(service: Service, rules: list[dict[str, Any]]) -> None:
    service.faults.rules += [faults.parse(rule) for rule in rules]


def _heal(service: Service) -> None:
    service.faults.rules.clear()


def _reset(service: Service) -> None:
    service.faults.rules.clear()
    service.during_export.clear()
    service.store.behave(vars(Behaviour()))


def _behave(service: Service, **changes: Any) -> None:
    service.store.behave(changes)


def _clock(service: Service, offset: float) -> None:
    service.store.clock_offset = float(offset)


def _during_export(service: Service, request: int, actions: list[dict[str, Any]]) -> None:
    service.during_export[service.listings + request] = actions


def _clear_log(service: Service) -> None:
    service.log.entries.clear()


_ACTIONS: dict[str, Callable[..., Any]] = {
    "add": _add,
    "book": _book,
    "change": _change,
    "mark": _mark,
    "unmark": _unmark,
    "fail": _fail,
    "heal": _heal,
    "behave": _behave,
    "reset": _reset,
    "clock": _clock,
    "during_export": _during_export,
    "clear_log": _clear_log,
}


def _state(service: Service, system_id: str = "", heatmap: str = "") -> dict[str, Any]:
    store = service.store
    marks = store.marks.get(system_id, {})
    booked = [invoice_id for invoice_id, is_booked in store.booked.items() if is_booked]
    marked = [invoice_id for invoice_id in booked if invoice_id in marks]
    pending = [invoice_id for invoice_id in booked if invoice_id not in marks]
    rejected = service.faults.rejected(pending)
    state = {
        "booked": len(booked),
        "drafts": len(store.booked) - len(booked),
        "lines": sum(map(store.line_count, booked)),
        "marked": len(marked),
        "pending": len(pending),
        "rejected": len(rejected),
        "newest": {"marked": marked[-3:], "pending": pending[-3:]},
        "systems": [name for name, its_marks in store.marks.items() if its_marks],
        "faults": [asdict(rule) for rule in service.faults.rules],
        "now": store.now(),
    }
    return state | ({"heatmap": count_cells(booked, marked, rejected)} if heatmap else {})


def _invoices(service: Service, ids: str | None) -> list[msgspec.Raw]:
    wanted = service.store.booked if ids is None else map(int, filter(None, ids.split(",")))
    return [msgspec.Raw(service.store.invoice_json(invoice_id)) for invoice_id in wanted]


def _marks(service: Service, system_id: str | None) -> list[dict[str, Any]]:
    history = service.store.history
    return [asdict(mark) for mark in history if system_id in {None, mark.system_id}]
