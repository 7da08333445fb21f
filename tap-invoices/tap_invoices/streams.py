"""The two streams: `invoices` reads the list, `invoice_lines` comes along with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.batch import Batcher
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_invoices.bookmark import INVOICE_LINES, INVOICES
from tap_invoices.catalog import hidden_fields, keep_own
from tap_invoices.delivery import Delivery
from tap_invoices.records import Shaper
from tap_invoices.run import Run
from tap_invoices.schema import OWN

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import MetadataMapping

    from tap_invoices.tap import TapInvoices


class ExportStream(Stream):
    """What both streams share: whole records come from `records.py`, state from `run.py`."""

    primary_keys = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # `records.py` has seen to it
    _tap: TapInvoices

    def __init__(self, tap: TapInvoices, schema: dict[str, Any]) -> None:
        """Make a stream that is incremental by default, though no field is its bookmark."""
        super().__init__(tap, schema=schema)
        self.forced_replication_method = REPLICATION_INCREMENTAL

    @property
    @override
    def metadata(self) -> MetadataMapping:
        metadata = super().metadata
        keep_own(self.name, metadata)
        return metadata

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        return iter(())  # Invoices writes the records of both streams

    @override
    def _write_state_message(self) -> None:
        """Write nothing: a STATE is written by `delivery.py`, for both streams at once.

        The SDK's own would stand between an invoice and its lines. It has no switch for
        it; tests/tap/test_sdk.py notices when this changes.
        """

    def shaper(self) -> Shaper:
        """Return what makes this stream's records, by catalog and selection."""
        own = tuple(OWN[self.name])
        return Shaper(self.effective_schema, own, self.dropped, hidden_fields(self.mask))

    @property
    def dropped(self) -> frozenset[str]:
        """Columns that the user deselected."""
        columns = self.effective_schema["properties"]
        return frozenset(name for name in columns if not self.mask["properties", name])

    def write(self, record: Record) -> None:
        """Write a record, through selection, stream maps and flattening."""
        self._write_record_message(record)

    def write_schema(self) -> None:
        """Write the stream's SCHEMA."""
        self._write_schema_message()

    def batches(self, config: BatchConfig, records: Iterable[Record]) -> Iterator[list[str]]:
        """Write records to batch files, through selection, stream maps and flattening.

        Yields:
            The files of a batch.
        """
        mapped = (
            message.record
            for record in records
            for message in self._generate_record_messages(record)
            if message.stream == self.stream_maps[0].stream_alias
        )
        batcher = Batcher(self.tap_name, self.name, config)
        yield from batcher.get_batches(mapped)

    def write_batch(self, encoding: BaseBatchFileEncoding, manifest: list[str]) -> None:
        """Write a BATCH message."""
        self._write_batch_message(encoding, manifest)


class Invoices(ExportStream):
    """Invoices; each is followed by its lines."""

    name = INVOICES

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Return none: the bookmark is the server's time, not a field's highest value."""

    @override
    def _sync_records(
        self,
        context: Context | None = None,
        *,
        write_messages: bool = True,
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write the records of both streams, page by page, each page with its STATE.

        The SDK would sync the child stream once an invoice, with a SCHEMA and a STATE
        each time, and the lines before their invoice. Nothing public stands in between;
        tests/tap/test_sdk.py notices when this part of the SDK changes.
        """
        yield from ()  # records are written, not handed on
        with self._tap.errors_told(), self.get_sync_timer():
            delivery = self._delivery()
            with delivery.counted():
                if self.ABORT_AT_RECORD_COUNT is not None:
                    delivery.write_sample(self.ABORT_AT_RECORD_COUNT)
                    return
                for page in delivery.pages():
                    delivery.write(page)
                    delivery.write_state()
                delivery.write_last_state()
            delivery.sum_up()

    @override
    def get_batches(
        self,
        batch_config: BatchConfig,
        context: Context | None = None,
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Write batches of both streams, as many pages in one as make up a batch.

        The lines' BATCH is out before the STATE that covers its invoices.
        """
        with self._tap.errors_told():
            delivery = self._delivery()
            with delivery.counted():
                for invoices, lines in delivery.chunks(batch_config.batch_size):
                    for manifest in self.batches(batch_config, invoices):
                        yield batch_config.encoding, manifest
                    if delivery.lines:
                        for manifest in delivery.lines.batches(batch_config, lines):
                            delivery.lines.write_batch(batch_config.encoding, manifest)
                    delivery.write_state()
                delivery.write_last_state()
            delivery.sum_up()

    def _delivery(self) -> Delivery:
        lines = self.child_streams[0] if self.child_streams else None
        selected = lines if isinstance(lines, InvoiceLines) and lines.selected else None
        if selected:
            selected.write_schema()
        run = Run(
            self._tap.client,
            self.config,
            self._tap.bookmark,
            full_table=self.replication_method == REPLICATION_FULL_TABLE,
            lines=selected is not None,
        )
        return Delivery(self._tap, run, self if self.selected else None, selected)


class InvoiceLines(ExportStream):
    """Lines of invoices; every one has its `invoice_id`."""

    name = INVOICE_LINES
    parent_stream_type = Invoices
