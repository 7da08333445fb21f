"""Acknowledging: marks invoices that are known to be loaded, if they are not marked already."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from target_invoices_ack._shared import PLUGIN_NAME, command
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.id_ranges import IdRanges, format_ids
from target_invoices_ack._shared.run_report import run_id
from target_invoices_ack.input.messages import decode_state
from target_invoices_ack.marking.queue import MarkQueue
from target_invoices_ack.marking.state_output import emit_state
from target_invoices_ack.marking.verification import MarkVerifier
from target_invoices_ack.note import render_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_invoices_ack.client import AckClient
    from target_invoices_ack.marking.run_counts import RunCounts
    from target_invoices_ack.settings import Settings
    from target_invoices_ack.shutdown import StopEvent

_logger = logging.getLogger(PLUGIN_NAME)


class Acknowledger:
    """Marks invoices that are known to be loaded, and emits the STATEs that claim them.

    Args:
        settings: The target's settings.
        client: Marks, and lists what is pending.
        counts: Where everything is counted.
        stop: Bounds the wait after a signal; is set when marking has failed for good.

    Attributes:
        counts: Where everything is counted.
        queue: Marks the invoices, once it is started.
        verifier: Verifies the first marks; has to know when invoices were created.
    """

    def __init__(
        self, settings: Settings, client: AckClient, counts: RunCounts, stop: StopEvent
    ) -> None:
        self.counts = counts
        self.verifier = MarkVerifier(client)
        self._settings = settings
        self._client = client
        self._emitted = b""
        self._pending: IdRanges | None = None
        self._received_before_listing = 0
        self._dry_run_ids = IdRanges()
        self._dry_run_lock = threading.Lock()
        self._metric = metrics.record_counter(settings.stream, "mark-as-exported")
        self.queue = MarkQueue(
            self._record_dry_run if settings.dry_run else client.mark,
            self._record_dry_run if settings.dry_run else partial(client.mark, max_attempts=2),
            self._emit_state,
            counts,
            partial(render_note, settings.note, run_id()),
            verify=self._verify,
            parallel=settings.max_parallel_requests,
            stop=stop,
        )

    @property
    def pending(self) -> IdRanges:
        """The ids that were pending when this was asked for; kept until one is missed.

        Raises:
            PluginError: The API rejects the request or cannot be reached.
        """
        if self._pending is None:
            self._received_before_listing = self.counts["received"]
            self._pending = self._client.list_pending()
        return self._pending

    def submit(self, ids: Sequence[int], state: bytes | None = None) -> None:
        """Take in loaded invoices, and a STATE to be emitted once they are marked.

        Raises:
            PluginError: Marking has failed for good.
        """
        self.counts.add("confirmed", len(ids))
        try:
            if ids and self._settings.skip_exported:
                ids = self._without_exported(ids)
            self.queue.add(ids)
        except PluginError as error:
            self.queue.fail(error)  # no later STATE may claim these invoices
            raise
        if state is not None:
            self.queue.add_state(state)

    def _without_exported(self, ids: Sequence[int]) -> list[int]:
        """Return those that are pending; a listing from before they came is made anew."""
        is_older = self.counts["confirmed"] > self._received_before_listing
        if self._pending and is_older and not all(each in self._pending for each in ids):
            self._pending = None
        wanted = [each for each in ids if each in self.pending]
        self.counts.add("already_exported", len(ids) - len(wanted))
        return wanted

    def close(self) -> None:
        """Mark what waits, and end."""
        self.queue.close()
        self._metric.increment(self.counts["marked"])
        self._metric.exit()

    def log_result(self, exit_code: int, problems: Iterable[str]) -> None:
        """Publish and log the result of a run: what went wrong, and in the last line the counts.

        Args:
            exit_code: The exit code of the run.
            problems: What went wrong, apart from rejections.
        """
        if self._settings.dry_run:
            ids = format_ids(self._dry_run_ids) or "nothing"
            _logger.info("Dry run: would mark %s.", ids)
        rejected = format_ids(self.counts.rejected_ids)
        errors = [f"Rejected, and so unmarked: {rejected}."] if rejected else []
        errors += problems
        command.publish(exit_code, errors)
        for error in errors:
            _logger.error("%s", error)
        summary = self.counts.summary(
            is_dry_run=self._settings.dry_run, skips_exported=self._settings.skip_exported
        )
        _logger.info("%s", summary)

    def report(self) -> dict[str, Any]:
        """Return what the run report says of marking."""
        return {
            "counts": self.counts.as_dict(),
            "requests": self._client.http.stats.to_json(),
            "rejected": self.counts.rejections(),
            "last_state": decode_state(self._emitted) if self._emitted else None,
        }

    def _verify(self, ids: Sequence[int]) -> None:
        if self._settings.verify_marks and not self._settings.dry_run:
            self.verifier.verify(ids)

    def _record_dry_run(self, batch: Sequence[tuple[int, str | None]]) -> None:
        with self._dry_run_lock:
            for invoice_id, _ in batch:
                self._dry_run_ids.add(invoice_id)

    def _emit_state(self, state: bytes, rejected: IdRanges) -> None:
        if not self._settings.dry_run:  # nothing is marked, so no STATE may claim anything
            self._emitted = emit_state(state, rejected) or self._emitted
