"""Singer messages on stdout, without a flush for each of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message


_LINE_BREAKS = {
    b"\xe2\x80\xa8": b"\\u2028",
    b"\xe2\x80\xa9": b"\\u2029",
    b"\xc2\x85": b"\\u0085",
}


def on_one_line(message: bytes | bytearray) -> bytes | bytearray:
    """Escape what some readers take for the end of a line: Unicode has more ends than JSON."""
    for character, escaped in _LINE_BREAKS.items():
        if character in message:
            message = message.replace(character, escaped)
    return message


class Writer(MsgSpecWriter):
    """The SDK's quick writer, which lets RECORDs gather until another message follows.

    Numbers keep their digits: a `Decimal` is written as it reads.
    """

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(on_one_line(self.format_message(message)))
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()
