"""Writing one run's invoices and lines, with a STATE a page and words for a person."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tap_invoices import fast
from tap_invoices.ahead import Ahead
from tap_invoices.errors import TapError
from tap_invoices.general import GeneralWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.helpers.types import Record

    from tap_invoices.answers import Invoice
    from tap_invoices.run import Run
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
        self._general = GeneralWriter(invoices, lines)
        self._writer = fast.writer(invoices, lines, self._general.records) or self._general
        self._invoice_count = self._line_count = 0
        self._starts_anew = not tap.state
        self._began = self._logged = time.monotonic()

    def pages(self) -> Iterator[Sequence[Invoice]]:
        """Read the listing; the next page is asked for while one is in use."""
        self._tell_what_is_asked()
        try:
            for page in Ahead(self._run.pages()):
                self._write_first_state()
                yield page
                self._log_progress()
                self._tap.stopping.end_if_asked()
            self._run.progress.finish()
        except (SystemExit, TapError):  # a signal while a page was waited for, or no page
            self.write_last_state()
            raise

    def write(self, page: Sequence[Invoice]) -> None:
        """Write a page's invoices and their lines as RECORDs.

        A signal waits until those that are written at once are out, and then ends the
        run with a STATE that covers them.
        """
        at_once = self._writer.at_once
        for start in range(0, len(page), at_once):
            few = page[start : start + at_once]
            with self._tap.stopping.whole():
                self._note(few, self._writer.write(few))
            if self._tap.stopping.asked:
                self.write_last_state()
                self._tap.stopping.end_if_asked()
        sys.stdout.flush()

    def write_sample(self, limit: int) -> None:
        """Write the first few invoices and their STATE, for a test of the connection."""
        self._tell_what_is_asked()
        for page in self._run.pages():
            self.write(page[:limit])
            limit -= len(page)
            if limit <= 0:
                break
        self.write_last_state()

    def chunks(self, size: int) -> Iterator[tuple[list[Record], list[Record]]]:
        """Collect whole pages until they hold `size` invoices.

        Yields:
            Records of invoices, and those of all their lines.
        """
        invoices: list[Record] = []
        lines: list[Record] = []
        for page in self.pages():
            for listed in page:
                invoice, more = self._general.records(listed)
                invoices += [invoice] if invoice else []
                lines += more
                self._note([listed], [len(more)])
            if max(len(invoices), len(lines)) >= size:
                yield invoices, lines
                invoices, lines = [], []
        yield invoices, lines

    def write_state(self) -> None:
        """Write a STATE that covers all that was written, if it is worth its bytes."""
        if self._run.progress.is_due():
            self._write_state()

    def write_last_state(self) -> None:
        """Write the STATE that ends the run, unless the last page's did.

        There is none before the first answer: T is not known, and the given state stands.
        """
        if self._run.has_begun and not self._run.progress.is_told:
            self._write_state()

    def _write_first_state(self) -> None:
        """Write a STATE that says that nothing was written yet, where none was given.

        Some loaders take the first STATE that they hear for loaded, whatever is not.
        """
        if self._starts_anew:
            self._starts_anew = False
            self._write_state()

    def _write_state(self) -> None:
        with self._tap.stopping.whole():
            self._tap.write_bookmarks(self._run.progress.bookmarks())

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

    def _note(self, few: Sequence[Invoice], line_counts: Sequence[int]) -> None:
        wrote = self._run.progress.wrote
        for invoice, lines in zip(few, line_counts, strict=True):
            wrote(invoice.id, lines=lines, draft=bool(invoice.non_booked))
        more = len(few), sum(line_counts)
        self._invoice_count += more[0]
        self._line_count += more[1]
        for counter, number in zip(self._counters, more, strict=True):
            if counter:
                counter.increment(number)

    def _tell_what_is_asked(self) -> None:
        since = self._run.listing.since
        self._tap.logger.info(
            "Asking for invoices never exported to system %s%s.",
            self._tap.config["system_id"],
            f", or marked at or after {since} UTC" if since else "",
        )

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
