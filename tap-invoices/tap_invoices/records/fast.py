"""RECORD lines made from the bytes that came, several invoices at once.

An invoice that does not fit its columns is built by itself by `build.py`, and comes out the
same.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import chain, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from tap_invoices._shared.response import UndeliverableInvoice
from tap_invoices.catalog import EXTRA, INVOICE_ID, LINES, NON_BOOKED
from tap_invoices.records.build import ABSENT, MisfitError, UndeliverableError
from tap_invoices.records.stream_output import write_lines
from tap_invoices.records.structs import (
    INT64,
    LONG_EXPONENT,
    StreamStruct,
    TapOnly,
    encoder,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from singer_sdk.helpers.types import Record

    from tap_invoices._shared.response import RawInvoice
    from tap_invoices.records.build import InvoiceBuilder
    from tap_invoices.records.stream_output import Outcome, StreamOutput

Built: TypeAlias = "tuple[Any, Sequence[Any]] | UndeliverableInvoice"
"""An invoice and its lines, as structs or records."""

MAX_EXTRA_FIELDS = 100
"""Names without a column that a struct learns: each costs a little for every object."""


class _Message(msgspec.Struct, tag_field="type", tag="RECORD", gc=False):
    stream: str
    record: Any
    time_extracted: str


_invoice_id = attrgetter(INVOICE_ID)


class FastWriter:
    """Writes invoices and their lines, those of several invoices at once.

    Args:
        invoices: The stream of invoices, if it is selected; it is plain.
        lines: The stream of lines, if it is selected; it is plain.
        builder: Makes the records of an invoice that does not fit its columns.

    Raises:
        ValueError: A column has a name that msgspec does not take, such as one with a quote.
    """

    batch_size = 50  # few enough to be written in an instant

    def __init__(
        self, invoices: StreamOutput | None, lines: StreamOutput | None, builder: InvoiceBuilder
    ) -> None:
        self._invoices = invoices
        self._lines = lines
        self._builder = builder
        self._skips_fields = not (invoices and lines)
        self._extra_fields: tuple[list[str], list[str]] = ([], [])
        self._make_structs(self._extra_fields)

    def write(self, batch: Sequence[RawInvoice]) -> list[Outcome]:
        """Write invoices and their lines; see `RecordWriter`."""
        now = datetime.now(UTC).isoformat()
        messages: list[_Message] = []
        outcomes: list[Outcome] = []
        for built in self._build(batch):
            if isinstance(built, UndeliverableInvoice):
                outcomes.append(built)
                continue
            invoice, lines = built
            outcomes.append(len(lines))
            if self._invoices:
                messages.append(_Message(self._invoices.name, invoice, now))
            if self._lines:
                messages += map(_Message, repeat(self._lines.name), lines, repeat(now))
        write_lines(encoder.encode_lines(messages))
        return outcomes

    def flush(self, *, force: bool = False) -> bool:  # noqa: ARG002 - of `RecordWriter`
        """Write what is buffered; see `RecordWriter`."""
        sys.stdout.flush()
        return True

    def _build(self, batch: Sequence[RawInvoice]) -> Sequence[Built]:
        try:
            return self._decode_batch(batch)
        except (msgspec.MsgspecError, MisfitError, RecursionError):
            if len(batch) > 1:
                return [built for invoice in batch for built in self._build([invoice])]
        [invoice] = batch
        try:
            record, lines = self._builder.build(invoice)
            encoder.encode([record, lines])
        except UndeliverableError as error:
            return [UndeliverableInvoice(invoice.id, str(error))]
        except RecursionError:
            return [UndeliverableInvoice(invoice.id, "it is nested too deeply")]
        self._learn_extra_fields(record, lines)
        return [(record, lines)]

    def _decode_batch(self, batch: Sequence[RawInvoice]) -> list[Built]:
        """Make structs that are encoded as the records have to be.

        Raises:
            MsgspecError: An invoice does not fit its columns,
            MisfitError: or one of its values does not.
        """
        if self._skips_fields and any(LONG_EXPONENT.search(invoice.raw) for invoice in batch):
            raise MisfitError(ABSENT, None)
        rows: list[Any] = [self._decode(invoice.raw) for invoice in batch]
        lines = [_values(row.lines) if self._line_struct else () for row in rows]
        if self._invoice_struct:
            for row, invoice in zip(rows, batch, strict=True):
                if row.id != invoice.id:
                    raise MisfitError(ABSENT, None)
                row.lines = UNSET
                row.non_booked = invoice.non_booked
            self._invoice_struct.finish(rows)
        if self._line_struct:
            _require_distinct_ids(lines)
            _set_invoice_ids(lines, [invoice.id for invoice in batch])
            self._line_struct.finish([*chain.from_iterable(lines)])
        return list(zip(rows, lines, strict=True))

    def _make_structs(self, extra_fields: tuple[list[str], list[str]]) -> None:
        self._invoice_struct = self._line_struct = None
        own: list[Any] = [(LINES, Raw | UnsetType, UNSET)]
        if self._lines:
            own = [("id", INT64), (INVOICE_ID, int | UnsetType, UNSET)]
            self._line_struct = _stream_struct(self._lines, own, extra_fields[1])
            line: Any = self._line_struct.struct
            own = [(LINES, list[line] | dict[str, line])]
        struct: Any = msgspec.defstruct("Carrier", own)
        if self._invoices:
            own = [("id", INT64), *own, (NON_BOOKED, TapOnly, None)]
            self._invoice_struct = _stream_struct(self._invoices, own, extra_fields[0])
            struct = self._invoice_struct.struct
        self._decode = msgspec.json.Decoder(struct).decode

    def _learn_extra_fields(self, record: Record | None, lines: Iterable[Record]) -> None:
        """Take up fields that were found in `_extra` since they have no column."""
        invoice_fields, line_fields = self._extra_fields
        extra_fields = (
            invoice_fields + _unknown_fields(self._invoice_struct, [record] if record else []),
            line_fields + _unknown_fields(self._line_struct, lines),
        )
        if extra_fields == self._extra_fields or max(map(len, extra_fields)) > MAX_EXTRA_FIELDS:
            return
        try:
            self._make_structs(extra_fields)
        except ValueError:  # a name that msgspec does not take
            self._make_structs(self._extra_fields)
        else:
            self._extra_fields = extra_fields


def _values(lines: Any) -> Sequence[Any]:  # noqa: ANN401 - a list, or PHP's filtered collection
    return [*lines.values()] if isinstance(lines, dict) else lines


def _require_distinct_ids(lines: Sequence[Sequence[Any]]) -> None:
    """Check that no two lines of an invoice have the same id.

    Raises:
        MisfitError: Two have; the general path tells whether they are the same line.
    """
    ids = [[line.id for line in of_invoice] for of_invoice in lines]
    if any(len({*of_invoice}) != len(of_invoice) for of_invoice in ids):
        raise MisfitError(ABSENT, None)


def _set_invoice_ids(lines: Sequence[Sequence[Any]], ids: Sequence[int]) -> None:
    """Set the invoice's id in the lines that have none.

    Raises:
        MisfitError: A line has the id of another invoice.
    """
    found = [*map(_invoice_id, chain.from_iterable(lines))]
    if found == [*chain.from_iterable(map(repeat, ids, map(len, lines)))]:
        return
    for invoice_lines, invoice_id in zip(lines, ids, strict=True):
        for line in invoice_lines:
            if line.invoice_id is UNSET:
                line.invoice_id = invoice_id
            elif line.invoice_id != invoice_id:
                raise MisfitError(ABSENT, None)


def _stream_struct(
    stream: StreamOutput, own: Sequence[Any], extra_fields: Sequence[str]
) -> StreamStruct:
    return StreamStruct(stream.schema, own, stream.dropped, extra_fields)


def _unknown_fields(struct: StreamStruct | None, records: Iterable[Record]) -> list[str]:
    if struct is None:
        return []
    names = {name for record in records for name in record.get(EXTRA) or ()}
    return sorted(names - struct.known_fields)
