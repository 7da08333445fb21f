"""Singer messages on stdout, without a flush for each of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message

_LINE_ENDS = {
    b"\xe2\x80\xa8": b"\\u2028",
    b"\xe2\x80\xa9": b"\\u2029",
    b"\xc2\x85": b"\\u0085",
}
_LEADS = sorted({(character[:1], len(character)) for character in _LINE_ENDS})


def on_one_line(message: bytes | bytearray) -> bytes | bytearray:
    """Escape what some readers take for the end of a line: Unicode has more ends than JSON."""
    for lead, length in _LEADS:
        if lead in message:
            message = _escaped(message, lead, length)
    return message


def _escaped(message: bytes | bytearray, lead: bytes, length: int) -> bytes | bytearray:
    """Escape the line ends that begin with a byte.

    One byte is searched for many times faster than several.
    """
    pieces: list[bytes | bytearray] = []
    done = 0
    at = message.find(lead)
    while at >= 0:
        if escaped := _LINE_ENDS.get(bytes(message[at : at + length])):
            pieces += [message[done:at], escaped]
            done = at + length
        at = message.find(lead, at + 1)
    return b"".join([*pieces, message[done:]]) if pieces else message


class Writer(MsgSpecWriter):
    """The SDK's quick writer, which lets RECORDs gather until another message follows.

    Numbers keep their digits: a `Decimal` is written as it reads.
    """

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(on_one_line(self.format_message(message)))
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()
