"""The result of a check, for people and for machines.

The document's schema is `docs/account-check.schema.json`. Neither form holds a customer's data
or a secret: names of columns, counts, times of day of the check, and the server's own words.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_invoices._shared import PLUGIN_NAME
from tap_invoices._shared.quantity import counted
from tap_invoices._shared.run_report import program_versions

from .finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

SCHEMA_VERSION = 1

_WIDTH = 80
_STATUS_WIDTH = 9
_NAME_WIDTH = 19


@dataclass(frozen=True)
class CheckReport:
    """The findings of all checks.

    Args:
        sections: The findings, by section and name; no name is in two sections.
        checked_at: When the check began.
        seconds: How long it took.
        requests: How many requests it sent.
    """

    sections: Mapping[str, Mapping[str, Finding]]
    checked_at: datetime
    seconds: float
    requests: int

    @property
    def findings(self) -> dict[str, Finding]:
        """All findings, by name."""
        return {name: each for part in self.sections.values() for name, each in part.items()}

    @property
    def problems(self) -> list[str]:
        """The names of the checks that found a problem."""
        return [name for name, each in self.findings.items() if each.status is Status.PROBLEM]

    def to_json(self) -> str:
        """Format it for machines."""
        findings = self.findings
        document = {
            "schema_version": SCHEMA_VERSION,
            "program": PLUGIN_NAME,
            "versions": program_versions(),
            "checked_at": self.checked_at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "requests": self.requests,
            "pending": findings["pending"].value,
            "oldest_pending_seconds": findings["oldest_pending"].value,
            "total": findings["total"].value,
            "recommended_page_size": findings["page_size"].value,
            "problems": self.problems,
            "checks": [
                {"section": section, "name": name} | vars(finding)
                for section, findings in self.sections.items()
                for name, finding in findings.items()
            ],
        }
        return json.dumps(document, indent=2)

    def to_text(self) -> str:
        """Format it as a table of 80 columns."""
        version = program_versions().get(PLUGIN_NAME, "")
        lines = [f"{PLUGIN_NAME} {version} --check, {self.checked_at:%Y-%m-%d %H:%M} UTC"]
        for section, findings in self.sections.items():
            lines += ["", section.upper()]
            rows = list(findings.items())
            if len({each.found for each in findings.values()}) == 1:  # failed for the same reason
                rows = [("(all)", rows[0][1])]
            lines += [line for name, finding in rows for line in _text_lines(name, finding)]
        return "\n".join([*lines, "", *self._summary()])

    def to_markdown(self) -> str:
        """Format it as a table in Markdown."""
        lines = ["| check | status | found | advice |", "| --- | --- | --- | --- |"]
        for name, each in self.findings.items():
            cells = (name, each.status, each.found, each.advice)
            lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
        return "\n".join([*lines, "", *self._summary()])

    def _summary(self) -> list[str]:
        findings = self.findings.values()
        unknown = sum(each.status is Status.UNKNOWN for each in findings)
        return [
            *textwrap.wrap(f"Problems: {', '.join(self.problems) or 'none'}", _WIDTH),
            f"Unknown: {unknown} of {len(findings)} checks",
            f"{counted(self.requests, 'request')} in {self.seconds:.1f} s; nothing was marked.",
        ]


def _text_lines(name: str, finding: Finding) -> Iterator[str]:
    is_problem = finding.status is Status.PROBLEM
    status = finding.status.upper() if is_problem else finding.status
    head = f"  {status:{_STATUS_WIDTH}}{name:{_NAME_WIDTH}}"
    indent = " " * len(head)
    yield from _wrap(finding.found, head, indent)
    if finding.advice:
        yield from _wrap(finding.advice, f"{indent}> ", f"{indent}  ")


def _wrap(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=others)
