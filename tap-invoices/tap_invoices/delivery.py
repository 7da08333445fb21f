"""Writing one run's invoices and lines, with a STATE a page and words for a person."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tap_invoices.records import invoice_own, line_own
from tap_invoices.schema import LINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

    from tap_invoices.run import Listed, Run
    from tap_invoices.streams import InvoiceLines, Invoices
    from tap_invoices.tap import TapInvoices

_LOG_EVERY = 10.0  # seconds


class Delivery:
    """One run's way out: records of the selected streams, then STATE."""

    def __init__(
        self,
        tap: TapInvoices,
        run: Run,
        invoices: Invoices | None,
        lines: InvoiceLines | None,
    ) -> None:
        """Prepare both streams.

        Args:
            tap: The tap.
            run: What to read.
            invoices: The invoices' stream, if it is selected.
            lines: The lines' stream, if it is selected.
        """
        self._tap = tap
        self._run = run
        self._invoices = invoices
        self.lines = lines
        self._shape_invoice = invoices.shaper() if invoices else None
        self._shape_line = lines.shaper() if lines else None
        self._invoice_count = self._line_count = 0
        self._state_is_written = False
        self._began = self._logged = time.monotonic()

    def pages(self) -> Iterator[Iterator[tuple[int, Listed]]]:
        """Read the listing; invoices are numbered from 0."""
        since = self._run.listing.since
        self._tap.logger.info(
            "Asking for invoices never exported to system %s%s.",
            self._tap.config["system_id"],
            f", or marked at or after {since} UTC" if since else "",
        )
        number = 0
        for page in self._run.pages():
            yield enumerate(page, number)
            number += len(page)
            self._log_progress()

    def write(self, listed: Listed) -> None:
        """Write an invoice and its lines as RECORDs; a signal waits until they are out."""
        with self._tap.stopping.whole():
            invoice, lines = self._records(listed)
            if self._invoices and invoice:
                self._invoices.write(invoice)
            if self.lines:
                for line in lines:
                    self.lines.write(line)
            self._note(listed, len(lines))
        if self._tap.stopping.asked:
            self.write_last_state()
            self._tap.stopping.end_if_asked()

    def chunks(self, size: int) -> Iterator[tuple[list[Record], list[Record]]]:
        """Collect whole pages until they hold `size` invoices.

        Yields:
            Records of invoices, and those of all their lines.
        """
        invoices: list[Record] = []
        lines: list[Record] = []
        for page in self.pages():
            for _, listed in page:
                invoice, more = self._records(listed)
                invoices += [invoice] if invoice else []
                lines += more
                self._note(listed, len(more))
            if max(len(invoices), len(lines)) >= size:
                yield invoices, lines
                invoices, lines = [], []
        yield invoices, lines

    def write_state(self) -> None:
        """Write a STATE that covers all that was written, if it is worth its bytes."""
        if self._run.progress.is_due():
            self._write_state()

    def write_last_state(self) -> None:
        """Write the STATE that ends the run, unless the last page's did."""
        if not self._state_is_written:
            self._write_state()

    def _write_state(self) -> None:
        self._tap.write_bookmarks(self._run.progress.bookmarks())
        self._state_is_written = True

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count records in the SDK's metrics."""
        with ExitStack() as stack:
            self._counters = [
                stack.enter_context(stream.get_record_counter()) if stream else None
                for stream in (self._invoices, self.lines)
            ]
            yield

    def sum_up(self) -> None:
        """Tell what was delivered and what the next run will ask."""
        progress = self._run.progress
        self._tap.logger.info(
            "Delivered %d invoices with %d lines; skipped %d that the last run had delivered; "
            "%d requests. %s",
            self._invoice_count,
            self._line_count,
            progress.skipped,
            self._tap.client.requests,
            f"The next run asks from {progress.next_since}."
            if progress.next_since
            else "No bookmark is kept in a full-table run.",
        )

    def _records(self, listed: Listed) -> tuple[Record | None, list[Record]]:
        source = listed.invoice.decoded()
        lines = source.get(LINES)
        if lines is None or isinstance(lines, list):
            source.pop(LINES, None)
        invoice = None
        if self._shape_invoice:
            own = invoice_own(source, non_booked=listed.non_booked)
            invoice = self._shape_invoice.shape(source, own)
        if not (self._shape_line and isinstance(lines, list)):
            return invoice, []
        shape, invoice_id = self._shape_line.shape, source["id"]
        return invoice, [shape(line, line_own(line, invoice_id)) for line in lines]

    def _note(self, listed: Listed, lines: int) -> None:
        self._run.progress.wrote(
            listed.invoice.id,
            lines=lines,
            draft=bool(listed.non_booked),
        )
        self._state_is_written = False
        self._invoice_count += 1
        self._line_count += lines
        for counter, more in zip(self._counters, (1, lines), strict=True):
            if counter:
                counter.increment(more)

    def _log_progress(self) -> None:
        now = time.monotonic()
        if now - self._logged >= _LOG_EVERY:
            self._logged = now
            rate = (self._invoice_count + self._line_count) / (now - self._began)
            self._tap.logger.info(
                "%d invoices and %d lines so far, %.0f records a second.",
                self._invoice_count,
                self._line_count,
                rate,
            )
