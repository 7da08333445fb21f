"""Where records go: what a writer knows of a stream, and Singer messages on stdout."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from singer_sdk.contrib.msgspec import MsgSpecWriter, serialize_jsonl
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_invoices._shared.response import UndeliverableInvoice
from tap_invoices.catalog import COMPUTED_COLUMNS
from tap_invoices.records.build import RecordBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import Message

    from tap_invoices._shared.response import RawInvoice
    from tap_invoices.catalog import HiddenTree, JsonSchema

Bytes: TypeAlias = bytes | bytearray
Outcome: TypeAlias = int | UndeliverableInvoice
"""What became of an invoice: the number of its lines that were delivered, or why none was."""


@dataclass(frozen=True)
class StreamOutput:
    """A selected stream, as a writer sees it.

    Args:
        name: Its name.
        schema: What its records can hold.
        dropped: Columns that the user deselected.
        hidden: What the user deselected inside objects.
        is_plain: Whether records are written as they are built: no stream map, no flattening,
            nothing deselected inside objects, no version.
        transform: Sends a record through the SDK's selection, stream maps and flattening.
    """

    name: str
    schema: JsonSchema
    dropped: frozenset[str]
    hidden: HiddenTree
    is_plain: bool
    transform: Callable[[Record], Iterable[RecordMessage]]

    def builder(self) -> RecordBuilder:
        """Return what makes the stream's records."""
        computed = frozenset(COMPUTED_COLUMNS[self.name])
        return RecordBuilder(self.schema, computed, self.dropped, self.hidden)


class RecordWriter(Protocol):
    """Writes invoices and their lines, an invoice first and then its lines.

    Attributes:
        batch_size: How many invoices to write at once: what a signal waits for.
    """

    batch_size: int

    def write(self, batch: Sequence[RawInvoice]) -> list[Outcome]:
        """Write invoices and their lines, all of an invoice or nothing."""

    def flush(self, *, force: bool = False) -> bool:
        """Flush stdout, or write the batch files if they are full.

        Args:
            force: Whether to write batch files that are not full yet.

        Returns:
            Whether everything is flushed or in files, so that a STATE may cover it.
        """


class Writer(MsgSpecWriter):
    """The SDK's fast writer; it flushes only after messages that are not RECORDs.

    Numbers keep their digits: a `Decimal` is written as it reads.
    """

    @override
    def write_message(self, message: Message) -> None:
        write_lines(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()


def encode_messages(messages: Iterable[Message]) -> bytes:
    """Encode messages, each on a line."""
    return b"".join(bytes(serialize_jsonl(message.to_dict())) for message in messages)


def write_lines(lines: Bytes) -> None:
    """Write complete lines to stdout, which `_shared.output` has made a complete writer."""
    sys.stdout.buffer.write(escape_line_separators(lines))


_SEPARATORS = {
    b"\xe2\x80\xa8": b"\\u2028",
    b"\xe2\x80\xa9": b"\\u2029",
    b"\xc2\x85": b"\\u0085",
}
_LEAD_BYTES = sorted({(character[:1], len(character)) for character in _SEPARATORS})


def escape_line_separators(lines: Bytes) -> Bytes:
    """Escape what some readers take for the end of a line: Unicode has more of them than JSON."""
    for lead, length in _LEAD_BYTES:
        if lead in lines:
            lines = _escape(lines, lead, length)
    return lines


def _escape(lines: Bytes, lead: bytes, length: int) -> Bytes:
    """Escape the separators that begin with a byte: one byte is found faster than several."""
    pieces: list[Bytes] = []
    done = 0
    at = lines.find(lead)
    while at >= 0:
        if escaped := _SEPARATORS.get(bytes(lines[at : at + length])):
            pieces += [lines[done:at], escaped]
            done = at + length
        at = lines.find(lead, at + 1)
    return b"".join([*pieces, lines[done:]]) if pieces else lines
