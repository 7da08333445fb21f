"""Records: from the invoices that the API sent to Singer messages on stdout.

`writer_for` is the only door. `build.py` says what a record is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_invoices.records.build import InvoiceBuilder
from tap_invoices.records.fast import FastWriter
from tap_invoices.records.sdk import BatchWriter, SdkWriter

if TYPE_CHECKING:
    from tap_invoices.records.sdk import BatchFiles
    from tap_invoices.records.stream_output import RecordWriter, StreamOutput


def writer_for(
    invoices: StreamOutput | None,
    lines: StreamOutput | None,
    batch_files: BatchFiles | None = None,
) -> RecordWriter:
    """Return the fastest writer that does what is asked for.

    Args:
        invoices: The stream of invoices, if it is selected.
        lines: The stream of lines, if it is selected.
        batch_files: Where records go if not to stdout.
    """
    builder = InvoiceBuilder(
        invoices.builder() if invoices else None, lines.builder() if lines else None
    )
    if batch_files:
        return BatchWriter(invoices, lines, builder, batch_files)
    if all(stream.is_plain for stream in (invoices, lines) if stream):
        try:
            return FastWriter(invoices, lines, builder)
        except ValueError:  # a column's name that msgspec does not take, such as one with a quote
            pass
    return SdkWriter(invoices, lines, builder)
