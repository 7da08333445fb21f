"""What the service was told to do wrong, request by request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = {
    "status": {"status", "body", "headers"},
    "body": {"body", "headers"},
    "latency": {"seconds"},
    "close": set[str](),
    "lost_answer": set[str](),
    "cut": {"at", "framing"},
    "refuse_ids": {"ids"},
}
"""The ways to fail, and what each may be told.

`status` answers with it instead, and with a body (text, or JSON) and headers; `body`
answers 200 with something else; `latency` waits; `close` hangs up at once; `lost_answer`
does what was asked and hangs up; `cut` hangs up in the middle of the answer, after a
share of its bytes (`at`, 0.5 if not told), framed by `length`, `chunked` or `nothing` but
the end of the connection; `refuse_ids` refuses to mark these.
"""

ENDPOINTS = ("export", "mark")

BYSTANDER = "X-Sandbox-Bystander"
"""Whoever sends this header only counts what others do: no fault strikes, or is used up."""


@dataclass
class Fault:
    """One way to fail.

    Attributes:
        kind: A key of `KINDS`.
        on: One of `ENDPOINTS`, or `any`.
        times: How often; None for always.
        skip: How many requests come through first.
        detail: What the kind needs.
    """

    kind: str
    on: str = "any"
    times: int | None = 1
    skip: int = 0
    detail: dict[str, Any] = field(default_factory=dict)

    def due(self, endpoint: str) -> bool:
        """Whether it strikes now; counts the request."""
        if self.on not in {"any", endpoint} or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults that are in force."""

    def __init__(self) -> None:
        """Start without any."""
        self.rules: list[Fault] = []

    def strike(self, endpoint: str) -> list[Fault]:
        """Return those that strike this request."""
        return [rule for rule in self.rules if rule.kind != "refuse_ids" and rule.due(endpoint)]

    def refused_ids(self) -> set[int]:
        """Return the ids that marking refuses."""
        return {
            each for rule in self.rules if rule.kind == "refuse_ids" for each in rule.detail["ids"]
        }


def parse(rule: dict[str, Any]) -> Fault:
    """Read a fault from JSON.

    Raises:
        ValueError: There is no such kind or endpoint, or it was told what it does not know.
    """
    known = {"kind", "on", "times", "skip"}
    detail = {name: value for name, value in rule.items() if name not in known}
    fault = Fault(**{name: value for name, value in rule.items() if name in known}, detail=detail)
    if fault.kind not in KINDS or fault.on not in {"any", *ENDPOINTS}:
        raise ValueError(f"no fault of kind {fault.kind!r} on {fault.on!r} is known")
    if unknown := detail.keys() - KINDS[fault.kind]:
        raise ValueError(f"{fault.kind} cannot be told {', '.join(sorted(unknown))}")
    return fault
