"""What happens in a round: decided by a seed, so that it can be decided again."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass, field
from typing import Any

from e2e.chaos.pipeline_process import PROCESSES

MOMENTS = ("start", "listed", "loaded", "marked")
"""What a signal waits for, before its delay."""

_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class PlannedSignal:
    """A signal to one of the processes, or to all.

    Attributes:
        whom: One of `PROCESSES`.
        signum: The signal.
        moment: One of `MOMENTS`.
        delay: Seconds after it.
    """

    whom: str
    signum: signal.Signals
    moment: str
    delay: float

    def __str__(self) -> str:
        """Tell it in a few words."""
        return f"{self.signum.name} to {self.whom} {self.delay:.2f} s after {self.moment}"


@dataclass(frozen=True)
class Round:
    """What happens in a round.

    Attributes:
        add: Invoices that are booked before it.
        add_drafts: Drafts that are written before it.
        book: Whether all drafts are booked before it.
        lose_marks: How many marks are lost before it.
        add_while_listing: Invoices that are booked right after the first listing request.
        full_refresh: Whether it starts without a state, the new one being merged.
        tap: Settings of the tap.
        target: Settings of the target.
        faults: What the service does wrong.
        signals: Signals, in order.
    """

    add: int = 0
    add_drafts: int = 0
    book: bool = False
    lose_marks: int = 0
    add_while_listing: int = 0
    full_refresh: bool = False
    tap: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    signals: list[PlannedSignal] = field(default_factory=list)


def decide(seed: int, number: int) -> tuple[Round, random.Random]:
    """Decide a round; the generator that is returned decides what else there is to."""
    choose = random.Random(f"{seed}/{number}")
    decided = Round(
        add=choose.choice((5, 15, 40, 90)),
        add_drafts=choose.choice((0, 0, 2)),
        book=choose.random() < 0.3,
        lose_marks=choose.choice((0, 0, 0, 1, 5)),
        add_while_listing=choose.choice((0, 0, 4)),
        full_refresh=choose.random() < 0.25,
        tap={
            "page_size": choose.choice((0, 1, 5, 20)),
            "include_non_booked": choose.random() < 0.3,
        },
        target={
            "max_parallel_requests": choose.choice((1, 4, 8)),
            "confirm": choose.choice(("state", "state", "state", "exit")),
            "skip_exported": choose.random() < 0.1,
        },
        faults=[_fault(choose) for _ in range(choose.choice((0, 1, 2, 4)))],
        signals=_signals(choose),
    )
    return decided, choose


def _signals(choose: random.Random) -> list[PlannedSignal]:
    signals = [
        PlannedSignal(
            whom=choose.choice(PROCESSES),
            signum=choose.choice(_SIGNALS),
            moment=choose.choice(MOMENTS),
            delay=choose.choice((0.0, choose.uniform(0, 0.1), choose.uniform(0, 0.6))),
        )
        for _ in range(choose.choice((0, 1, 1, 1, 1, 2)))
    ]
    return sorted(signals, key=lambda each: MOMENTS.index(each.moment))


def _fault(choose: random.Random) -> dict[str, Any]:
    few = {"times": choose.randint(1, 2), "skip": choose.randint(0, 4)}
    return choose.choice(
        (
            {"kind": "status", "status": choose.choice((500, 502, 503)), "on": "any"} | few,
            {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "on": "any"} | few,
            {"kind": "cut", "at": choose.random(), "framing": "length", "on": "export"} | few,
            {"kind": "cut", "at": choose.random(), "framing": "chunked", "on": "export"} | few,
            {"kind": "lost_answer", "on": "mark"} | few,
            {"kind": "close", "on": "any"} | few,
            {"kind": "latency", "seconds": 0.2, "on": "mark", "times": 20},
            {"kind": "latency", "seconds": 0.05, "on": "export", "times": 20},
        )
    )
