"""Singer messages on stdout, without a flush for each of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.singerlib import Message


class Writer(MsgSpecWriter):
    """The SDK's quick writer, which lets RECORDs gather until another message follows.

    Numbers keep their digits: a `Decimal` is written as it reads.
    """

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()
