"""The relay: every line goes on to a loader unchanged, and marking follows its word."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from target_invoices_ack.confirm import Confirmed, Ledger
from target_invoices_ack.errors import TargetError
from target_invoices_ack.ids import invoice_id, is_draft
from target_invoices_ack.loader import Loader
from target_invoices_ack.messages import NON_BOOKED, Messages
from target_invoices_ack.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_invoices_ack.acknowledger import Acknowledger
    from target_invoices_ack.messages import Message
    from target_invoices_ack.stopping import Stop

_LOG_EVERY = 10.0  # seconds

_IDLE = 0.5
"""Seconds without input after which the loader gets all that has come so far."""

_logger = logging.getLogger("target-invoices-ack")


class Relay(GenericSingerReader[bytes]):
    """Reads the tap's messages, as the SDK's readers do, and passes them on.

    The SDK's target asks its reader for all lines; a reader that feeds a loader on the way
    needs no part of it changed.
    """

    default_input = sys.stdin.buffer

    def __init__(
        self,
        config: Mapping[str, Any],
        stop: Stop,
        acknowledger: Acknowledger,
        ids_in_files: Callable[[Message], list[tuple[object, bool]]],
    ) -> None:
        """Prepare the relay; the loader starts with the first line.

        Args:
            config: The target's settings.
            stop: Ends the relay when asked.
            acknowledger: Marks what is confirmed.
            ids_in_files: Reads ids, and whether they are drafts, from a BATCH's files.
        """
        super().__init__()
        self._config = config
        self._stream: str = config["stream"]
        self._id_property: str = config["id_property"]
        self._by_state = config["confirm"] == "state"
        self._stop = stop
        self._acknowledger = acknowledger
        self._ids_in_files = ids_in_files
        self._messages = Messages(self._id_property)
        self._ledger = Ledger()
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._strange = 0
        self._problem: TargetError | None = None
        self._loader: Loader | None = None
        self._logged = time.monotonic()

    @override
    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        raise NotImplementedError  # lines are read by messages.py

    @override
    def process_lines(self, file_input: IO[Any] | None, callbacks: object) -> Counter[str]:
        """Feed the loader until the input ends, is no Singer, or a signal comes.

        Args:
            file_input: What to read; standard input by default.
            callbacks: Not used: nothing but marking is the target's.

        Raises:
            LoaderError: The loader cannot be started.
        """
        command = self._config["loader"]
        self._loader = Loader(command, self._stop, self._heard, self._log_progress)
        source = Source(file_input or self.default_input, self._stop, idle=_IDLE)
        for block in source.blocks():
            if not self._pass_on(block):
                break
        else:
            self._end(source.rest)
        return self._counts

    def finish(self) -> int:
        """Wait for the loader, mark what it confirmed, and sum up.

        Returns:
            The exit code: the loader's where it failed.
        """
        assert self._loader is not None  # noqa: S101 - process_lines ran
        code = self._loader.wait()
        whole = self._loader.took_all and self._loader.trusted
        if code == 0 and whole:
            self._take(self._confirmed_by_exit())
        self._acknowledger.close()
        return self._sum_up(code, whole=whole)

    def _pass_on(self, block: bytes) -> bool:
        """Take in a block and feed it; false where the relay ends here."""
        assert self._loader is not None  # noqa: S101 - process_lines started it
        fed = self._loader.feed(self._take_in(block) if block else block)
        self._log_progress()
        if fed and self._problem is not None:
            self._loader.end_input()
        return fed and self._problem is None

    def _end(self, rest: bytes) -> None:
        assert self._loader is not None  # noqa: S101 - process_lines started it
        if rest and self._messages.is_whole(rest):
            if not self._pass_on(rest):
                return
        elif rest and not self._stop.asked:
            self._problem = self._messages.cut_off()
        self._loader.end_input()

    def _take_in(self, block: bytes) -> bytes:
        """Note what a block holds, before the loader can answer to it.

        Returns:
            The lines up to the first bad one.
        """
        with self._lock:
            good = 0
            for line in block.removesuffix(b"\n").split(b"\n"):
                try:
                    message = self._messages.read(line)
                    if message is not None:
                        self._note(message)
                except TargetError as error:
                    self._problem = error
                    return block[:good]
                good += len(line) + 1
        return block

    def _note(self, message: Message) -> None:
        kind = message.type
        self._counts[kind] += 1
        if kind == "SCHEMA":
            self._ledger.schema(message.stream)
        elif kind == "RECORD":
            if message.stream == self._stream and (record := message.record):
                self._note_invoice(record.id, draft=is_draft(getattr(record, NON_BOOKED)))
        elif kind == "STATE":
            self._ledger.sent(bytes(message.value))
        elif kind == "BATCH" and message.stream == self._stream:
            for found, draft in self._ids_in_files(message):
                self._note_invoice(found, draft=draft)

    def _note_invoice(self, found: object, *, draft: bool) -> None:
        if draft:
            self._acknowledger.tally.drafts += 1
        else:
            self._ledger.invoice(invoice_id(found, self._id_property))

    def _heard(self, line: bytes) -> None:
        """Take in a line of the loader; called in the thread that listens to it."""
        if not self._by_state:
            return
        with self._lock:
            confirmed = self._ledger.heard(line)
        if confirmed is None:
            self._strange += 1
            if self._strange == 1:
                _logger.warning(
                    "The loader printed a line that is no STATE of this tap; it confirms nothing. "
                    "What else a loader has to say belongs on its stderr.",
                )
            return
        self._take(confirmed)

    def _confirmed_by_exit(self) -> Confirmed:
        with self._lock:
            return self._ledger.ended()

    def _take(self, confirmed: Confirmed) -> None:
        try:
            self._acknowledger.take(confirmed.ids, confirmed.state)
        except TargetError as error:
            self._problem = self._problem or error
            self._stop.ask()

    def _log_progress(self) -> None:
        now = time.monotonic()
        if now - self._logged < _LOG_EVERY:
            return
        self._logged = now
        _logger.info(
            "%d invoices sent to the loader, %d of them confirmed, %d marked, %d waiting.",
            self._ledger.received,
            self._ledger.received - self._ledger.waiting,
            self._acknowledger.tally.marked,
            self._ledger.waiting,
        )

    def _sum_up(self, code: int, *, whole: bool) -> int:
        if self._ledger.unfollowed:
            _logger.warning(
                "%d invoices are not followed by a STATE of the tap, which may have been cut "
                "off: they stay unmarked and are listed again.",
                self._ledger.unfollowed,
            )
        if self._counts["RECORD"] and not self._ledger.received:
            _logger.warning("No invoice came in stream %r. Check stream.", self._stream)
        self._acknowledger.sum_up(self._ledger.received, self._ledger.waiting)
        problem = self._problem or self._acknowledger.failure
        if problem:
            _logger.error("%s", problem)
        if code:
            _logger.error(
                "The loader failed with exit code %d; what it had not confirmed stays unmarked. "
                "Its own words above say why; run again once that is mended.",
                code,
            )
            return code
        if not whole:
            _logger.error(
                "The loader ended before it had taken all its input; only what it confirmed "
                "by a STATE is marked. The next run delivers the rest.",
            )
            return self._stop.exit_code or 1
        if problem or self._acknowledger.tally.refused:
            return 1
        return self._stop.exit_code
