"""Reading back: records of a table that is loaded already."""

from __future__ import annotations

import sys
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import InvalidInputLine
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from typing_extensions import override

from target_invoices_ack.errors import InputError, TargetError
from target_invoices_ack.messages import NON_BOOKED, Messages
from target_invoices_ack.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_invoices_ack.messages import Message
    from target_invoices_ack.stopping import Stop

    Callbacks = dict[str, Callable[[dict[str, Any]], None]]


class ReadBack(GenericSingerReader[bytes]):
    """Reads the messages that matter, and of their records the id alone.

    A table may hold anything; what is not needed can neither cost time nor fail.

    Attributes:
        problem: What ended the reading before its end, if anything did.
    """

    default_input = sys.stdin.buffer

    def __init__(
        self,
        config: Mapping[str, Any],
        stop: Stop,
        before: Callable[[], None],
    ) -> None:
        """Prepare to read.

        Args:
            config: The target's settings.
            stop: Ends the reading when asked.
            before: Called before the first line is read.
        """
        super().__init__()
        self._stream: str = config["stream"]
        self._id_property: str = config["id_property"]
        self._is_mapped = bool(config.get("stream_maps"))
        self._stop = stop
        self._before = before
        self.problem: TargetError | None = None
        self._messages = Messages(self._id_property)

    @override
    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(line)
        return decoded

    @override
    def process_lines(self, file_input: IO[Any] | None, callbacks: Callbacks) -> Counter[str]:
        """Hand the target what matters, until the input ends or a signal comes.

        Args:
            file_input: What to read; standard input by default.
            callbacks: The target's, by type of message.

        Raises:
            TargetError: The API was to be asked before and does not answer.
        """
        self._before()
        counts: Counter[str] = Counter()
        try:
            for line in self._lines(Source(file_input or self.default_input, self._stop)):
                counts[self._hand_on(line, callbacks)] += 1
        except TargetError as error:
            self.problem = error
        del counts[""]
        return counts

    def _lines(self, source: Source) -> Iterator[bytes]:
        for block in source.blocks():
            yield from block.removesuffix(b"\n").split(b"\n")
        if source.rest and not self._stop.asked:
            if not self._messages.is_whole(source.rest):
                raise self._messages.cut_off()
            yield source.rest

    def _hand_on(self, line: bytes, callbacks: Callbacks) -> str:
        message = self._messages.read(line)
        if message is None:
            return ""
        kind: str = message.type
        callback = callbacks.get(kind)
        if callback is None or not self._matters(message):
            return kind
        try:
            callback(self._reduced(message) or self.deserialize_json(line))
        except InvalidInputLine:  # its text repeats the line
            raise InputError(f"A {kind} message of the input lacks what Singer asks for.") from None
        return kind

    def _matters(self, message: Message) -> bool:
        if message.type in {"SCHEMA", "STATE"}:
            return True
        return self._is_mapped or message.stream == self._stream

    def _reduced(self, message: Message) -> dict[str, Any] | None:
        if message.type != "RECORD" or self._is_mapped or message.record is None:
            return None
        record = {
            self._id_property: message.record.id,
            NON_BOOKED: getattr(message.record, NON_BOOKED),
        }
        return {"type": "RECORD", "stream": message.stream, "record": record}
