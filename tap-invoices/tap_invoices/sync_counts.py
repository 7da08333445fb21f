"""The counts of a run: what became of the invoices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_invoices._shared.quantity import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_invoices._shared.http import RequestStats
    from tap_invoices._shared.response import UndeliverableInvoice


_NO_REQUESTS = {"sent": 0, "retries": 0, "seconds": 0}


@dataclass
class SyncCounts:
    """What became of the invoices of a run: all messages and figures are derived from it.

    Attributes:
        delivered: How many invoices were delivered, drafts included.
        drafts: How many of them are drafts.
        lines: How many lines were delivered.
        skipped: How many invoices were listed that the run before had delivered.
        undeliverable: Those that could not be delivered, in order.
        stats: Requests of the run.
        next_since: T of the next run, once it is known.
        last_state: The newest STATE that was emitted.
    """

    delivered: int = 0
    drafts: int = 0
    lines: int = 0
    skipped: int = 0
    undeliverable: list[UndeliverableInvoice] = field(default_factory=list)
    stats: RequestStats | None = None
    next_since: str | None = None
    last_state: Mapping[str, Any] | None = None

    def report(self) -> dict[str, Any]:
        """Return the tap's part of the run report."""
        return {
            "counts": {
                "delivered": self.delivered,
                "drafts": self.drafts,
                "lines": self.lines,
                "skipped": self.skipped,
                "undeliverable": len(self.undeliverable),
            },
            "requests": self.stats.to_json() if self.stats else _NO_REQUESTS,
            "undeliverable": [
                {"id": invoice.id, "reason": invoice.reason} for invoice in self.undeliverable
            ],
            "last_state": self.last_state,
        }

    def summary(self) -> str:
        """Return the figures in a sentence."""
        requests = self.report()["requests"]
        return (
            f"Delivered {counted(self.delivered, 'invoice')} with {counted(self.lines, 'line')}; "
            f"skipped {self.skipped} that the last run had delivered; "
            f"{len(self.undeliverable)} cannot be delivered; "
            f"{counted(requests['sent'], 'request')}, {requests['retries']} of them retried."
        )
