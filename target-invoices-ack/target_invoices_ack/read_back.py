"""Reading back: records of a table that is loaded already."""

from __future__ import annotations

import logging
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import InvalidInputLine
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.command import FAILED
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.redact import describe_safely
from target_invoices_ack.input.invoice_id import is_draft, parse_invoice_id
from target_invoices_ack.input.messages import (
    CREATED_AT,
    NON_BOOKED,
    InputError,
    MessageParser,
    column,
)
from target_invoices_ack.input.reader import InputReader, standard_input
from target_invoices_ack.input.tap_state import check_read_back_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_invoices_ack.input.messages import Message
    from target_invoices_ack.marking.acknowledger import Acknowledger
    from target_invoices_ack.reconcile import Reconciliation
    from target_invoices_ack.settings import Settings
    from target_invoices_ack.shutdown import StopEvent

    Callbacks = dict[str, Callable[[dict[str, Any]], None]]

_logger = logging.getLogger(PLUGIN_NAME)


class ReadBack(GenericSingerReader[bytes]):
    """Reads the messages that matter, and of their records only the id and the draft flag.

    A table may hold anything; what is not needed can neither cost time nor fail. Nothing is
    marked before the input has ended: a STATE of `tap-invoices` may come last, and shows that
    it is not a warehouse that is read.

    Args:
        settings: The target's settings.
        stop: Ends the reading when set.
        acknowledger: Marks what was read.
        reconciliation: Compares what was read with what the API has, if that is asked for.

    Attributes:
        problem: What ended the run before its end, if anything did.
    """

    def __init__(
        self,
        settings: Settings,
        stop: StopEvent,
        acknowledger: Acknowledger,
        reconciliation: Reconciliation | None,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._stop = stop
        self._acknowledger = acknowledger
        self._account = acknowledger.account
        self._reconciliation = reconciliation
        self._parser = MessageParser(settings.id_property)
        self._invoices: dict[int, None] = {}  # in the order in which they came
        self._counts: Counter[str] = Counter()
        self._streams: set[str] = set()
        self._state: bytes | None = None
        self.problem: PluginError | None = None
        self._reader: InputReader | None = None

    @property
    @override
    def default_input(self) -> IO[bytes]:
        return standard_input()

    @override
    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(line)
        return decoded

    @override
    def process_lines(self, file_input: IO[Any] | None, callbacks: Callbacks) -> Counter[str]:
        """Hand the target what matters, until the input ends or a signal comes.

        A failure does not raise: `finish` tells it, once everything has ended in order.

        Args:
            file_input: What to read; standard input by default.
            callbacks: The target's, by type of message.
        """
        try:
            self._reader = InputReader(file_input or self.default_input, self._stop)
            self._acknowledger.start()
            if self._reconciliation:
                self._reconciliation.load()
            for line in self._iter_lines(self._reader):
                self._dispatch(line, callbacks)
        except PluginError as error:
            self.problem = error
        except Exception as error:
            _logger.debug("Unexpected error.", exc_info=True)
            self.problem = PluginError(describe_safely(error))
        return self._counts

    def collect(self, record: dict[str, Any]) -> None:
        """Take in an invoice's record."""
        if is_draft(record):
            self._account.add_draft()
            return
        name = self._settings.id_property
        try:
            invoice_id = parse_invoice_id(column(record, name), name)
        except ValueError as error:
            self._account.add_unmarkable(str(error))
            return
        if invoice_id not in self._invoices:
            self._invoices[invoice_id] = None
            self._account.add_received()
            self._acknowledger.remember(invoice_id, column(record, CREATED_AT))

    def add_stream(self, stream: str) -> None:
        """Take in the name of a stream, as it is after stream maps."""
        self._streams.add(stream)

    def finish(self) -> int:
        """Mark what was read, and log the result.

        Returns:
            The exit code.
        """
        is_whole = self.problem is None and self._reader is not None and self._reader.has_ended
        if is_whole:
            self._mark()
        self._acknowledger.close()
        if self._reader is not None:
            self._reader.discard()
        problems = list(self._problems())
        is_failed = bool(problems) or self._account.has_rejected
        if is_whole and self._reconciliation and self.problem is None:
            is_failed = not self._reconcile(self._reconciliation) or is_failed
        if self._stop.is_signalled and not is_whole:
            _logger.warning("The input was not read to its end, so nothing is marked.")
        exit_code = FAILED if is_failed else self._stop.exit_code
        self._acknowledger.log_result(exit_code, problems)
        return exit_code

    def report(self) -> dict[str, Any]:
        """Return the target's part of the run report."""
        result = self._reconciliation.result if self._reconciliation else {}
        return {**self._acknowledger.report(), **result}

    def _mark(self) -> None:
        state = None if self._account.unmarkable else self._state
        try:
            self._acknowledger.submit(list(self._invoices), state)
            self._acknowledger.flush()
        except PluginError as error:
            self.problem = error

    def _iter_lines(self, reader: InputReader) -> Iterator[bytes]:
        for block in reader.iter_blocks():
            yield from block.removesuffix(b"\n").split(b"\n")
        if reader.remainder and not self._stop.is_set:
            if not self._parser.is_message(reader.remainder):
                raise self._parser.truncated_error()
            yield reader.remainder

    def _dispatch(self, line: bytes, callbacks: Callbacks) -> None:
        message = self._parser.parse(line)
        if message is None:
            return
        self._counts[message.type] += 1
        if message.type == "STATE":
            value = self._parser.state_value(message)
            check_read_back_state(value)
            self._state = bytes(message.value)
        elif self._is_relevant(message):
            self._hand_on(message, line, callbacks[message.type])

    def _hand_on(
        self, message: Message, line: bytes, callback: Callable[[dict[str, Any]], None]
    ) -> None:
        """Let the SDK process a message.

        Raises:
            InputError: It does not fit; the SDK's text is left out, as it may repeat the line.
        """
        try:
            content = self._reduced(message) or self.deserialize_json(line)
            if message.type == "RECORD" and is_draft(content["record"]):
                self._account.add_draft()  # whatever stream maps would make of its flag
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

    def _reduced(self, message: Message) -> dict[str, Any] | None:
        """Return a RECORD with the columns that matter; None for any other message."""
        if message.type != "RECORD" or self._settings.has_stream_maps:
            return None
        record = self._parser.columns(message, self._settings.id_property, NON_BOOKED, CREATED_AT)
        return {"type": "RECORD", "stream": message.stream, "record": record}

    def _reconcile(self, reconciliation: Reconciliation) -> bool:
        read = self._invoices.keys()
        marked = set() if self._settings.dry_run else read - set(self._account.rejected)
        return reconciliation.report(read, marked)

    def _problems(self) -> Iterator[str]:
        if self.problem is not None:
            yield str(self.problem)
        elif self._counts["RECORD"] + self._counts["BATCH"] and self._is_stream_missing():
            yield (
                f"No invoice came: there is no stream {self._settings.stream!r}, only "
                f"{', '.join(map(repr, sorted(self._streams)))}. Check the setting stream."
            )
        elif not (self._account.received or self._account.drafts or self._account.unmarkable):
            _logger.warning("No invoice was read from stream %r.", self._settings.stream)

    def _is_stream_missing(self) -> bool:
        return self._settings.stream not in self._streams
