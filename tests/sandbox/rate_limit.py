"""Throttling as Laravel does it: so many requests from the first one on, until a time is over."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass
class RateLimiter:
    """Counts the requests of one client."""

    _count: int = 0
    _ends: float = 0.0

    def count(self, most: int, seconds: float) -> tuple[int, int]:
        """Count a request.

        Args:
            most: Requests that are let through.
            seconds: How long they count.

        Returns:
            How many requests are left, and after how many seconds to try again: 0 for a request
            that is let through.
        """
        now = time.monotonic()
        if now >= self._ends:
            self._count, self._ends = 0, now + seconds
        self._count += 1
        wait = math.ceil(self._ends - now) if self._count > most else 0
        return max(most - self._count, 0), wait
