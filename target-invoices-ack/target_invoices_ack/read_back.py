"""Reading back: records of a table that is loaded already."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import InvalidInputLine
from typing_extensions import override

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.command import FAILED
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack.input.invoice_id import is_draft, parse_invoice_id
from target_invoices_ack.input.messages import CREATED_AT, NON_BOOKED, InputError, column
from target_invoices_ack.input.tap_state import check_read_back_state
from target_invoices_ack.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_invoices_ack.input.messages import Message
    from target_invoices_ack.input.reader import InputReader
    from target_invoices_ack.marking.acknowledger import Acknowledger
    from target_invoices_ack.reconcile import Reconciliation
    from target_invoices_ack.run import Callback, Callbacks
    from target_invoices_ack.settings import Settings
    from target_invoices_ack.shutdown import StopEvent

_logger = logging.getLogger(PLUGIN_NAME)


class ReadBack(Run):
    """Reads the messages that matter, and of their records only the id and the draft flag.

    A table may hold anything; what is not needed can neither cost time nor fail. Nothing is
    marked before the input has ended: a STATE of `tap-invoices` may come last, and shows that
    it is not a warehouse that is read.

    Args:
        settings: The target's settings.
        stop: Ends the reading when set.
        acknowledger: Marks what was read.
        reconciliation: Compares what was read with what the API has, if that is asked for.
    """

    def __init__(
        self,
        settings: Settings,
        stop: StopEvent,
        acknowledger: Acknowledger,
        reconciliation: Reconciliation | None,
    ) -> None:
        super().__init__(settings, stop, acknowledger)
        self._reconciliation = reconciliation
        self._invoices: dict[int, None] = {}  # in the order in which they came
        self._state: bytes | None = None

    def collect(self, record: dict[str, Any]) -> None:
        """Take in an invoice's record."""
        if is_draft(record):
            self._counts.add("drafts")
            return
        name = self._settings.id_property
        try:
            invoice_id = parse_invoice_id(column(record, name), name)
        except ValueError as error:
            self._counts.add_unmarkable(str(error))
            return
        if invoice_id not in self._invoices:
            self._invoices[invoice_id] = None
            self._counts.add("received")
            self._acknowledger.verifier.remember(invoice_id, column(record, CREATED_AT))

    def add_stream(self, stream: str) -> None:
        """Take in the name of a stream, as it is after stream maps."""
        self._streams.add(stream)

    @override
    def finish(self) -> int:
        is_all_read = self.problem is None and self._reader is not None and self._reader.has_ended
        if is_all_read:
            self._mark()
        self._close()
        problems = list(self._problems())
        exit_code = 0
        if is_all_read and self._reconciliation and self.problem is None:
            exit_code = self._reconcile(self._reconciliation)
        if self._stop.is_signalled and not is_all_read:
            _logger.warning("The input was not read to its end, so nothing is marked.")
        return self._log_result(problems, exit_code=exit_code)

    @override
    def report(self) -> dict[str, Any]:
        result = self._reconciliation.result if self._reconciliation else {}
        return {**super().report(), **result}

    @override
    def _process(self, reader: InputReader, callbacks: Callbacks) -> None:
        self._acknowledger.queue.start()
        if self._reconciliation:
            self._reconciliation.load()
        for block in self._iter_blocks(reader):
            for line in block.removesuffix(b"\n").split(b"\n"):
                self._dispatch(line, callbacks)

    def _mark(self) -> None:
        state = None if self._counts.unmarkable else self._state
        try:
            self._acknowledger.submit(list(self._invoices), state)
            self._acknowledger.queue.flush()
        except PluginError as error:
            self.problem = error

    def _dispatch(self, line: bytes, callbacks: Callbacks) -> None:
        message = self._parser.parse(line)
        if message is None:
            return
        self._message_counts[message.type] += 1
        if message.type == "STATE":
            value = self._parser.state_value(message)
            check_read_back_state(value)
            self._state = bytes(message.value)
        elif self._is_relevant(message):
            self._pass_to_sdk(message, line, callbacks[message.type])

    def _pass_to_sdk(self, message: Message, line: bytes, callback: Callback) -> None:
        """Let the SDK process a message.

        Raises:
            InputError: It does not fit; the SDK's text is left out, as it may repeat the line.
        """
        try:
            content = self._with_relevant_columns(message) or self.deserialize_json(line)
            if message.type == "RECORD" and is_draft(content["record"]):
                self._counts.add("drafts")  # whatever stream maps would make of its flag
                return
            callback(content)
        except PluginError:
            raise
        except (InvalidInputLine, msgspec.DecodeError):
            raise InputError(
                f"A {message.type} message of the input lacks what Singer requires."
            ) from None
        except Exception as error:
            maps = "stream_maps and " if self._settings.has_stream_maps else ""
            raise InputError(
                f"A {message.type} of stream {message.stream!r} cannot be processed "
                f"({type(error).__name__}). Check {maps}the tap.",
            ) from error

    def _is_relevant(self, message: Message) -> bool:
        return (
            message.type == "SCHEMA"
            or self._settings.has_stream_maps
            or message.stream == self._settings.stream
        )

    def _with_relevant_columns(self, message: Message) -> dict[str, Any] | None:
        """Return a RECORD with the columns that matter; None for any other message."""
        if message.type != "RECORD" or self._settings.has_stream_maps:
            return None
        record = self._parser.columns(message, self._settings.id_property, NON_BOOKED, CREATED_AT)
        return {"type": "RECORD", "stream": message.stream, "record": record}

    def _reconcile(self, reconciliation: Reconciliation) -> int:
        read = self._invoices.keys()
        marked = set() if self._settings.dry_run else read - set(self._counts.rejected)
        return 0 if reconciliation.report(read, marked) else FAILED

    def _problems(self) -> Iterator[str]:
        if self.problem is not None:
            yield str(self.problem)
        elif self._is_stream_missing():
            yield self._describe_missing_stream()
        elif not (self._counts["received"] or self._counts["drafts"] or self._counts.unmarkable):
            _logger.warning("No invoice was read from stream %r.", self._settings.stream)
