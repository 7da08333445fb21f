"""Counting invoices, so that the last line of a run balances."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from singer_sdk.metrics import Counter


class Tally:
    """What became of the invoices of a run; threads may share it.

    Attributes:
        drafts: Records flagged `non_booked`, which are never marked.
        left_alone: Invoices that were marked already and stayed as they were.
        marked: Invoices that were marked (with `dry_run`: would have been).
    """

    def __init__(self, metric: Counter) -> None:
        """Start at nothing; marks are counted in the SDK's metric too."""
        self._lock = threading.Lock()
        self._metric = metric
        self._refused: set[int] = set()
        self.drafts = self.left_alone = self.marked = 0

    def settle(self, count: int, refused: Collection[int]) -> None:
        """Count a batch, of which some may have been refused."""
        with self._lock:
            self.marked += count - len(refused)
            self._metric.increment(count - len(refused))
            self._refused.update(refused)

    def close(self) -> None:
        """Write the metric's last value."""
        self._metric.exit()

    @property
    def refused(self) -> frozenset[int]:
        """The ids that were refused."""
        with self._lock:
            return frozenset(self._refused)

    @property
    def settled(self) -> int:
        """How many were marked or refused."""
        with self._lock:
            return self.marked + len(self._refused)
