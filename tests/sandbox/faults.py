"""What the service was told to do wrong, request by request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """One way to fail.

    Attributes:
        kind: `status`, `latency`, `cut`, `close`, `lost_answer`, `refuse_ids`, `body`.
        on: `export`, `mark` or `any`.
        times: How often; None for always.
        skip: How many requests come through first.
        detail: What the kind needs: status, body, headers, seconds, ids.
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
    """Read a fault from JSON."""
    known = {"kind", "on", "times", "skip"}
    detail = {name: value for name, value in rule.items() if name not in known}
    given = {name: value for name, value in rule.items() if name in known}
    return Fault(**given, detail=detail)
