"""An answer of the export endpoint: its invoices, found and numbered but not yet decoded.

An invoice stays the bytes that came until it is written, so an answer costs hardly more
memory than its bytes, and what is skipped is never decoded.
"""

from __future__ import annotations

import codecs
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from tap_invoices.errors import AnswerError, UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Bytes = bytes | bytearray

_decode_all = msgspec.json.Decoder(float_hook=Decimal).decode
_CHECKED_AT_ONCE = 1 << 20  # bytes of text in memory while its encoding is checked


class Invoice(msgspec.Struct, frozen=True, gc=False):
    """An invoice that was listed.

    Attributes:
        id: Its id.
        raw: The object as the API sent it, its lines included; on one line.
    """

    id: int
    raw: msgspec.Raw

    def decoded(self) -> dict[str, Any]:
        """Decode it, every number but integers as a `Decimal`."""
        invoice: dict[str, Any] = _decode_all(self.raw)
        return invoice


class _Answer(msgspec.Struct, gc=False):
    invoices: list[msgspec.Raw]


class _Identified(msgspec.Struct, gc=False):
    id: int


class _Ids(msgspec.Struct, gc=False):
    invoices: list[_Identified]


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_ids = msgspec.json.Decoder(_Ids).decode


def parse(body: Bytes) -> list[Invoice]:
    """Find the invoices of an answer.

    Raises:
        UnusableError: The body is not JSON; asking again may help.
        AnswerError: It is JSON, but no list of invoices with integer ids.
    """
    try:
        _check_encoding(body)
        body = _on_one_line(body)
        raws = _decode_answer(body).invoices
        ids = _decode_ids(body).invoices
    except msgspec.ValidationError:
        raise AnswerError(_what_came(body)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableError(
            "The API answered something that is not JSON. Check api_url, and whether a proxy "
            "stands in between.",
        ) from error
    return [Invoice(each.id, raw) for each, raw in zip(ids, raws, strict=True)]


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
    if body.count(b"\n", 0, -1) or body.count(b"\r", 0, -1):
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
