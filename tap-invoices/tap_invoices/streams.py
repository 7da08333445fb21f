"""The two streams: `invoices` reads the list, and `invoice_lines` are delivered with it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from singer_sdk import Stream
from singer_sdk.batch import Batcher
from singer_sdk.helpers._batch import SDKBatchMessage  # private, but the SDK's only BATCH message
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_invoices._shared.command import end_on_error
from tap_invoices._shared.delivered_ids import INVOICE_LINES, INVOICES
from tap_invoices._shared.errors import PluginError
from tap_invoices._shared.redact import without_password
from tap_invoices.catalog import deselected_tree, make_automatic
from tap_invoices.records import writer_for
from tap_invoices.records.sdk import BatchFiles, storable_schema
from tap_invoices.records.stream_output import StreamOutput
from tap_invoices.sync import SyncOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter
    from singer_sdk.singerlib import MetadataMapping, RecordMessage

    from tap_invoices.catalog import JsonSchema
    from tap_invoices.records.stream_output import RecordWriter
    from tap_invoices.sync import Count, Sync

MakeSync: TypeAlias = "Callable[[SyncOptions, RecordWriter, Count], Sync]"


class ExportStream(Stream):
    """What both streams share: records come from `records`, and STATE from `sync.py`.

    Args:
        tap: The tap.
        schema: What discovery found, or the documented columns.
    """

    primary_keys = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # `records` sees to it

    def __init__(self, tap: Tap, schema: JsonSchema) -> None:
        super().__init__(tap, schema=schema)
        # Incremental by default, though no field is the bookmark.
        self.forced_replication_method = REPLICATION_INCREMENTAL

    @property
    @override
    def metadata(self) -> MetadataMapping:
        metadata = super().metadata
        make_automatic(self.name, metadata)
        return metadata

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        return iter(())  # Invoices writes the records of both streams

    @override
    def _write_state_message(self) -> None:
        """Write nothing: `sync.py` writes a STATE for both streams at once.

        The SDK's own would stand between an invoice and its lines. It has no switch for
        it; tests/tap/test_sdk.py notices when this changes.
        """

    @property
    def is_emitted(self) -> bool:
        """Whether records of this stream are emitted: it is selected, and no map removes it."""
        return self.selected and bool(self._emitted_maps)

    @property
    def _emitted_maps(self) -> list[Any]:
        return [each for each in self.stream_maps if not isinstance(each, RemoveRecordTransform)]

    def output(self) -> StreamOutput:
        """Return what a writer of records needs to know of the stream."""
        columns = self.effective_schema["properties"]
        hidden = deselected_tree(self.mask)
        emitted = {
            each.stream_alias: each.transformed_schema["properties"] for each in self._emitted_maps
        }
        return StreamOutput(
            name=self.name,
            schema=storable_schema(self.effective_schema, self.stream_maps[0]),
            dropped=frozenset(name for name in columns if not self.mask["properties", name]),
            hidden=hidden,
            is_plain=self._is_plain and not hidden,
            transform=partial(self._transform, emitted),
        )

    @property
    def _is_plain(self) -> bool:
        """Whether records are written as they are built."""
        types = [type(each) for each in self.stream_maps]
        return types == [SameRecordTransform] and not self.stream_maps[0].flattening_enabled

    def _transform(
        self, columns: Mapping[str, Mapping[str, Any]], record: Record
    ) -> Iterator[RecordMessage]:
        """Send a record through selection, stream maps and flattening.

        Args:
            columns: The columns of each stream that the maps emit.
            record: The record.
        """
        for message in self._generate_record_messages(record):
            known = columns[message.stream]
            message.record = {  # an object that is null has no column once it is flattened
                name: value
                for name, value in message.record.items()
                if value is not None or name in known
            }
            yield message

    def write_schema(self) -> None:
        """Write the stream's SCHEMA."""
        self._write_schema_message()


class Invoices(ExportStream):
    """Invoices; each is followed by its lines.

    Args:
        tap: The tap.
        schema: As for both streams.
        make_sync: Makes what reads and writes both streams.
    """

    name = INVOICES

    def __init__(self, tap: Tap, schema: JsonSchema, make_sync: MakeSync) -> None:
        super().__init__(tap, schema)
        self._make_sync = make_sync

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

        The SDK would sync the child stream once for each invoice, with a SCHEMA and a STATE
        each time, and the lines before their invoice. There is no public way to change that;
        tests/tap/test_sdk.py notices when this part of the SDK changes.
        """
        yield from ()  # records are written, not yielded
        self._run()

    @override
    def _sync_batches(self, batch_config: BatchConfig, context: Context | None = None) -> None:
        """Write batch files of both streams; see `_sync_records`."""
        self._run(batch_config)

    def _run(self, batch_config: BatchConfig | None = None) -> None:
        try:
            with ExitStack() as stack, self.get_sync_timer():
                self._sync_both(stack, batch_config)
        except Exception as error:  # noqa: BLE001 - left to the SDK, it is "an unhandled error"
            end_on_error(error)

    def _sync_both(self, stack: ExitStack, batch_config: BatchConfig | None) -> None:
        lines = next((each for each in self.child_streams if isinstance(each, InvoiceLines)), None)
        lines = lines if lines and lines.is_emitted else None
        streams = [self if self.is_emitted else None, lines]
        if lines:
            lines.write_schema()
        counters = [
            stack.enter_context(stream.get_record_counter()) if stream else None
            for stream in streams
        ]

        def count(*numbers: int) -> None:
            for counter, number in zip(counters, numbers, strict=True):
                if counter:
                    counter.increment(number)

        outputs = [stream.output() if stream else None for stream in streams]
        files = None
        if batch_config:
            batches = stack.enter_context(self.get_batch_counter())
            write = partial(self._write_batch, batch_config, batches)
            files = BatchFiles(write, batch_config.batch_size)
        options = SyncOptions(
            self.config,
            is_full_table=self.replication_method == REPLICATION_FULL_TABLE,
            has_lines=lines is not None,
        )
        sync = self._make_sync(options, writer_for(outputs[0], outputs[1], files), count)
        sync.run(self.ABORT_AT_RECORD_COUNT)

    def _write_batch(
        self, config: BatchConfig, counter: Counter, stream: str, records: list[Record]
    ) -> None:
        """Write files of records, and their BATCH messages."""
        try:
            for manifest in Batcher(self.tap_name, stream, config).get_batches(iter(records)):
                self._tap.write_message(SDKBatchMessage(stream, config.encoding, manifest))
                counter.increment()
        except Exception as error:
            raise PluginError(
                f"Batch files cannot be written to {without_password(config.storage.root)} "
                f"({type(error).__name__}). Check batch_config.",
            ) from error


class InvoiceLines(ExportStream):
    """Lines of invoices; each has its `invoice_id`."""

    name = INVOICE_LINES
    parent_stream_type = Invoices
