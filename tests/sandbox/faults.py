"""What the service does wrong with single requests, as told by `Sandbox.fail`.

A rule is JSON: `{"kind": …, "on": "export" | "mark" | "any", "times": 1, "skip": 0, …}` and the
details of its kind. It strikes `times` requests (null: all) after `skip` others, and several
rules can strike the same request. `Behaviour` has what goes wrong for good.

The request is not carried out, and the response is:

| kind | details | response |
| --- | --- | --- |
| `status` | `status`, `body`, `headers` | this status; `body` is JSON, or text sent as it is |
| `body` | `body`, `headers` | 200 with this body |
| `html` | `body` | 200 with HTML, by default PHP's for a fatal error |
| `not_success` | | 200 with `{"success": false}` |
| `throttle` | `seconds` (1) | 429, `Too Many Attempts.`, `Retry-After` |
| `maintenance` | `seconds` (1) | 503, `Service Unavailable`, `Retry-After` |
| `missing_route` | | 404 as for a route that does not exist |
| `odd_error` | `form`, `size`, `status` (500) | an error body that is `huge` (bytes), `nested` \
(levels), or a number of so many `digits` |
| `endless` | | 200 with a list of invoices that never ends |
| `gzip_bomb` | `megabytes` (1000) | 200 with an empty list of invoices of this size, compressed |
| `raw` | `text`, `repeat` (1), `seconds` (0) | these bytes in place of an HTTP response, repeated \
so often (null: for ever), with pauses; then the connection is closed |
| `close` | | none: the connection is closed |

The request is carried out, and its response is:

| kind | details | response |
| --- | --- | --- |
| `latency` | `seconds` | so much later; the request is carried out after the wait |
| `lost_answer` | | none: the connection is closed |
| `cut` | `at` (0.5), `framing` | only this share of the body; `framing` is `length`, `chunked` \
or `nothing` but the end of the connection |
| `trickle` | `bytes_per_second`, `headers` (false) | the body so slowly, and the headers too |
| `wrong_length` | `by` | with a `Content-Length` that is greater by so much, or smaller |
| `headers` | `headers` | with these headers, such as a `Content-Type` with an unknown charset |
| `refuse_ids` | `ids`, `status` (422), `named` (true) | an error for every batch that has one of \
these ids (`"all"`: any), which a 422 names; `times` does not count |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = {
    "status": {"status", "body", "headers"},
    "body": {"body", "headers"},
    "html": {"body"},
    "not_success": set[str](),
    "throttle": {"seconds"},
    "maintenance": {"seconds"},
    "missing_route": set[str](),
    "odd_error": {"form", "size", "status"},
    "endless": set[str](),
    "gzip_bomb": {"megabytes"},
    "raw": {"text", "repeat", "seconds"},
    "close": set[str](),
    "latency": {"seconds"},
    "lost_answer": set[str](),
    "cut": {"at", "framing"},
    "trickle": {"bytes_per_second", "headers"},
    "wrong_length": {"by"},
    "headers": {"headers"},
    "refuse_ids": {"ids", "status", "named"},
}
"""Each kind, and the details that it may have."""

_REQUIRED = {
    "odd_error": {"form", "size"},
    "raw": {"text"},
    "latency": {"seconds"},
    "trickle": {"bytes_per_second"},
    "wrong_length": {"by"},
    "headers": {"headers"},
    "refuse_ids": {"ids"},
}

ENDPOINTS = ("export", "mark")

BYSTANDER = "X-Sandbox-Bystander"
"""A request with this header only counts what others do: no fault strikes, or is used up."""


@dataclass
class Fault:
    """One way to fail.

    Attributes:
        kind: A key of `KINDS`.
        on: One of `ENDPOINTS`, or `any`.
        times: How many more requests it strikes; None for all.
        skip: How many requests come through first.
        detail: What the kind needs.
    """

    kind: str
    on: str = "any"
    times: int | None = 1
    skip: int = 0
    detail: dict[str, Any] = field(default_factory=dict)

    def strikes(self, endpoint: str) -> bool:
        """Return whether it strikes a request, and count the request."""
        if self.on not in {"any", endpoint} or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def rejects(self, invoice_id: int) -> bool:
        """Return whether it rejects the mark of an invoice."""
        if self.kind != "refuse_ids":
            return False
        return self.detail["ids"] == "all" or invoice_id in self.detail["ids"]


class Faults:
    """The faults that are in force."""

    def __init__(self) -> None:
        """Start without any."""
        self.rules: list[Fault] = []

    def strike(self, endpoint: str) -> list[Fault]:
        """Return those that strike this request."""
        return [rule for rule in self.rules if rule.kind != "refuse_ids" and rule.strikes(endpoint)]

    def rejected(self, ids: list[int]) -> list[int]:
        """Return those of these invoices whose mark is rejected."""
        if not any(rule.kind == "refuse_ids" for rule in self.rules):
            return []
        return [invoice_id for invoice_id in ids if self.rejection(invoice_id)]

    def rejection(self, invoice_id: int) -> Fault | None:
        """Return the fault that rejects the mark of an invoice, if there is one."""
        return next((rule for rule in self.rules if rule.rejects(invoice_id)), None)


def parse(rule: dict[str, Any]) -> Fault:
    """Read a fault from JSON.

    Raises:
        ValueError: There is no such kind or endpoint, or its details are not those of the kind.
    """
    known = {"kind", "on", "times", "skip"}
    detail = {name: value for name, value in rule.items() if name not in known}
    fault = Fault(**{name: value for name, value in rule.items() if name in known}, detail=detail)
    if fault.kind not in KINDS or fault.on not in {"any", *ENDPOINTS}:
        raise ValueError(f"no fault of kind {fault.kind!r} on {fault.on!r} is known")
    if unknown := detail.keys() - KINDS[fault.kind]:
        raise ValueError(f"{fault.kind} has no detail {', '.join(sorted(unknown))}")
    if missing := _REQUIRED.get(fault.kind, set()) - detail.keys():
        raise ValueError(f"{fault.kind} needs {', '.join(sorted(missing))}")
    return fault
