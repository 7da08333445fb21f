"""The counts of a run: what became of each invoice, counted here and nowhere else."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from itertools import islice
from typing import Literal

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.id_ranges import IdRanges
from target_invoices_ack._shared.quantity import counted

MAX_LOGGED = 50
"""Rejected invoices that are named in a line each; the others are named in ranges."""

CountName = Literal[
    "received",  # invoices that came and can be marked
    "confirmed",  # those of them that are known to be loaded
    "already_exported",  # confirmed invoices that were left as they were
    "marked",  # confirmed invoices that were marked, or would be (`dry_run`)
    "drafts",  # records that are flagged as drafts
]

_logger = logging.getLogger(PLUGIN_NAME)


class RunCounts:
    """Counts invoices as they pass from one state to the next; threads may share it.

    The same invoice is counted once, however often it comes; drafts are counted as records.

    Attributes:
        rejected: The confirmed invoices that the API rejects, each with the reason.
        unmarkable: Invoices whose id cannot be marked, by reason.
    """

    def __init__(self) -> None:
        self.rejected: dict[int, str] = {}
        self.unmarkable: Counter[str] = Counter()
        self._counter: Counter[CountName] = Counter()
        self._rejected_ids = IdRanges()
        self._logged_rejections = 0
        self._lock = threading.Lock()

    def __getitem__(self, name: CountName) -> int:
        """Return how many invoices were added under a name."""
        return self._counter[name]

    def add(self, name: CountName, count: int = 1) -> None:
        """Count invoices under a name."""
        with self._lock:
            self._counter[name] += count

    def add_unmarkable(self, reason: str) -> None:
        """Count an invoice whose id cannot be marked."""
        with self._lock:
            self.unmarkable[reason] += 1
            is_new = self.unmarkable[reason] == 1 and len(self.unmarkable) <= MAX_LOGGED
        if is_new:
            _logger.error("An invoice cannot be marked: %s. Check stream and id_property.", reason)

    def add_rejected(self, invoice_id: int, reason: str) -> None:
        """Count an invoice that the API rejects."""
        with self._lock:
            self.rejected[invoice_id] = reason
            self._rejected_ids.add(invoice_id)

    def log_rejected(self) -> None:
        """Log the invoices that were rejected since the last call, up to `MAX_LOGGED` in all."""
        with self._lock:
            new = list(islice(self.rejected.items(), self._logged_rejections, MAX_LOGGED))
            self._logged_rejections += len(new)
        for invoice_id, reason in new:
            _logger.error("Invoice %d is rejected and stays unmarked: %s", invoice_id, reason)

    @property
    def rejected_ids(self) -> IdRanges:
        """The ids that the API rejects."""
        with self._lock:
            return self._rejected_ids.copy()

    @property
    def has_rejected(self) -> bool:
        """Whether an invoice stays unmarked because of itself."""
        return bool(self.rejected or self.unmarkable)

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name; `received` is the sum of all but `confirmed`."""
        with self._lock:
            unmarkable = self.unmarkable.total()
            return {
                "received": self["received"] + unmarkable + self["drafts"],
                "confirmed": self["confirmed"],
                "marked": self["marked"],
                "unconfirmed": self.unconfirmed,
                "rejected": len(self.rejected) + unmarkable,
                "drafts": self["drafts"],
                "already_exported": self["already_exported"],
                "not_marked": self.not_marked,
            }

    def rejections(self) -> list[dict[str, object]]:
        """Return the rejected invoices, with reasons; those that cannot be marked by reason."""
        with self._lock:
            unmarkable: list[dict[str, object]] = [
                {"id": None, "reason": reason, "count": count}
                for reason, count in self.unmarkable.items()
            ]
            return [
                *({"id": each, "reason": reason} for each, reason in sorted(self.rejected.items())),
                *unmarkable,
            ]

    @property
    def unconfirmed(self) -> int:
        """Invoices that are not known to be loaded."""
        return self["received"] - self["confirmed"]

    @property
    def not_marked(self) -> int:
        """Invoices that are known to be loaded and were neither marked nor rejected."""
        finished = self["already_exported"] + self["marked"] + len(self.rejected)
        return self["confirmed"] - finished

    def summary(self, *, is_dry_run: bool = False, skips_exported: bool = False) -> str:
        """Return the last line of a run; its parts add up to what was received."""
        counts = self.as_dict()
        shown = [
            f"{counts['marked']} {'would be marked' if is_dry_run else 'marked'}",
            f"{counts['unconfirmed']} not confirmed",
            f"{counts['rejected']} rejected",
            counted(counts["drafts"], "draft"),
        ]
        if skips_exported:
            shown.append(f"{counts['already_exported']} exported already")
        if counts["not_marked"]:
            shown.append(f"{counts['not_marked']} confirmed but not marked")
        return f"Received {counts['received']} = {' + '.join(shown)}."
