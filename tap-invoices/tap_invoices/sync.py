"""One sync: reads the list, writes invoices with their lines, and a STATE after every page."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_invoices._shared import PLUGIN_NAME, times
from tap_invoices._shared.errors import PluginError
from tap_invoices._shared.id_ranges import IdRanges, format_ids
from tap_invoices._shared.listing import ExportQuery, Page, PageRequest
from tap_invoices._shared.pagination import iter_pages
from tap_invoices._shared.quantity import counted
from tap_invoices._shared.redact import shorten
from tap_invoices._shared.response import RawInvoice, UndeliverableInvoice
from tap_invoices.bookmark import Bookmark, Progress
from tap_invoices.prefetch import prefetch
from tap_invoices.settings import filters_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_invoices._shared.listing import ExportClient
    from tap_invoices._shared.response import Row
    from tap_invoices.records.stream_output import RecordWriter
    from tap_invoices.shutdown import SignalGuard
    from tap_invoices.sync_counts import SyncCounts

    Rows: TypeAlias = list[Row]

WriteBookmarks: TypeAlias = Callable[[dict[str, dict[str, Any]]], None]
Count: TypeAlias = Callable[[int, int], None]
"""Is called with numbers of invoices and lines that were written."""

_LOG_INTERVAL_S = 10.0
_MAX_NAMED = 20
_MAX_IDS_LENGTH = 300

_HOW_TO_LOAD_ALL = (
    "There is no bookmark and no start_date, so invoices that are marked as exported are not "
    "loaded again. To load everything, set start_date to 1970-01-01, for example with "
    "TAP_INVOICES_START_DATE=1970-01-01."
)

_logger = logging.getLogger(PLUGIN_NAME)


@dataclass(frozen=True)
class SyncOptions:
    """What to read.

    Args:
        config: The tap's settings, which have been validated.
        is_full_table: Whether to read the API's own pending list, whatever the bookmark is.
        has_lines: Whether to deliver lines.
    """

    config: Mapping[str, Any]
    is_full_table: bool
    has_lines: bool


class ExportReader:
    """Reads the list, from one fixed `not_exported_since`, to its end.

    Args:
        client: Sends the requests.
        options: What to read.
        bookmark: What the state says.
        counts: Counts what becomes of the invoices.
        process_started: When the program started, by the monotonic clock.

    Attributes:
        counts: As given.
        is_first_run: Whether there was no state.
        progress: What was delivered, and what the next run needs to know.
        has_response: Whether a list was received: what a STATE says is known only then.
    """

    def __init__(
        self,
        client: ExportClient,
        options: SyncOptions,
        bookmark: Bookmark,
        counts: SyncCounts,
        process_started: float,
    ) -> None:
        self._client = client
        self._is_full_table = options.is_full_table
        self._has_lines = options.has_lines
        self._config = options.config
        self.counts = counts
        self.is_first_run = bookmark == Bookmark()
        self._process_started = process_started
        self._next_since_time: datetime | None = None
        self.has_response = False
        start_date = self._config.get("start_date")
        self._since = None if options.is_full_table else bookmark.since or start_date
        if options.is_full_table:
            bookmark = Bookmark(sequence=bookmark.sequence)
        is_replay = bookmark.is_replay or bookmark.since is None
        stream_maps = self._config.get("stream_maps") or {}
        self.progress = Progress(
            bookmark,
            system_id=self._config["system_id"],
            has_lines=options.has_lines and not filters_lines(stream_maps),
            replay=self._since if is_replay else None,
        )

    def start(self) -> ExportQuery:
        """Decide which list to read.

        Raises:
            PluginError: The server's clock is needed, and the API does not respond.
        """
        config = self._config
        filter_groups = tuple(config.get("filter_groups") or ())
        query = ExportQuery(lines=self._has_lines, filter_groups=filter_groups)
        pending = f"the invoices that are pending for system {config['system_id']}"
        if self._is_full_table:
            _logger.info("Requesting %s.", pending)
            return query
        if self._since:
            since = times.format_for_api(self._since)
            _logger.info("Requesting %s, or were marked at or after %s UTC.", pending, since)
            return replace(query, since=since)
        _logger.info("Requesting %s. %s", pending, _HOW_TO_LOAD_ALL)
        requested_at = time.monotonic()
        is_limited = config["page_size"] > 0
        now = self._client.read_server_time(is_limited=is_limited) or datetime.now(UTC)
        self._set_next_since(now, requested_at)
        return replace(query, since=times.format_for_api(now.isoformat()))

    def iter_pages(self, query: ExportQuery) -> Iterator[Rows]:
        """Read the list: booked invoices first, then the drafts.

        Pages are read ahead of what is written, so nothing is recorded here as delivered.

        Yields:
            What to deliver of each response; it may be nothing.

        Raises:
            PluginError: The API rejects a request, stays unreachable, or sends something else.
        """
        seen = IdRanges()
        without_id = 0
        for rows in self._iter_rows(query, seen):
            without_id += sum(row.id is None for row in rows)
            yield self._without_delivered(rows)
        if self._config["include_non_booked"]:
            yield from self._iter_drafts(query, seen, without_id)

    def _iter_drafts(self, query: ExportQuery, seen: IdRanges, without_id: int) -> Iterator[Rows]:
        """Read the list of booked invoices and drafts; yields what was not seen.

        Rows without an id cannot be told apart: as many as the list of booked invoices had
        are taken for the same ones.
        """
        for rows in self._iter_rows(replace(query, drafts=True), seen):
            drafts = []
            for row in rows:
                if row.id is None and without_id:
                    without_id -= 1
                    continue
                if isinstance(row, RawInvoice):
                    row.non_booked = True
                drafts.append(row)
            yield drafts

    def _iter_rows(self, query: ExportQuery, seen: IdRanges) -> Iterator[Rows]:
        return iter_pages(partial(self._fetch, query), self._config["page_size"], seen)

    def _without_delivered(self, rows: Rows) -> Rows:
        should_deliver = self.progress.should_deliver
        kept = [row for row in rows if row.id is None or should_deliver(row.id)]
        self.counts.skipped += len(rows) - len(kept)
        return kept

    def _fetch(self, query: ExportQuery, request: PageRequest) -> Page:
        page = self._client.fetch(query, request)
        if self._next_since_time is None:
            self._set_next_since(page.server_time or datetime.now(UTC), page.requested_at)
        self.has_response = True
        return page

    def _set_next_since(self, now: datetime, requested_at: float) -> None:
        """Set T: the server's time, or the next second if the program is not a second old.

        T has whole seconds, as `Date` has. A mark that the run before set in the second of T
        is "at or after" T, so the next run would deliver its invoice again. All those marks
        are older than this program, and so older than the next second.
        """
        is_young = requested_at < self._process_started + 1
        self._next_since_time = now + timedelta(seconds=1) if is_young else now
        if not self._is_full_table:
            since = times.format_bookmark(self._next_since_time)
            self.progress.next_since = self.counts.next_since = since


class Sync:
    """Delivers the invoices that the reader finds.

    Args:
        reader: Reads the list.
        writer: Writes invoices and their lines.
        write_bookmarks: Writes a STATE with these bookmarks.
        guard: Defers signals while invoices are written.
        count: Counts for the SDK's metrics.
    """

    def __init__(
        self,
        reader: ExportReader,
        writer: RecordWriter,
        write_bookmarks: WriteBookmarks,
        guard: SignalGuard,
        count: Count,
    ) -> None:
        self._reader = reader
        self._progress = reader.progress
        self._writer = writer
        self._write_bookmarks = write_bookmarks
        self._guard = guard
        self._counts = reader.counts
        self._count = count
        self._needs_first_state = reader.is_first_run
        self._run_started_at = self._logged_at = time.monotonic()

    def run(self, limit: int | None = None) -> None:
        """Deliver everything.

        Args:
            limit: How many invoices at most, for a test of the connection.

        Raises:
            PluginError: The API rejects a request, stays unreachable, or sends something
                else; or an invoice could not be delivered, and all others were.
            SystemExit: A signal came.
        """
        try:
            self._deliver(limit)
        except (SystemExit, PluginError):
            self._write_last_state()
            raise
        finally:
            self._log_summary()
        if self._counts.undeliverable:
            raise PluginError(_describe_undeliverable(self._counts.undeliverable))

    def _deliver(self, limit: int | None) -> None:
        query = self._reader.start()
        pages = self._reader.iter_pages(query)
        for page in pages if limit else prefetch(pages):
            self._write_first_state()
            self._write_page(page[: limit and limit - self._counts.delivered])
            if limit and self._counts.delivered >= limit:
                break
            if self._flush() and self._progress.should_emit():
                self._write_state()
            self._log_progress()
            self._guard.exit_if_requested()
        else:
            self._flush(force=True)
            if not self._counts.undeliverable:
                self._progress.complete()
        self._write_last_state()

    def _flush(self, *, force: bool = False) -> bool:
        with self._guard.deferred():  # batch files of all streams, or of none
            return self._writer.flush(force=force)

    def _write_page(self, page: Sequence[Row]) -> None:
        """Write a page; a signal waits until the invoices that are written at once are out."""
        invoices = [row for row in page if isinstance(row, RawInvoice)]
        self._report([row for row in page if isinstance(row, UndeliverableInvoice)])
        for start in range(0, len(invoices), self._writer.batch_size):
            with self._guard.deferred():
                self._write_batch(invoices[start : start + self._writer.batch_size])
            self._guard.exit_if_requested()

    def _write_batch(self, batch: Sequence[RawInvoice]) -> None:
        outcomes = self._writer.write(batch)
        invoices = lines = 0
        for invoice, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, UndeliverableInvoice):
                self._report([outcome])
                continue
            self._progress.record(invoice.id, lines=outcome, is_draft=invoice.non_booked)
            invoices += 1
            lines += outcome
            self._counts.drafts += invoice.non_booked
        self._counts.delivered += invoices
        self._counts.lines += lines
        self._count(invoices, lines)

    def _report(self, undeliverable: Sequence[UndeliverableInvoice]) -> None:
        for row in undeliverable:
            self._counts.undeliverable.append(row)
            if len(self._counts.undeliverable) <= _MAX_NAMED:
                name = "An invoice" if row.id is None else f"Invoice {row.id}"
                _logger.error("%s cannot be delivered: %s.", name, row.reason)

    def _write_first_state(self) -> None:
        """Write a STATE that says that nothing was written yet, if there was no state.

        Some loaders confirm the first STATE that they receive, whatever they have stored.
        """
        if self._needs_first_state:
            self._needs_first_state = False
            self._write_state()

    def _write_last_state(self) -> None:
        """Write the STATE that ends the run, unless the last page's says the same.

        There is none before the first response: T is not known, and the given state stands.
        """
        if self._reader.has_response and not self._progress.is_in_last_state:
            with self._guard.deferred():
                self._writer.flush(force=True)
                self._write_bookmarks(self._progress.bookmarks())

    def _write_state(self) -> None:
        with self._guard.deferred():
            self._write_bookmarks(self._progress.bookmarks())
        self._guard.exit_if_requested()

    def _log_summary(self) -> None:
        if signal_name := self._guard.requested:
            _logger.info("%s ended the run after the current invoice.", signal_name)
        since = self._counts.next_since
        end = f" The next run lists from {since}." if since else ""
        _logger.info("%s%s", self._counts.summary(), end)

    def _log_progress(self) -> None:
        now = time.monotonic()
        if now - self._logged_at >= _LOG_INTERVAL_S:
            self._logged_at = now
            counts = self._counts
            rate = (counts.delivered + counts.lines) / (now - self._run_started_at)
            _logger.info(
                "%s and %s so far, %.0f records a second.",
                counted(counts.delivered, "invoice"),
                counted(counts.lines, "line"),
                rate,
            )


def _describe_undeliverable(undeliverable: Sequence[UndeliverableInvoice]) -> str:
    more = undeliverable[_MAX_NAMED:]
    ids = format_ids(row.id for row in more if row.id is not None)
    others = f" Besides those above: {shorten(ids, _MAX_IDS_LENGTH)}." if more else ""
    return (
        f"{counted(len(undeliverable), 'invoice')} cannot be delivered; all others were.{others} "
        "Look at them in Traede; the next run lists them again."
    )
