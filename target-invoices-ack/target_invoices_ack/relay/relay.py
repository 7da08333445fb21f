"""The relay: passes every line on to a loader unchanged, and marks what the loader confirms."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.command import FAILED
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.quantity import counted
from target_invoices_ack._shared.redact import password_in
from target_invoices_ack.input.invoice_id import is_true, parse_invoice_id
from target_invoices_ack.input.messages import INVOICE_ID
from target_invoices_ack.input.tap_state import check_delivered, check_tap_state
from target_invoices_ack.relay.confirmation import ConfirmationTracker
from target_invoices_ack.relay.known_loaders import loader_warning
from target_invoices_ack.relay.loader import Loader
from target_invoices_ack.relay.loader_command import loader_environment, parse_command
from target_invoices_ack.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_invoices_ack.input.messages import InvoiceKeys, Message
    from target_invoices_ack.input.reader import InputReader
    from target_invoices_ack.marking.acknowledger import Acknowledger
    from target_invoices_ack.relay.confirmation import Confirmation
    from target_invoices_ack.settings import Settings
    from target_invoices_ack.shutdown import StopEvent

    ReadBatch = Callable[[Message], Iterable[InvoiceKeys]]

_LOG_INTERVAL_S = 10.0
_STARTS_LOADER = {"RECORD", "BATCH", "ACTIVATE_VERSION"}

_logger = logging.getLogger(PLUGIN_NAME)


class Relay(Run):
    """Passes the tap's lines on to a loader, and marks what the loader confirms.

    Args:
        settings: The target's settings.
        stop: Ends the relay when set.
        acknowledger: Marks what is confirmed.
        read_batch: Reads the invoices in the files of a BATCH.
    """

    _idle_timeout_s = 0.5

    def __init__(
        self,
        settings: Settings,
        stop: StopEvent,
        acknowledger: Acknowledger,
        read_batch: ReadBatch,
    ) -> None:
        super().__init__(settings, stop, acknowledger)
        self._read_batch = read_batch
        self._tracker = ConfirmationTracker(settings.stream)
        self._lock = threading.Lock()
        self._buffered_blocks: list[bytes] = []  # read before there was anything to load
        self._needs_loader = False
        self._has_warned = False
        self._loader: Loader | None = None
        self._logged_at = time.monotonic()

    @override
    def finish(self) -> int:
        """Wait for the loader, mark what it confirmed, and log the result.

        Returns:
            The exit code: the loader's if it failed.
        """
        exit_code = 0
        is_orderly = not self._needs_loader
        if self._loader is not None:
            self._loader.end_input()
            self._loader.wait()
            # After a bug, the tracker may know of records that the loader never received.
            is_orderly = self._loader.is_orderly and not self._has_bug
            if not self._loader.is_orderly:
                exit_code = self._loader.exit_code or self._stop.exit_code or FAILED
        with self._lock:
            confirmation = self._tracker.on_loader_exit(is_orderly=is_orderly)
        self._submit(confirmation)
        self._close()
        if self._tracker.without_state:
            _logger.warning(
                "Invoices that no STATE of the tap follows: %d. The tap may have been cut off; "
                "they stay unmarked and are delivered again.",
                self._tracker.without_state,
            )
        return self._log_result(self._problems(), exit_code=exit_code)

    @override
    def report(self) -> dict[str, Any]:
        seconds = self._loader.seconds if self._loader else 0.0
        return {**super().report(), "loader_seconds": round(seconds, 3)}

    @override
    def _process(self, reader: InputReader, callbacks: object) -> None:
        self._words = parse_command(self._settings.loader)
        self._acknowledger.queue.start()
        for block in self._iter_blocks(reader):
            if not self._forward(block):
                return
        if reader.has_ended:
            with self._lock:
                self._tracker.on_input_end()

    def _forward(self, block: bytes) -> bool:
        """Take in a block and feed it; false if the relay ends here."""
        block = self._track_block(block) if block else block
        self._log_progress()
        if self._loader is None:
            self._buffered_blocks.append(block)
            if not self._needs_loader:
                return self.problem is None
            block = b"".join(self._buffered_blocks)
            self._buffered_blocks.clear()
            self._loader = self._start_loader()
        if not self._loader.feed(block):
            if not self._stop.is_set:
                _logger.warning("The loader takes no more input; the rest is discarded.")
            return False
        return self.problem is None

    def _start_loader(self) -> Loader:
        api = self._settings.api
        loader = Loader(
            self._words,
            loader_environment(
                (api.access_token, api.app_key, password_in(api.base_url)), os.environ
            ),
            self._stop,
            self._on_loader_line,
            self._log_progress,
        )
        if self._settings.warn_of_loader and (warning := loader_warning(self._words)):
            _logger.warning("%s", warning)
        loader.start()
        return loader

    def _track_block(self, block: bytes) -> bytes:
        """Record what a block holds, before the loader can respond to it.

        Returns:
            The lines up to the first bad one.
        """
        with self._lock:
            size = 0
            for line in block.removesuffix(b"\n").split(b"\n"):
                try:
                    if (message := self._parser.parse(line)) is not None:
                        self._track(message)
                except Exception as error:  # noqa: BLE001 - it ends the run
                    self._on_error(error)
                    return block[:size]
                size += len(line) + 1
        return block

    def _track(self, message: Message) -> None:
        match message.type:
            case "SCHEMA":
                self._tracker.on_schema(str(message.stream))
                self._streams.add(str(message.stream))
            case "RECORD" if message.stream == self._settings.stream:
                self._track_invoice(self._parser.invoice_keys(message))
            case "RECORD":
                self._tracker.on_other_record(self._line_invoice_id(message))
            case "STATE":
                value = self._parser.state_value(message)
                check_tap_state(
                    value,
                    self._settings.api.system_id,
                    allow_missing_lines=self._settings.allow_missing_lines,
                )
                check_delivered(value, self._tracker.ids_without_state, self._settings.stream)
                self._tracker.on_tap_state(bytes(message.value), value)
            case "BATCH" if message.stream == self._settings.stream:
                for keys in self._read_batch(message):
                    self._track_invoice(keys)
            case "BATCH":
                self._tracker.on_other_record(None)
            case _:
                self._tracker.on_activate_version()
        self._message_counts[message.type] += 1
        self._needs_loader = self._needs_loader or message.type in _STARTS_LOADER

    def _track_invoice(self, keys: InvoiceKeys) -> None:
        invoice_id, reason = None, ""
        try:
            invoice_id = parse_invoice_id(keys.id, self._settings.id_property)
        except ValueError as error:
            reason = str(error)
        if is_true(keys.non_booked):
            self._counts.add("drafts")
            self._tracker.on_draft(invoice_id)
        elif invoice_id is None:
            self._counts.add_unmarkable(reason)
            self._tracker.on_unmarkable()
        elif self._tracker.on_invoice(invoice_id):
            self._counts.add("received")
            self._acknowledger.verifier.remember(invoice_id, keys.created_at)

    def _line_invoice_id(self, message: Message) -> int | None:
        try:
            return parse_invoice_id(self._parser.line_invoice_id(message), INVOICE_ID)
        except ValueError:
            return None

    def _on_loader_line(self, line: bytes) -> None:
        """Take in a line of the loader; called in the thread that reads its output."""
        if not self._settings.confirm_by_state:
            return
        with self._lock:
            confirmation = self._tracker.on_loader_state(line)
        if confirmation is not None:
            self._submit(confirmation)
        elif not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "The loader printed a line that is not a STATE of this tap; it confirms nothing. "
                "Loaders log to stderr.",
            )

    def _submit(self, confirmation: Confirmation) -> None:
        state = None if self._is_stream_missing() else confirmation.state
        try:
            self._acknowledger.submit(confirmation.ids, state)
        except PluginError as error:
            self.problem = self.problem or error
            self._stop.set()

    def _log_progress(self) -> None:
        now = time.monotonic()
        if now - self._logged_at < _LOG_INTERVAL_S:
            return
        self._logged_at = now
        _logger.info(
            "%s sent to the loader, %d of them confirmed, %d marked, %d waiting.",
            counted(self._counts["received"], "invoice"),
            self._counts["confirmed"],
            self._counts["marked"],
            self._counts.unconfirmed,
        )

    def _problems(self) -> Iterator[str]:
        problem = self.problem or self._acknowledger.queue.failure
        if problem is not None:
            yield str(problem)
        if self._loader is not None and not self._loader.is_orderly:
            yield self._loader.problem()
        elif self._is_stream_missing():
            yield self._describe_missing_stream()
        elif problem is None and self._tracker.held_back and not self._stop.is_signalled:
            yield (
                f"Invoices that are held back: {self._tracker.held_back}. The tap's output does "
                "not show that all their lines were sent: it ends without a STATE, or a stream "
                "that it announced never came. They stay unmarked and are delivered again."
            )
