"""What a check found, and how a check ends early."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Status(Enum):
    """Whether what the programs rely on holds."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        found: What was found, as a sentence.
        value: The same for machines; None if it is unknown.
        advice: What to do; empty if nothing is to be done.
        status: Whether what the programs rely on holds.
    """

    found: str
    value: Any = None
    advice: str = ""
    status: Status = Status.OK


def problem(found: str, advice: str, value: Any = None) -> Finding:  # noqa: ANN401 - JSON
    """Return a finding of what does not hold."""
    return Finding(found, value, advice, Status.PROBLEM)


class UncheckedError(Exception):
    """A check that cannot be made.

    Args:
        found: Why not, as a sentence.
        advice: What to do.
        status: What its status is then.
    """

    def __init__(self, found: str, advice: str = "", status: Status = Status.UNKNOWN) -> None:
        super().__init__(found)
        self.finding = Finding(found, None, advice, status)
