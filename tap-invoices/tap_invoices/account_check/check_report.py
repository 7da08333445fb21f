"""The result of a check, for people and for machines.

The document's schema is `docs/account-check.schema.json`. Neither form holds a customer's data
or a secret: names of columns, counts, times of day of the check, and the server's own words.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from tap_invoices._shared import PLUGIN_NAME
from tap_invoices._shared.quantity import counted
from tap_invoices._shared.redact import clean
from tap_invoices._shared.run_report import program_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

SCHEMA_VERSION = 1

_WIDTH = 80
_STATUS_WIDTH = 9
_NAME_WIDTH = 19


class Status(Enum):
    """Whether what the programs rely on holds."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Args:
        name: Its name, which does not change between versions.
        status: Whether what the programs rely on holds.
        found: What was found, as a sentence.
        advice: What to do; empty if nothing is to be done.
        value: What was found, for machines; None if that is unknown.
    """

    name: str
    status: Status
    found: str
    advice: str = ""
    value: Any = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.name,
            "status": self.status.value,
            "found": clean(self.found),
            "advice": clean(self.advice),
            "value": self.value,
        }


def ok(name: str, found: str, value: Any = None, advice: str = "") -> Check:  # noqa: ANN401 - JSON
    """Return a check of what holds."""
    return Check(name, Status.OK, found, advice, value)


def problem(name: str, found: str, advice: str, value: Any = None) -> Check:  # noqa: ANN401 - JSON
    """Return a check of what does not hold."""
    return Check(name, Status.PROBLEM, found, advice, value)


def unknown(name: str, found: str, advice: str = "") -> Check:
    """Return a check that has found nothing out."""
    return Check(name, Status.UNKNOWN, found, advice)


@dataclass(frozen=True)
class CheckReport:
    """The results of all checks.

    Args:
        sections: The checks, by the title of their section.
        checked_at: When the check began.
        seconds: How long it took.
        requests: How many requests it sent.
    """

    sections: Mapping[str, Sequence[Check]]
    checked_at: datetime
    seconds: float
    requests: int

    @property
    def checks(self) -> list[Check]:
        """All checks."""
        return [check for checks in self.sections.values() for check in checks]

    @property
    def problems(self) -> list[str]:
        """The names of the checks that found a problem."""
        return [each.name for each in self.checks if each.status is Status.PROBLEM]

    def to_json(self) -> str:
        """Format it for machines."""
        values = {each.name: each.value for each in self.checks}
        document = {
            "schema_version": SCHEMA_VERSION,
            "program": PLUGIN_NAME,
            "versions": program_versions(),
            "checked_at": self.checked_at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "requests": self.requests,
            "pending": values["pending"],
            "oldest_pending_seconds": values["oldest_pending"],
            "total": values["total"],
            "recommended_page_size": values["page_size"],
            "problems": self.problems,
            "checks": [
                {"section": title} | each.to_json()
                for title, checks in self.sections.items()
                for each in checks
            ],
        }
        return json.dumps(document, indent=2)

    def to_text(self) -> str:
        """Format it as a table of 80 columns."""
        version = program_versions().get(PLUGIN_NAME, "")
        lines = [f"{PLUGIN_NAME} {version} --check, {self.checked_at:%Y-%m-%d %H:%M} UTC"]
        for title, checks in self.sections.items():
            lines += ["", title.upper()]
            if len({each.found for each in checks}) == 1:  # they failed for the same reason
                checks = [replace(checks[0], name="(all)")]  # noqa: PLW2901
            lines += [line for each in checks for line in _rows(each)]
        return "\n".join([*lines, "", *self._summary()])

    def to_markdown(self) -> str:
        """Format it as a table in Markdown."""
        lines = ["| check | status | found | advice |", "| --- | --- | --- | --- |"]
        for each in self.checks:
            cells = (each.name, each.status.value, clean(each.found), clean(each.advice))
            lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
        return "\n".join([*lines, "", *self._summary()])

    def _summary(self) -> list[str]:
        unknown = sum(each.status is Status.UNKNOWN for each in self.checks)
        return [
            *textwrap.wrap(f"Problems: {', '.join(self.problems) or 'none'}", _WIDTH),
            f"Unknown: {unknown} of {len(self.checks)} checks",
            f"{counted(self.requests, 'request')} in {self.seconds:.1f} s; nothing was marked.",
        ]


def _rows(check: Check) -> Iterator[str]:
    status = check.status.value
    if check.status is Status.PROBLEM:
        status = status.upper()
    head = f"  {status:{_STATUS_WIDTH}}{check.name:{_NAME_WIDTH}}"
    yield from _wrap(check.found, head, " " * len(head))
    if check.advice:
        indent = " " * len(head)
        yield from _wrap(check.advice, f"{indent}> ", f"{indent}  ")


def _wrap(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(clean(text), _WIDTH, initial_indent=first, subsequent_indent=others)
