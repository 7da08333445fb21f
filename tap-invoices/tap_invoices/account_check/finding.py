"""What a check found, and how a check ends early."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Whether what the programs rely on holds."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """The result of one check, with the members that it has in the report.

    Args:
        status: Whether what the programs rely on holds.
        found: What was found, as a sentence.
        advice: What to do; empty if nothing is to be done.
        value: What was found, for machines; None if that is unknown.
    """

    status: Status
    found: str
    advice: str = ""
    value: Any = None


def ok(found: str, value: Any, advice: str = "") -> Finding:  # noqa: ANN401 - JSON
    """Return a finding of what holds."""
    return Finding(Status.OK, found, advice, value)


def problem(found: str, advice: str, value: Any = None) -> Finding:  # noqa: ANN401 - JSON
    """Return a finding of what does not hold."""
    return Finding(Status.PROBLEM, found, advice, value)


class Unchecked(Exception):  # noqa: N818 - no error of the program
    """A check that cannot be made.

    Args:
        found: Why not, as a sentence.
        advice: What to do.
        status: What its status is then.
    """

    def __init__(self, found: str, advice: str = "", status: Status = Status.UNKNOWN) -> None:
        super().__init__(found)
        self.finding = Finding(status, found, advice)
