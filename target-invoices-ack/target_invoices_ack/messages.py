"""Singer messages: of each line only what marking needs, the rest is passed over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from target_invoices_ack.errors import InputError, SchemaMissingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

NON_BOOKED = "non_booked"
"""The column in which tap-invoices flags drafts."""

_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

Message: TypeAlias = Any
"""A struct with `type`, `stream`, `record` (with `id` and `non_booked`) and `value`."""


class Messages:
    """Reads lines, and holds them to the order that Singer asks for."""

    def __init__(self, id_property: str) -> None:
        """Prepare for records whose id stands in `id_property`."""
        decoder = msgspec.json.Decoder(_message_type(id_property))
        self._decode: Callable[[bytes], Message] = decoder.decode
        self._schemas: set[str] = set()
        self._line = 0

    def read(self, line: bytes) -> Message:
        """Read one line.

        Returns:
            The message; None for an empty line.

        Raises:
            InputError: It is not a Singer message, or a RECORD before its SCHEMA. The
                line itself is not repeated: it could hold a customer's data.
        """
        self._line += 1
        try:
            message = self._message(line)
            if not line.isascii():
                line.decode()  # what is passed over was not looked at
        except _MALFORMED:
            if not line.strip():
                return None
            raise self._problem("is not a Singer message") from None
        if not _is_complete(message):
            raise self._problem("is not a Singer message")
        if message.type in {"RECORD", "BATCH"} and message.stream not in self._schemas:
            raise SchemaMissingError(
                f"Line {self._line} of the input is a {message.type} of stream "
                f"{message.stream!r} before its SCHEMA; nothing of it is marked. Check the tap.",
            )
        if message.type == "SCHEMA":
            self._schemas.add(message.stream)
        return message

    def is_whole(self, rest: bytes) -> bool:
        """Whether what stands behind the last newline is a message, and not half of one."""
        try:
            self._message(rest)
        except _MALFORMED:
            return False
        return True

    def _message(self, line: bytes) -> Message:
        try:
            return self._decode(line)
        except msgspec.DecodeError:
            # msgspec takes no half of a surrogate pair, as texts have that were cut short.
            if not _SURROGATE.search(line):
                raise
            message = self._decode(_SURROGATE.sub(b"?", line))
            if message.type == "STATE":  # it is printed again, and so must stay as it is
                raise
            return message

    def cut_off(self) -> InputError:
        """Return what to say where the input ends in the middle of a line."""
        self._line += 1
        return self._problem("ends in the middle of a message: the tap was cut off")

    def _problem(self, what: str) -> InputError:
        return InputError(
            f"Line {self._line} of the input {what}; nothing from there on is marked. "
            "Check what is piped in.",
        )


class _Encoding(msgspec.Struct):
    """How the files of a BATCH are written, as the SDK has it."""

    format: str
    compression: str | None = None


def _is_complete(message: Message) -> bool:
    """Whether a message is of a type that Singer knows and has what that asks for."""
    match message.type:
        case "RECORD":
            return message.stream is not None and message.record is not None
        case "SCHEMA" | "ACTIVATE_VERSION":
            return message.stream is not None
        case "STATE":
            return bool(bytes(message.value))
        case "BATCH":
            return None not in (message.stream, message.encoding, message.manifest)
        case _:
            return False


def _message_type(id_property: str) -> type[msgspec.Struct]:
    record = msgspec.defstruct(
        "Record",
        [("id", Any, None), (NON_BOOKED, Any, None)],
        rename={"id": id_property},
    )
    return msgspec.defstruct(
        "Message",
        [
            ("type", str),
            ("stream", str | None, None),
            ("record", record | None, None),
            ("value", msgspec.Raw, msgspec.Raw()),
            ("manifest", list[str] | None, None),
            ("encoding", _Encoding | None, None),
        ],
    )
