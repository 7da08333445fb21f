"""The relay: every line goes on to a loader unchanged, and marking follows what it confirms."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.command import FAILED
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.redact import describe_safely, password_in
from target_invoices_ack.input.invoice_id import is_true, parse_invoice_id
from target_invoices_ack.input.messages import INVOICE_ID, MessageParser
from target_invoices_ack.input.reader import InputReader, standard_input
from target_invoices_ack.input.tap_state import check_tap_state
from target_invoices_ack.relay.confirmation import ConfirmationTracker
from target_invoices_ack.relay.known_loaders import loader_warning
from target_invoices_ack.relay.loader import Loader
from target_invoices_ack.relay.loader_command import loader_environment, parse_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_invoices_ack.input.messages import InvoiceKeys, Message
    from target_invoices_ack.marking.acknowledger import Acknowledger
    from target_invoices_ack.relay.confirmation import Confirmation
    from target_invoices_ack.settings import Settings
    from target_invoices_ack.shutdown import StopEvent

    ReadBatch = Callable[[Message], Iterable[InvoiceKeys]]

_LOG_INTERVAL_S = 10.0
_IDLE_TIMEOUT_S = 0.5
_STARTS_LOADER = {"RECORD", "BATCH", "ACTIVATE_VERSION"}

_logger = logging.getLogger(PLUGIN_NAME)


class Relay(GenericSingerReader[bytes]):
    """Reads the tap's messages, as the SDK's readers do, and passes them on to a loader.

    The SDK's target asks its reader for all lines; a reader that feeds a loader on the way
    needs no other part of it changed.

    Args:
        settings: The target's settings.
        stop: Ends the relay when set.
        acknowledger: Marks what is confirmed.
        read_batch: Reads the invoices in the files of a BATCH.

    Attributes:
        problem: What ended the run before its end, if anything did.
    """

    def __init__(
        self,
        settings: Settings,
        stop: StopEvent,
        acknowledger: Acknowledger,
        read_batch: ReadBatch,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._stop = stop
        self._acknowledger = acknowledger
        self._account = acknowledger.account
        self._read_batch = read_batch
        self._parser = MessageParser(settings.id_property)
        self._tracker = ConfirmationTracker(settings.stream)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._streams: set[str] = set()
        self._unstarted: list[bytes] = []  # what came before there was anything to load
        self._needs_loader = self._has_bug = False
        self._unrecognised_lines = 0
        self.problem: PluginError | None = None
        self._reader: InputReader | None = None
        self._loader: Loader | None = None
        self._logged_at = time.monotonic()

    @property
    @override
    def default_input(self) -> IO[bytes]:
        return standard_input()

    @override
    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        raise NotImplementedError  # lines are parsed by MessageParser

    @override
    def process_lines(self, file_input: IO[Any] | None, callbacks: object) -> Counter[str]:
        """Feed the loader until the input ends, is not Singer, or a signal comes.

        A failure does not raise: `finish` tells it, once everything has ended in order.

        Args:
            file_input: What to read; standard input by default.
            callbacks: Not used: nothing but marking is the target's.
        """
        try:
            self._reader = InputReader(
                file_input or self.default_input, self._stop, idle_timeout=_IDLE_TIMEOUT_S
            )
            self._words = parse_command(self._settings.loader)
            self._acknowledger.start()
            self._relay(self._reader)
        except PluginError as error:
            self.problem = error
        except Exception as error:  # noqa: BLE001 - it ends the run, and confirms nothing
            self._on_bug(error)
        return self._counts

    def finish(self) -> int:
        """Wait for the loader, mark what it confirmed, and log the result.

        Returns:
            The exit code: the loader's if it failed.
        """
        code = 0
        if self._loader is None:
            is_orderly = not self._needs_loader
        else:
            self._loader.end_input()
            code = self._loader.wait()
            # After a bug, the tracker may know of records that the loader never received.
            is_orderly = self._loader.is_orderly and not self._has_bug
        with self._lock:
            confirmation = self._tracker.on_loader_exit(is_orderly=is_orderly)
        self._submit(confirmation)
        self._acknowledger.close()
        if self._reader is not None:
            self._reader.discard()
        if self._tracker.uncovered:
            _logger.warning(
                "Invoices that no STATE of the tap follows: %d. The tap may have been cut off; "
                "they stay unmarked and are delivered again.",
                self._tracker.uncovered,
            )
        problems = list(self._problems(code))
        exit_code = code or self._exit_code(is_failed=bool(problems))
        self._acknowledger.log_result(exit_code, problems)
        return exit_code

    def report(self) -> dict[str, Any]:
        """Return the target's part of the run report."""
        seconds = self._loader.seconds if self._loader else 0.0
        return {**self._acknowledger.report(), "loader_seconds": round(seconds, 3)}

    def _relay(self, reader: InputReader) -> None:
        for block in reader.iter_blocks():
            if not self._forward(block):
                return
        if reader.remainder and not self._stop.is_set:
            if not self._parser.is_message(reader.remainder):
                raise self._parser.truncated_error()
            if not self._forward(reader.remainder):
                return
        if reader.has_ended:
            with self._lock:
                self._tracker.on_input_end()

    def _forward(self, block: bytes) -> bool:
        """Take in a block and feed it; false if the relay ends here."""
        block = self._track_block(block) if block else block
        self._log_progress()
        if self._loader is None:
            self._unstarted.append(block)
            if not self._needs_loader:
                return self.problem is None
            block = b"".join(self._unstarted)
            self._unstarted.clear()
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
        """Note what a block holds, before the loader can respond to it.

        Returns:
            The lines up to the first bad one.
        """
        with self._lock:
            size = 0
            for line in block.removesuffix(b"\n").split(b"\n"):
                try:
                    if (message := self._parser.parse(line)) is not None:
                        self._track(message)
                except PluginError as error:
                    self.problem = error
                    return block[:size]
                except Exception as error:  # noqa: BLE001 - the same
                    self._on_bug(error)
                    return block[:size]
                size += len(line) + 1
        return block

    def _on_bug(self, error: Exception) -> None:
        _logger.debug("Unexpected error.", exc_info=error)
        self._has_bug = True
        self.problem = PluginError(describe_safely(error))

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
                self._tracker.on_tap_state(bytes(message.value), value)
            case "BATCH" if message.stream == self._settings.stream:
                for keys in self._read_batch(message):
                    self._track_invoice(keys)
            case "BATCH":
                self._tracker.on_other_record(None)
            case _:
                self._tracker.on_activate_version()
        self._counts[message.type] += 1
        self._needs_loader = self._needs_loader or message.type in _STARTS_LOADER

    def _track_invoice(self, keys: InvoiceKeys) -> None:
        invoice_id, reason = None, ""
        try:
            invoice_id = parse_invoice_id(keys.id, self._settings.id_property)
        except ValueError as error:
            reason = str(error)
        if is_true(keys.non_booked):
            self._account.add_draft()
            self._tracker.on_draft(invoice_id)
        elif invoice_id is None:
            self._account.add_unmarkable(reason)
            self._tracker.on_unmarkable()
        elif self._tracker.on_invoice(invoice_id):
            self._account.add_received()
            self._acknowledger.remember(invoice_id, keys.created_at)

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
            return
        self._unrecognised_lines += 1
        if self._unrecognised_lines == 1:
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

    def _is_stream_missing(self) -> bool:
        """Whether records came, and the stream that holds the invoices was not announced."""
        has_records = self._counts["RECORD"] + self._counts["BATCH"]
        return bool(has_records) and self._settings.stream not in self._streams

    def _log_progress(self) -> None:
        now = time.monotonic()
        if now - self._logged_at < _LOG_INTERVAL_S:
            return
        self._logged_at = now
        _logger.info(
            "%d invoices sent to the loader, %d of them confirmed, %d marked, %d waiting.",
            self._account.received,
            self._account.confirmed,
            self._account.marked,
            self._account.unconfirmed,
        )

    def _exit_code(self, *, is_failed: bool) -> int:
        if self._loader is not None and not self._loader.is_orderly:
            return self._stop.exit_code or FAILED
        return FAILED if is_failed or self._account.has_rejected else self._stop.exit_code

    def _problems(self, code: int) -> Iterator[str]:
        problem = self.problem or self._acknowledger.failure
        if problem is not None:
            yield str(problem)
        if self._loader is not None and not self._loader.is_orderly:
            yield self._loader_problem(self._loader, code)
        elif self._is_stream_missing():
            yield (
                f"No invoice came: there is no stream {self._settings.stream!r}, only "
                f"{', '.join(map(repr, sorted(self._streams)))}. Check the setting stream."
            )
        elif problem is None and self._tracker.held and not self._stop.is_signalled:
            yield (
                f"Invoices that are held back: {self._tracker.held}. The tap's output does not "
                "show that all their lines were sent: it ends without a STATE, or a stream that "
                "it announced never came. They stay unmarked and are delivered again."
            )

    @staticmethod
    def _loader_problem(loader: Loader, code: int) -> str:
        if code:
            words = loader.last_words()
            said = f" Its last words: {words}" if words else ""
            return (
                f"The loader failed with exit code {code}; what it had not confirmed stays "
                f"unmarked and is delivered again.{said}"
            )
        if not loader.consumed_all:
            return (
                "The loader ended before it had taken all its input; only what it confirmed by a "
                "STATE is marked. The next run delivers the rest."
            )
        return (
            "A signal may have interrupted the loader; only what it confirmed before is marked. "
            "The next run delivers the rest."
        )
