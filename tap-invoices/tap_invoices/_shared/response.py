"""The response of the export endpoint: its invoices, found and numbered but not yet decoded.

An invoice stays the bytes that came until it is written, so a response costs hardly more
memory than its bytes, and one that the tap skips is never decoded. One invoice that cannot be read
does not keep the others from being read.
"""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from .errors import MalformedResponseError, PluginError, UnexpectedResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON: TypeAlias = Any
Bytes: TypeAlias = bytes | bytearray

MAX_ID = 2**63 - 1
"""The largest integer that databases and the API's own ids can hold."""

_CHUNK_SIZE = 1 << 16  # bytes; what they decode to stays in the processor's cache
_decode_json = msgspec.json.Decoder(float_hook=Decimal).decode


class RawInvoice(msgspec.Struct, gc=False):
    """An invoice that was listed.

    Attributes:
        id: Its id.
        raw: The object as the API sent it, its lines included; on one line.
        non_booked: Whether it is a draft.
    """

    id: int
    raw: msgspec.Raw
    non_booked: bool = False

    def decode(self) -> dict[str, JSON]:
        """Decode it; every number but integers is a `Decimal`.

        Raises:
            ValueError: It is not valid JSON, or nested too deeply.
        """
        invoice: dict[str, JSON] = decode_json(self.raw)
        return invoice


class UndeliverableInvoice(msgspec.Struct, frozen=True, gc=False):
    """An invoice that was listed and cannot be read.

    Attributes:
        id: Its id, if that can be read.
        reason: Why not; it holds none of the invoice's data.
    """

    id: int | None
    reason: str


Row: TypeAlias = RawInvoice | UndeliverableInvoice


class _Listing(msgspec.Struct, gc=False):
    # PHP writes a filtered collection as an object whose keys are the old indexes.
    invoices: list[msgspec.Raw] | dict[str, msgspec.Raw]


class _Identified(msgspec.Struct, gc=False):
    id: int


_decode_listing = msgspec.json.Decoder(_Listing).decode
_decode_id = msgspec.json.Decoder(_Identified).decode
_ID_FIRST = re.compile(rb'\{"id":(-?[0-9]{1,18})[,}]')
_ID_WRITTEN = re.compile(rb'\{\s*"id"\s*:\s*("[0-9.-]{1,30}"|[0-9.eE+-]{1,30}|null)\s*[,}]')
_ID_ANYWHERE = re.compile(rb'\{\s*"id"\s*:\s*(-?[0-9]{1,18})\s*[,}]')


def decode_json(raw: Bytes | msgspec.Raw) -> JSON:
    """Decode JSON; numbers keep their digits, however many.

    Raises:
        ValueError: It is not valid JSON, nested too deeply, or a number is out of all bounds.
    """
    try:
        return _decode_json(raw)
    except (msgspec.MsgspecError, DecimalException):
        pass
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    try:
        text = bytes(raw).decode()
        return json.loads(
            text, parse_int=_parse_int, parse_float=Decimal, parse_constant=_reject_constant
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except DecimalException:
        raise ValueError("it holds a number that is out of all bounds") from None
    except ValueError:
        raise ValueError("it is not valid JSON") from None


def _parse_int(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < len(str(MAX_ID)) * 2 else Decimal(digits)


def _reject_constant(constant: str) -> None:
    raise ValueError(constant)


def parse_listing(body: Bytes) -> list[Row]:
    """Find the invoices of a response.

    Raises:
        MalformedResponseError: The body is not JSON; another attempt may help.
        UnexpectedResponseError: It is JSON, but not a list of invoices.
    """
    body = replace_lone_surrogates(body)
    try:
        _check_encoding(body)
        listing = _decode_listing(_on_one_line(body)).invoices
    except msgspec.ValidationError:
        raise _unusable(body) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        elements, is_complete = split_invoices(body)
        if not is_complete:
            raise _unusable(body) from None
        return [_validated_row(element) for element in elements]
    return [_row(raw) for raw in (listing.values() if isinstance(listing, dict) else listing)]


def parse_listing_start(body: Bytes) -> list[Row]:
    """Find the complete invoices in the first part of a response."""
    elements, _ = split_invoices(replace_lone_surrogates(body))
    return [_validated_row(element) for element in elements]


def _row(raw: msgspec.Raw) -> Row:
    """Return an invoice: as a rule its id is the first field, and the rest need not be read."""
    if first := _ID_FIRST.match(raw):
        return RawInvoice(int(first[1]), raw)
    try:
        invoice_id = _decode_id(raw).id
    except msgspec.MsgspecError:
        written = _ID_WRITTEN.match(raw)
        what = f"its id is {written[1].decode()}, not an integer" if written else "it has no id"
        return UndeliverableInvoice(None, what)
    if not -MAX_ID <= invoice_id <= MAX_ID:
        return UndeliverableInvoice(None, "its id is not a 64-bit integer")
    return RawInvoice(invoice_id, raw)


def _validated_row(element: memoryview) -> Row:
    """Return an invoice of a response of which at least one cannot be read."""
    match = _ID_ANYWHERE.match(element)
    invoice_id = int(match[1]) if match else None
    try:
        bytes(element).decode()
        return _row(
            msgspec.json.decode(msgspec.json.format(bytes(element), indent=-1), type=msgspec.Raw)
        )
    except UnicodeDecodeError:
        return UndeliverableInvoice(invoice_id, "it is not valid UTF-8")
    except RecursionError:
        return UndeliverableInvoice(invoice_id, "it is nested too deeply")
    except msgspec.DecodeError:
        return UndeliverableInvoice(invoice_id, "it is not valid JSON")


_TOKEN = re.compile(
    rb'"([^"\\]*(?:\\.[^"\\]*)*)(?:"(\s*:)?|\\?\Z)'  # text, and whether it is a key
    rb'|[\[\]{}]|[^\s"\[\]{},:]+',
    re.DOTALL,
)


def split_invoices(body: Bytes) -> tuple[list[memoryview], bool]:
    """Find the bytes of each invoice by counting brackets, without decoding any.

    Returns:
        The invoices that are complete, and whether the whole response is, with a list in it.
    """
    view = memoryview(body)
    elements: list[memoryview] = []
    open_at: list[int] = []  # where the brackets are that are not closed yet
    key = None
    has_list = False
    for token in _TOKEN.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            open_at.append(token.start())
            continue
        start = open_at.pop() if first in b"]}" and open_at else token.start()
        match len(open_at):
            case 0:
                return elements, has_list and not body[token.end() :].strip()
            case 1 if token[2]:
                key = token[1]
            case 1 if key == b"invoices":
                has_list = first in b"]}"
            case 2 if key == b"invoices" and not token[2]:
                elements.append(view[start : token.end()])
    return elements, False


_SURROGATE = re.compile(rb"\\u[dD]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def replace_lone_surrogates(body: Bytes) -> Bytes:
    """Replace halves of surrogate pairs, as texts have that were cut short, by U+FFFD."""
    if not _SURROGATE.search(body):
        return body
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match[1] else match[0], body)


def _check_encoding(body: Bytes) -> None:
    """Raise a `UnicodeDecodeError` if text is not UTF-8: what stays raw is not checked."""
    if body.isascii():
        return
    check = codecs.getincrementaldecoder("utf-8")().decode
    for chunk in _chunks(memoryview(body)):
        check(chunk)
    check(b"", final=True)


def _on_one_line(body: Bytes) -> Bytes:
    """Remove line ends: what stays raw is copied into messages, which are a line each."""
    if body.find(b"\n", 0, -1) >= 0 or body.find(b"\r", 0, -1) >= 0:
        return msgspec.json.format(bytes(body), indent=-1)
    return body


def _chunks(body: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(body), _CHUNK_SIZE):
        yield body[start : start + _CHUNK_SIZE]


def _unusable(body: Bytes) -> PluginError:
    """Return the error for a body without a list of invoices: other JSON, or no JSON."""
    kind = _kind(body)
    found = kind
    try:
        if kind == _OBJECT:
            invoices = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("invoices")
            found += f" whose `invoices` is {_kind(invoices)}" if invoices else " without it"
        else:
            msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return MalformedResponseError(_describe_malformed(body))
    return UnexpectedResponseError(
        "The API answered without a list of invoices: an object with `invoices` was expected, "
        f"{found} came. Check api_url.",
    )


_OBJECT = "an object"
_KINDS = {b"{": _OBJECT, b"[": "a list", b'"': "text", b"t": "true", b"f": "false", b"n": "null"}


def _kind(raw: Bytes | msgspec.Raw) -> str:
    return _KINDS.get(bytes(memoryview(raw)[:100]).lstrip()[:1], "a number")


def _describe_malformed(body: Bytes) -> str:
    start = bytes(body[:100]).lstrip().lower()
    if not start:
        return "its response is empty"
    if start.startswith((b"<!doctype", b"<html", b"<br", b"<b>")):
        return "it sent an HTML page, not JSON; it, or a proxy, may have a problem"
    return "its response is not valid JSON, or cut off"
