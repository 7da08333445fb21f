"""All invoices of a system as a few hundred cells, each for some neighbouring ids."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_CELLS = 400


def count_cells(
    booked: Iterable[int], marked: Iterable[int], rejected: Iterable[int]
) -> dict[str, Any]:
    """Count invoices by cell.

    Args:
        booked: The ids of all booked invoices.
        marked: Those of them that are marked.
        rejected: Those whose mark the API rejects.

    Returns:
        `size`, how many ids make a cell, and `cells`, for each that has an invoice how many of
        them are booked, marked and rejected.
    """
    ids = list(booked)
    first, last = min(ids, default=0), max(ids, default=0)
    size = (last - first) // MOST_CELLS + 1

    def count(some: Iterable[int]) -> Counter[int]:
        return Counter([(invoice_id - first) // size for invoice_id in some])

    totals, *parts = count(ids), count(marked), count(rejected)
    cells = [[totals[cell], *(part[cell] for part in parts)] for cell in sorted(totals)]
    return {"size": size, "cells": cells}
