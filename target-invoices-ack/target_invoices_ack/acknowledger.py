"""From loaded invoices to marks: what is exported already is left alone, the rest marked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from target_invoices_ack import states
from target_invoices_ack.marker import Marker
from target_invoices_ack.note import Note, run_id
from target_invoices_ack.ranges import to_ranges
from target_invoices_ack.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from target_invoices_ack.api import ExportApi
    from target_invoices_ack.errors import TargetError
    from target_invoices_ack.stopping import Stop

_logger = logging.getLogger("target-invoices-ack")


class Acknowledger:
    """Takes invoices that are known to be loaded.

    Attributes:
        tally: What became of them.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        api: ExportApi,
        stop: Stop,
        *,
        skip_exported: bool,
    ) -> None:
        """Start marking.

        Args:
            config: The target's settings.
            api: Marks, and knows what is pending.
            stop: Bounds the wait once asked; is asked when marking has failed for good.
            skip_exported: Whether to leave alone what is marked already.
        """
        self.tally = Tally(metrics.record_counter(config["stream"], "mark-as-exported"))
        self._api = api
        self._dry_run: bool = config["dry_run"]
        self._skip_exported = skip_exported
        self._pending: frozenset[int] | None = None
        self._would_mark: list[int] = []
        self._marker = Marker(
            self._note_only if self._dry_run else api.mark,
            self._write_state,
            self.tally,
            Note(config.get("note"), run_id()),
            in_flight=config["max_parallel_requests"],
            stop=stop,
        )

    @property
    def pending(self) -> frozenset[int]:
        """The ids that were pending when this was first asked: one listing a run.

        Raises:
            TargetError: The API refuses or cannot be reached.
        """
        if self._pending is None:
            self._pending = frozenset(self._api.listed())
        return self._pending

    def take(self, ids: Sequence[int], state: bytes | None = None) -> None:
        """Take in loaded invoices, and a STATE to be printed once they are marked.

        Raises:
            TargetError: Marking has failed for good.
        """
        if ids and self._skip_exported:
            wanted = [each for each in ids if each in self.pending]
            self.tally.left_alone += len(ids) - len(wanted)
            ids = wanted
        self._marker.add(ids)
        if state is not None:
            self._marker.state(state)

    def flush(self) -> None:
        """Wait until all that was taken is marked or refused.

        Raises:
            TargetError: Marking has failed for good.
        """
        self._marker.flush()

    def write_state(self, state: bytes) -> None:
        """Print a STATE, unless it would claim what is not marked."""
        self._write_state(state, self.tally.refused)

    def marked_of(self, taken: AbstractSet[int]) -> AbstractSet[int]:
        """Return which invoices this run has marked, of all that it took in."""
        return set() if self._dry_run else taken - self.tally.refused

    def close(self) -> None:
        """Mark what waits, and end."""
        self._marker.close()
        self.tally.close()

    def sum_up(self, received: int, unconfirmed: int) -> None:
        """Say in one line what became of all invoices; drafts are counted apart.

        Args:
            received: Different invoices that came, without drafts.
            unconfirmed: Those of them that the loader has not confirmed.
        """
        tally, failed = self.tally, self._marker.unsettled
        parts = [
            f"{tally.marked} {'would be marked' if self._dry_run else 'marked'}",
            f"{unconfirmed} not confirmed",
            f"{len(tally.refused)} refused",
            f"{tally.drafts} drafts",
        ]
        parts += [f"{tally.left_alone} exported already"] if self._skip_exported else []
        parts += [f"{failed} confirmed but not marked"] if failed else []
        _logger.info("Received %d = %s.", received + tally.drafts, " + ".join(parts))
        if self._dry_run:
            _logger.info("Dry run: would mark %s.", to_ranges(self._would_mark) or "nothing")
        if tally.refused:
            _logger.error("Refused, and so unmarked: %s.", to_ranges(tally.refused))

    @property
    def failure(self) -> TargetError | None:
        """What made marking fail for good, if anything did."""
        return self._marker.failure

    def _note_only(self, batch: Iterable[tuple[int, str | None]]) -> None:
        self._would_mark += [invoice_id for invoice_id, _ in batch]

    def _write_state(self, state: bytes, refused: frozenset[int]) -> None:
        if not self._dry_run:  # nothing is marked, so nothing is done with
            states.write_state(state, refused)
