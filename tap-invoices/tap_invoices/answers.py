"""An answer of the export endpoint: its invoices, found and numbered but not yet decoded.

An invoice stays the bytes that came until it is written, so an answer costs hardly more
memory than its bytes, and what is skipped is never decoded.
"""

from __future__ import annotations

import codecs
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_invoices.errors import AnswerError, UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Bytes = bytes | bytearray

_decode_all = msgspec.json.Decoder(float_hook=Decimal).decode
_CHECKED_AT_ONCE = 1 << 16  # bytes; what they decode to stays in the processor's cache


class Invoice(msgspec.Struct, gc=False):
    """An invoice that was listed.

    Attributes:
        id: Its id.
        raw: The object as the API sent it, its lines included; on one line.
        non_booked: Whether it is a draft; None where no drafts are asked for.
    """

    id: int
    raw: msgspec.Raw
    non_booked: bool | None = None

    def decoded(self) -> dict[str, Any]:
        """Decode it, every number but integers as a `Decimal`."""
        invoice: dict[str, Any] = _decode_all(self.raw)
        return invoice


class _Answer(msgspec.Struct, gc=False):
    invoices: list[msgspec.Raw]


class _Identified(msgspec.Struct, gc=False):
    id: int


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_id = msgspec.json.Decoder(_Identified).decode
_ID_FIRST = re.compile(rb'\{"id":(-?\d{1,18})[,}]')


def parse(body: Bytes) -> list[Invoice]:
    """Find the invoices of an answer.

    Raises:
        UnusableError: The body is not JSON; asking again may help.
        AnswerError: It is JSON, but no list of invoices with integer ids.
    """
    try:
        _check_encoding(body)
        body = _on_one_line(body)
        return [Invoice(_id_of(raw), raw) for raw in _decode_answer(body).invoices]
    except msgspec.ValidationError:
        raise AnswerError(_what_came(body)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableError(
            "The API answered something that is not JSON. Check api_url, and whether a proxy "
            "stands in between.",
        ) from error


def _id_of(raw: msgspec.Raw) -> int:
    """Return an invoice's id: as a rule it is the first field, and the rest need not be read.

    Raises:
        ValidationError: It is no object with an integer id.
    """
    first = _ID_FIRST.match(raw)
    return int(first[1]) if first else _decode_id(raw).id


def _check_encoding(body: Bytes) -> None:
    """Raise a `UnicodeDecodeError` where text is not UTF-8: what stays raw is not checked."""
    if body.isascii():
        return
    check = codecs.getincrementaldecoder("utf-8")().decode
    for part in _parts(memoryview(body)):
        check(part)
    check(b"", final=True)


def _on_one_line(body: Bytes) -> Bytes:
    """Take line ends out: what stays raw is copied into messages, which are a line each."""
    if body.find(b"\n", 0, -1) >= 0 or body.find(b"\r", 0, -1) >= 0:
        return msgspec.json.format(bytes(body), indent=-1)
    return body


def _parts(body: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(body), _CHECKED_AT_ONCE):
        yield body[start : start + _CHECKED_AT_ONCE]


def _what_came(body: Bytes) -> str:
    answer = _decode_all(body)
    invoices = answer.get("invoices") if isinstance(answer, dict) else None
    if isinstance(invoices, list):
        return "The API listed an invoice without an integer id; it cannot be marked."
    return (
        f"The API answered without a list of invoices (an object with `invoices` was "
        f"expected, {_shape_of(answer)} came). Check api_url."
    )


def _shape_of(answer: object) -> str:
    if isinstance(answer, dict):
        kind = type(answer.get("invoices")).__name__
        return f"one whose `invoices` is {kind}" if "invoices" in answer else "one without it"
    return f"a {type(answer).__name__}"
