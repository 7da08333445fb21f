"""Parsing Singer messages: only what marking needs, the rest of each line is skipped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from singer_sdk.exceptions import RecordsWithoutSchemaException

from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.response import replace_lone_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable

NON_BOOKED = "non_booked"
"""The column in which `tap-invoices` flags drafts."""

CREATED_AT = "created_at"

INVOICE_ID = "invoice_id"
"""The column in which a line holds the id of its invoice."""

T = TypeVar("T")

_MAX_DIGITS = 4000
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class InputError(PluginError):
    """The input is not what a tap sends."""


class SchemaMissingError(InputError, RecordsWithoutSchemaException):
    """A RECORD came before the SCHEMA of its stream."""


class BatchEncoding(msgspec.Struct):
    """How the files of a BATCH are written, as the SDK has it."""

    format: str
    compression: str | None = None


class Message(msgspec.Struct, gc=False):
    """A Singer message; what its type does not have is empty."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    value: msgspec.Raw = msgspec.Raw()
    manifest: list[str] | None = None
    encoding: BatchEncoding | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it is of a type that Singer knows and has what that type requires."""
        match self.type:
            case "RECORD":
                return self.stream is not None and bytes(self.record)[:1] == b"{"
            case "SCHEMA" | "ACTIVATE_VERSION":
                return self.stream is not None
            case "STATE":
                return bool(bytes(self.value))
            case "BATCH":
                return None not in (self.stream, self.encoding, self.manifest)
            case _:
                return False


class InvoiceKeys(msgspec.Struct, gc=False):
    """What is read of an invoice's record."""

    id: Any = None
    non_booked: Any = None
    created_at: Any = None


class LineKeys(msgspec.Struct, gc=False):
    """What is read of any other record."""

    invoice_id: Any = None


_decode_message: Callable[[bytes], Message] = msgspec.json.Decoder(Message).decode
_decode_line = msgspec.json.Decoder(LineKeys).decode
_decode_columns = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class MessageParser:
    """Parses lines, and checks that a SCHEMA comes before the records of its stream.

    Args:
        id_property: The property that holds an invoice's id.
    """

    def __init__(self, id_property: str) -> None:
        fields = [(name, Any, None) for name in ("id", NON_BOOKED, CREATED_AT)]
        keys = msgspec.defstruct("Keys", fields, rename={"id": id_property})
        self._decode_keys = msgspec.json.Decoder(keys).decode
        self._schemas: set[str | None] = set()
        self._line_number = 0

    def parse(self, line: bytes) -> Message | None:
        """Parse a line.

        Returns:
            The message; None for an empty line.

        Raises:
            InputError: It is not a Singer message, or a RECORD before its SCHEMA. The line is
                not repeated: it could hold a customer's data.
        """
        self._line_number += 1
        try:
            message = self._decode(line)
            if not line.isascii():
                line.decode()  # the decoder does not check text that it skips
        except _DECODE_ERRORS:
            if not line.strip():
                return None
            raise self._error("is not a Singer message") from None
        if message.type in {"RECORD", "BATCH"} and message.stream not in self._schemas:
            raise SchemaMissingError(
                f"Line {self._line_number} of the input is a {message.type} of stream "
                f"{message.stream!r} before its SCHEMA; nothing from there on is marked. "
                "Check the tap.",
            )
        if message.type == "SCHEMA":
            self._schemas.add(message.stream)
        return message

    def invoice_keys(self, message: Message) -> InvoiceKeys:
        """Return what is read of an invoice's record.

        Raises:
            InputError: It cannot be decoded.
        """
        keys: Any = self._checked(self._decode_keys, message.record)
        flag = keys.non_booked
        if flag is None and NON_BOOKED.encode() in bytes(message.record).lower():
            flags = self.columns(message, NON_BOOKED).values()  # in another case
            flag = next((each for each in flags if each), None)
        return InvoiceKeys(keys.id, flag, keys.created_at)

    def line_invoice_id(self, message: Message) -> object:
        """Return the invoice id that the record of another stream holds, or None.

        Raises:
            InputError: It cannot be decoded.
        """
        keys: LineKeys = self._checked(_decode_line, message.record)
        return keys.invoice_id

    def state_value(self, message: Message) -> Any:  # noqa: ANN401 - JSON
        """Return the value of a STATE.

        Raises:
            InputError: It cannot be decoded.
        """
        return self._checked(decode_state, message.value)

    def columns(self, message: Message, *names: str) -> dict[str, Any]:
        """Return columns of a record, whose names are compared without regard to case.

        Args:
            message: A RECORD.
            names: The columns; those that the record lacks are left out.

        Returns:
            The columns under the names that the record has.

        Raises:
            InputError: It cannot be decoded.
        """
        wanted = {name.lower() for name in names}
        record = self._checked(_decode_columns, message.record)
        return {
            name: self._checked(msgspec.json.decode, value)
            for name, value in record.items()
            if name.lower() in wanted
        }

    def is_message(self, remainder: bytes) -> bool:
        """Whether what stands behind the last newline is a message, and not half of one."""
        try:
            self._decode(remainder)
        except _DECODE_ERRORS:
            return False
        return True

    def truncated_error(self) -> InputError:
        """Return the error for an input that ends in the middle of a line."""
        self._line_number += 1
        return self._error("ends in the middle of a message: the tap was cut off")

    def _decode(self, line: bytes) -> Message:
        try:
            message = _decode_message(line)
        except msgspec.DecodeError:
            message = _decode_message(bytes(replace_lone_surrogates(line)))
        if not message.is_complete:
            raise msgspec.DecodeError
        return message

    def _checked(self, decode: Callable[[msgspec.Raw], T], raw: msgspec.Raw) -> T:
        try:
            return decode(raw)
        except (*_DECODE_ERRORS, ValueError):
            raise self._error("is not a Singer message") from None

    def _error(self, what: str) -> InputError:
        return InputError(
            f"Line {self._line_number} of the input {what}; nothing from there on is marked. "
            "Check what is piped in.",
        )


def decode_state(state: bytes | msgspec.Raw) -> Any:  # noqa: ANN401 - JSON
    """Decode a STATE's value, as other programs may write it too.

    Raises:
        ValueError: It is not valid JSON, or nested too deeply.
    """
    try:
        return json.loads(bytes(replace_lone_surrogates(bytes(state))), parse_int=_parse_int)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parse_int(digits: str) -> int | str:
    """Parse an integer; one of so many digits that Python refuses stays text."""
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def column(record: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - a record's value
    """Return a column's value: of the exact name, else of one in another case, else None."""
    if name in record:
        return record[name]
    return next((record[each] for each in record if each.lower() == name.lower()), None)
