"""The account of a run: what became of the invoices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_invoices._shared.http import RequestStats
    from tap_invoices._shared.response import UndeliverableInvoice


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 invoice`, `2 invoices`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass
class SyncAccount:
    """What became of the invoices of a run: all messages and figures are derived from it.

    Attributes:
        invoices: How many were delivered, drafts included.
        drafts: How many of them are drafts.
        lines: How many lines were delivered.
        skipped: How many were listed that the run before had delivered.
        undeliverable: Those that could not be delivered, in order.
        stats: Requests of the run.
        next_since: T of the next run, once it is known.
    """

    invoices: int = 0
    drafts: int = 0
    lines: int = 0
    skipped: int = 0
    undeliverable: list[UndeliverableInvoice] = field(default_factory=list)
    stats: RequestStats | None = None
    next_since: str | None = None

    def counts(self) -> dict[str, int]:
        """Return the figures by name."""
        return {
            "invoices": self.invoices,
            "drafts": self.drafts,
            "invoice_lines": self.lines,
            "skipped": self.skipped,
            "undeliverable": len(self.undeliverable),
            "requests": self.stats.sent if self.stats else 0,
            "retries": self.stats.retries if self.stats else 0,
        }

    def report(self) -> dict[str, Any]:
        """Return the program's part of the run report."""
        return {
            "counts": self.counts(),
            "undeliverable": [
                {"invoice_id": each.id, "reason": each.reason} for each in self.undeliverable
            ],
            "seconds_waiting_for_api": round(self.stats.seconds, 3) if self.stats else 0.0,
            "next_since": self.next_since,
        }

    def summary(self) -> str:
        """Return the figures in a sentence."""
        counts = self.counts()
        return (
            f"Delivered {counted(self.invoices, 'invoice')} with {counted(self.lines, 'line')}; "
            f"skipped {self.skipped} that the last run had delivered; "
            f"{len(self.undeliverable)} cannot be delivered; "
            f"{counted(counts['requests'], 'request')}, {counts['retries']} of them retries."
        )
