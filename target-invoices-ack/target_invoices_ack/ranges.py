"""Ids as ranges, for people."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def to_ranges(ids: Iterable[int]) -> str:
    """Write ids in ascending order, neighbours as a range: `1..250, 260`."""
    runs = [
        [each for _, each in run]
        for _, run in groupby(enumerate(sorted(set(ids))), lambda pair: pair[1] - pair[0])
    ]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs)
