"""What must hold of the history of a service and a warehouse. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Key = tuple[str, int]

INVOICES = "invoices"
LINES = "invoice_lines"


@dataclass(frozen=True)
class History:
    """What happened, as service and warehouse tell it; times are seconds of the epoch.

    Attributes:
        lines: Each booked invoice of the service, and the ids of its lines.
        marks: Every mark ever set, in order: invoice and time.
        marked: The invoices that are marked now.
        durable: When each row was first known to be durable, by stream and id.
    """

    lines: dict[int, frozenset[int]]
    marks: list[tuple[int, float]]
    marked: set[int]
    durable: dict[Key, float] = field(default_factory=dict)


def too_early(history: History) -> Iterator[str]:
    """Find marks that were set before their invoice and all its lines were durable."""
    for invoice, at in history.marks:
        needed = [(INVOICES, invoice), *((LINES, line) for line in history.lines[invoice])]
        for stream, row in needed:
            durable = history.durable.get((stream, row))
            if durable is None:
                yield f"invoice {invoice} is marked, and {row} of {stream} was never durable"
            elif durable > at:
                yield (
                    f"invoice {invoice} was marked {durable - at:.3f} s before {row} of "
                    f"{stream} was durable"
                )


def not_done(history: History) -> Iterator[str]:
    """Find booked invoices that are not loaded, lines and all, or not marked."""
    for invoice, lines in history.lines.items():
        if (INVOICES, invoice) not in history.durable:
            yield f"invoice {invoice} is not loaded"
        for line in sorted(lines):
            if (LINES, line) not in history.durable:
                yield f"line {line} of invoice {invoice} is not loaded"
        if invoice not in history.marked:
            yield f"invoice {invoice} is not marked"
