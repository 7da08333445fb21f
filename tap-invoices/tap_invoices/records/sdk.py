"""Record by record, through the SDK's selection, stream maps, flattening and batch files."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from singer_sdk.helpers._flattening import flatten_key  # private, but it names the columns

from tap_invoices._shared.response import UndeliverableInvoice
from tap_invoices.catalog import FREE_FORM
from tap_invoices.records.build import ANY, UndeliverableError, alternatives
from tap_invoices.records.stream_output import encode_messages, write_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Record
    from singer_sdk.mapper import StreamMap
    from singer_sdk.singerlib import RecordMessage

    from tap_invoices._shared.response import RawInvoice
    from tap_invoices.catalog import JsonSchema
    from tap_invoices.records.build import InvoiceBuilder
    from tap_invoices.records.stream_output import Outcome, StreamOutput


@dataclass(frozen=True)
class BatchFiles:
    """Where records go if not to stdout.

    Args:
        write: Writes files of a stream's records, and their BATCH message.
        max_records: How many records of a stream make a batch.
    """

    write: Callable[[str, list[Record]], None]
    max_records: int


class SdkWriter:
    """Writes an invoice's record and then those of its lines.

    Args:
        invoices: The stream of invoices, if it is selected.
        lines: The stream of lines, if it is selected.
        builder: Makes their records.
    """

    batch_size = 1

    def __init__(
        self, invoices: StreamOutput | None, lines: StreamOutput | None, builder: InvoiceBuilder
    ) -> None:
        self._invoices = invoices
        self._lines = lines
        self._build = builder.build

    def write(self, batch: Sequence[RawInvoice]) -> list[Outcome]:
        """Write invoices and their lines; see `RecordWriter`."""
        return [self._write(invoice) for invoice in batch]

    def flush(self, *, force: bool = False) -> bool:  # noqa: ARG002 - of `RecordWriter`
        """Write what is buffered; see `RecordWriter`."""
        sys.stdout.flush()
        return True

    def _write(self, invoice: RawInvoice) -> Outcome:
        try:
            record, lines = self._build(invoice)
            messages = [*self._messages(record, lines)]
            encoded = encode_messages(messages)
        except Exception as error:  # noqa: BLE001 - a stream map is the user's, and raises anything
            return UndeliverableInvoice(invoice.id, _reason(error))
        self._emit(messages, encoded)
        return len(lines)

    def _messages(self, record: Record | None, lines: list[Record]) -> Iterator[RecordMessage]:
        if self._invoices and record is not None:
            yield from self._invoices.transform(record)
        if self._lines:
            for line in lines:
                yield from self._lines.transform(line)

    def _emit(self, messages: list[RecordMessage], encoded: bytes) -> None:  # noqa: ARG002
        write_lines(encoded)


class BatchWriter(SdkWriter):
    """Collects records and writes them to batch files.

    Args:
        invoices: The stream of invoices, if it is selected.
        lines: The stream of lines, if it is selected.
        builder: Makes their records.
        files: Where the records go.
    """

    def __init__(
        self,
        invoices: StreamOutput | None,
        lines: StreamOutput | None,
        builder: InvoiceBuilder,
        files: BatchFiles,
    ) -> None:
        super().__init__(invoices, lines, builder)
        self._files = files
        self._records: dict[str, list[Record]] = {}

    def flush(self, *, force: bool = False) -> bool:
        """Write the batch files once they are full; see `RecordWriter`."""
        largest = max(map(len, self._records.values()), default=0)
        if largest < self._files.max_records and not force:
            return False
        for stream in [*self._records]:
            self._files.write(stream, self._records[stream])
            del self._records[stream]  # only now: the next flush tries again what failed
        return super().flush()

    def _emit(self, messages: list[RecordMessage], encoded: bytes) -> None:  # noqa: ARG002
        for message in messages:
            self._records.setdefault(message.stream, []).append(message.record)


def _reason(error: Exception) -> str:
    if isinstance(error, UndeliverableError):
        return str(error)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"a stream map fails on it ({type(error.__cause__ or error).__name__})"


def storable_schema(schema: JsonSchema, stream_map: StreamMap) -> JsonSchema:
    """Return the part of a schema that has columns once the SDK has flattened it.

    Flattening knows no unions: a value of another type than the column's has no place.
    """
    options = stream_map.flattening_options
    if options is None or not stream_map.flattening_enabled:
        return schema
    columns = stream_map.flatten_schema(schema)["properties"]
    name_column = partial(
        flatten_key, separator=options.separator, max_key_length=options.max_key_length
    )
    storable = _storable(schema["properties"], columns, name_column, [], options.max_level)
    return {**schema, "properties": dict(storable)}


def _storable(
    properties: Mapping[str, JsonSchema],
    columns: Mapping[str, JsonSchema],
    name_column: Callable[[str, list[str]], str],
    parents: list[str],
    depth: int,
) -> Iterator[tuple[str, JsonSchema]]:
    for name, schema in properties.items():
        column = columns.get(name_column(name, parents))
        if depth and "properties" in schema and "object" in schema.get("type", ()):
            if column is None:
                inner = _storable(
                    schema["properties"], columns, name_column, [*parents, name], depth - 1
                )
                yield name, {"type": ["object", "null"], "properties": dict(inner)}
        elif column == schema:
            yield name, schema
        elif column and "string" in column["type"]:
            yield name, {"anyOf": [*_stored_as_text(schema, column)]}


def _stored_as_text(schema: JsonSchema, column: JsonSchema) -> Iterator[JsonSchema]:
    """Yield what a column of text can hold: text, and lists and objects as JSON."""
    for name, alternative in alternatives(schema):
        if name in {"string", ANY}:
            yield column
        if name == ANY:
            yield {"type": "array"}
            yield FREE_FORM
        elif name in {"array", "object"}:
            yield {**alternative, "type": name}
        elif name == "null" and "null" in column["type"]:
            yield {"type": "null"}
