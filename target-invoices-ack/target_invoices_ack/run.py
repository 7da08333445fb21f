"""A run of the target: what relaying and reading back have in common."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.command import FAILED
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.redact import describe_safely
from target_invoices_ack.input.messages import MessageParser
from target_invoices_ack.input.reader import InputReader, standard_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_invoices_ack.marking.acknowledger import Acknowledger
    from target_invoices_ack.settings import Settings
    from target_invoices_ack.shutdown import StopEvent

    Callback = Callable[[dict[str, Any]], None]
    Callbacks = dict[str, Callback]

_logger = logging.getLogger(PLUGIN_NAME)


class Run(GenericSingerReader[bytes]):
    """Reads Singer messages, and marks the invoices in them that are known to be loaded.

    The SDK's target gives its whole input to its reader, and checks messages by it. So a run is
    such a reader, and nothing else of the SDK's target has to change.

    Args:
        settings: The target's settings.
        stop: Ends the reading when set.
        acknowledger: Marks what is known to be loaded.

    Attributes:
        problem: What ended the run before its end, if anything did.
    """

    _idle_timeout_s: ClassVar[float | None] = None

    def __init__(self, settings: Settings, stop: StopEvent, acknowledger: Acknowledger) -> None:
        super().__init__()
        self.problem: PluginError | None = None
        self._settings = settings
        self._stop = stop
        self._acknowledger = acknowledger
        self._counts = acknowledger.counts
        self._parser = MessageParser(settings.id_property)
        self._message_counts: Counter[str] = Counter()
        self._streams: set[str] = set()
        self._reader: InputReader | None = None
        self._has_bug = False

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
        """Read until the input ends, is not Singer, or a signal comes.

        A failure does not raise: `finish` logs it, once everything has ended in order.

        Args:
            file_input: What to read; standard input by default.
            callbacks: The target's, by type of message.

        Returns:
            How many messages were processed, by type.
        """
        try:
            self._reader = InputReader(
                file_input or self.default_input, self._stop, idle_timeout=self._idle_timeout_s
            )
            self._process(self._reader, callbacks)
        except Exception as error:  # noqa: BLE001 - it ends the run, and confirms nothing
            self._on_error(error)
        return self._message_counts

    @abstractmethod
    def finish(self) -> int:
        """End the run after its input: mark what is known to be loaded, and log the result.

        Returns:
            The exit code.
        """

    def report(self) -> dict[str, Any]:
        """Return the target's part of the run report."""
        return self._acknowledger.report()

    @abstractmethod
    def _process(self, reader: InputReader, callbacks: Callbacks) -> None:
        """Start marking, and process the input.

        Raises:
            PluginError: The run cannot go on.
        """

    def _iter_blocks(self, reader: InputReader) -> Iterator[bytes]:
        """Iterate over the input in blocks of whole lines.

        Raises:
            PluginError: The input cannot be read, or ends in the middle of a message.
        """
        yield from reader.iter_blocks()
        if reader.remainder and not self._stop.is_set:
            if not self._parser.is_message(reader.remainder):
                raise self._parser.truncated_error()
            yield reader.remainder

    def _on_error(self, error: Exception) -> None:
        if isinstance(error, PluginError):
            self.problem = error
            return
        _logger.debug("Unexpected error.", exc_info=error)
        self._has_bug = True
        self.problem = PluginError(describe_safely(error))

    def _is_stream_missing(self) -> bool:
        """Whether records came, and the stream that holds the invoices was not announced."""
        has_records = self._message_counts["RECORD"] + self._message_counts["BATCH"]
        return bool(has_records) and self._settings.stream not in self._streams

    def _describe_missing_stream(self) -> str:
        """Describe that the stream that holds the invoices is missing."""
        return (
            f"No invoice came: there is no stream {self._settings.stream!r}, only "
            f"{', '.join(map(repr, sorted(self._streams)))}. Check the setting stream."
        )

    def _close(self) -> None:
        """Mark what waits, and read the rest of the input, so that the tap can end."""
        self._acknowledger.close()
        if self._reader is not None:
            self._reader.discard()

    def _log_result(self, problems: Iterable[str], *, exit_code: int = 0) -> int:
        """Log the result of the run.

        Args:
            problems: What went wrong, apart from rejections.
            exit_code: That of a run that has failed for another reason, if it has.

        Returns:
            The exit code of the run.
        """
        problems = list(problems)
        is_failed = bool(problems) or self._counts.has_rejected
        exit_code = exit_code or (FAILED if is_failed else self._stop.exit_code)
        self._acknowledger.log_result(exit_code, problems)
        return exit_code
