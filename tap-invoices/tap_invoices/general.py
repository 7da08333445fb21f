"""The general path: record by record, through the SDK's selection, maps and flattening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_invoices.records import invoice_own, line_own
from tap_invoices.schema import LINES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Record

    from tap_invoices.answers import Invoice
    from tap_invoices.streams import InvoiceLines, Invoices


class GeneralWriter:
    """Writes an invoice's record and then those of its lines."""

    at_once = 1
    """Invoices: what a signal waits for."""

    def __init__(self, invoices: Invoices | None, lines: InvoiceLines | None) -> None:
        """Prepare both streams.

        Args:
            invoices: The invoices' stream, if it is selected.
            lines: The lines' stream, if it is selected.
        """
        self._invoices = invoices
        self._lines = lines
        self._shape_invoice = invoices.shaper() if invoices else None
        self._shape_line = lines.shaper() if lines else None

    def write(self, few: Iterable[Invoice]) -> list[int]:
        """Write some invoices and their lines.

        Returns:
            How many lines each had.
        """
        counts = []
        for listed in few:
            invoice, lines = self.records(listed)
            if self._invoices and invoice:
                self._invoices.write(invoice)
            if self._lines:
                for line in lines:
                    self._lines.write(line)
            counts.append(len(lines))
        return counts

    def records(self, listed: Invoice) -> tuple[Record | None, list[Record]]:
        """Make the records of an invoice and of its lines, those of selected streams."""
        source = listed.decoded()
        lines = source.get(LINES)
        if lines is None or isinstance(lines, list):
            source.pop(LINES, None)
        invoice = None
        if self._shape_invoice:
            own = invoice_own(source, non_booked=listed.non_booked)
            invoice = self._shape_invoice.shape(source, own)
        if not (self._shape_line and isinstance(lines, list)):
            return invoice, []
        shape, invoice_id = self._shape_line.shape, listed.id
        return invoice, [shape(line, line_own(line, invoice_id)) for line in lines]
