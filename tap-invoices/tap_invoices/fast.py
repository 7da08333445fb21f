"""The fast path: RECORD lines made from the bytes that came, several invoices at once.

It is taken where a record is what `records.py` makes of the API's object and nothing else
is asked for: `applies` says when. An invoice that does not fit its columns goes the
general way by itself, through the same `Shaper`; the lines come out the same.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import chain, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType
from singer_sdk.mapper import SameRecordTransform

from tap_invoices.layout import Layout, Ours, encoder
from tap_invoices.records import MismatchError
from tap_invoices.schema import EXTRA, INVOICE_ID, LINES, NON_BOOKED
from tap_invoices.writer import on_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from singer_sdk.helpers.types import Record

    from tap_invoices.answers import Invoice
    from tap_invoices.streams import ExportStream

    Records = tuple[Record | None, list[Record]]

_MOST_LOOSE = 100  # names without a column that a layout learns: each costs a little an object


_COLUMN = ("properties", "name")  # the form of a path that names a column


def applies(stream: ExportStream) -> bool:
    """Whether a stream's records are written as `records.py` makes them.

    That is: no stream map, no flattening, no field deselected inside an object, no version
    in each message.
    """
    maps = stream.stream_maps
    return (
        len(maps) == 1
        and type(maps[0]) is SameRecordTransform
        and not maps[0].flattening_enabled
        and not stream.emit_activate_version_messages
        and not any(
            not selected and len(path) > len(_COLUMN) and stream.mask[path[: len(_COLUMN)]]
            for path, selected in list(stream.mask.items())
        )
    )


def writer(
    invoices: ExportStream | None,
    lines: ExportStream | None,
    general: Callable[[Invoice], Records],
) -> FastWriter | None:
    """Return the fast path's writer, or None where only the general path will do.

    Args:
        invoices: The invoices' stream, if it is selected.
        lines: The lines' stream, if it is selected.
        general: Makes the records of an invoice the general way.
    """
    if not all(applies(stream) for stream in (invoices, lines) if stream):
        return None
    try:
        return FastWriter(invoices, lines, general)
    except ValueError:  # a column's name that msgspec does not take, such as one with a quote
        return None


class _Message(msgspec.Struct, tag_field="type", tag="RECORD", gc=False):
    stream: str
    record: Any
    time_extracted: str


_invoice_id = attrgetter(INVOICE_ID)


class FastWriter:
    """Writes invoices and their lines, those of several invoices at once."""

    at_once = 50
    """Invoices: what a signal waits for. Few enough to be out in an instant."""

    def __init__(
        self,
        invoices: ExportStream | None,
        lines: ExportStream | None,
        general: Callable[[Invoice], Records],
    ) -> None:
        """Prepare both streams; see `writer` for the arguments.

        Raises:
            ValueError: A column has a name that msgspec does not take.
        """
        self._invoices = invoices
        self._lines = lines
        self._general = general
        self._loose: tuple[list[str], list[str]] = ([], [])
        self._build(self._loose)

    def write(self, few: Sequence[Invoice]) -> list[int]:
        """Write some invoices and their lines.

        Returns:
            How many lines each had.
        """
        now = datetime.now(UTC).isoformat()
        messages: list[_Message] = []
        records = self._records(few)
        for invoice, lines in records:
            if self._invoices:
                messages.append(_Message(self._invoices.name, invoice, now))
            if self._lines:
                messages += map(_Message, repeat(self._lines.name), lines, repeat(now))
        sys.stdout.buffer.write(on_one_line(encoder.encode_lines(messages)))
        return [len(lines) for _, lines in records]

    def _records(self, few: Sequence[Invoice]) -> list[tuple[Any, Sequence[Any]]]:
        try:
            return self._quick(few)
        except (msgspec.ValidationError, MismatchError):
            if len(few) > 1:
                return [records for each in few for records in self._records([each])]
            invoice, lines = self._general(few[0])
            self._learn(invoice, lines)
            return [(invoice, lines)]

    def _quick(self, few: Sequence[Invoice]) -> list[tuple[Any, Sequence[Any]]]:
        """Make records the quick way.

        Raises:
            ValidationError: An invoice does not fit its columns,
            MismatchError: or one of its values does not.
        """
        invoices: list[Any] = [self._decode(listed.raw) for listed in few]
        lines = [invoice.lines or () for invoice in invoices]
        if self._invoice_layout:
            for invoice, listed in zip(invoices, few, strict=True):
                invoice.lines = UNSET
                invoice.non_booked = listed.non_booked
            self._invoice_layout.finish(invoices)
        if not self._line_layout:
            return [(invoice, ()) for invoice in invoices]
        _tie(lines, [listed.id for listed in few])
        self._line_layout.finish([*chain.from_iterable(lines)])
        return list(zip(invoices, lines, strict=True))

    def _build(self, loose: tuple[list[str], list[str]]) -> None:
        self._line_layout = self._invoice_layout = None
        rows: Any = Raw
        if self._lines:
            own: list[Any] = [("id", int), (INVOICE_ID, int | UnsetType, UNSET)]
            self._line_layout = _layout(self._lines, own, loose[1])
            rows = self._line_layout.struct
        own = [(LINES, list[rows] | None | UnsetType, UNSET)]
        kind: Any = msgspec.defstruct("Carrier", own)
        if self._invoices:
            own = [("id", int), (NON_BOOKED, Ours, None), *own]
            self._invoice_layout = _layout(self._invoices, own, loose[0])
            kind = self._invoice_layout.struct
        self._decode = msgspec.json.Decoder(kind).decode

    def _learn(self, invoice: Record | None, lines: Iterable[Record]) -> None:
        """Take up fields that were met in `_extra` for want of a column."""
        invoice_names, line_names = self._loose
        grown = (
            invoice_names + _unknown(self._invoice_layout, [invoice] if invoice else []),
            line_names + _unknown(self._line_layout, lines),
        )
        if grown == self._loose or max(map(len, grown)) > _MOST_LOOSE:
            return
        try:
            self._build(grown)
        except ValueError:  # a name that msgspec does not take, such as one with a quote
            self._build(self._loose)
        else:
            self._loose = grown


def _tie(lines: Sequence[Sequence[Any]], ids: Sequence[int]) -> None:
    """Give the lines of invoices their invoice's id, those that have none.

    Raises:
        MismatchError: A line has another's.
    """
    theirs = [*map(_invoice_id, chain.from_iterable(lines))]
    if theirs == [*chain.from_iterable(map(repeat, ids, map(len, lines)))]:
        return
    for some, invoice_id in zip(lines, ids, strict=True):
        for line in some:
            if line.invoice_id is UNSET:
                line.invoice_id = invoice_id
            elif line.invoice_id != invoice_id:
                raise MismatchError


def _layout(stream: ExportStream, own: Sequence[Any], loose: Sequence[str]) -> Layout:
    return Layout(stream.effective_schema, own, stream.dropped, loose)


def _unknown(layout: Layout | None, records: Iterable[Record]) -> list[str]:
    if layout is None:
        return []
    return sorted({name for each in records for name in each.get(EXTRA) or ()} - layout.known)
