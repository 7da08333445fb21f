"""Sinks: one collects what is read back, one reads the files of a BATCH, the others nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import Sink
from typing_extensions import override

from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack.input.messages import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding
    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    Collect = Callable[[dict[str, Any]], None]


class NullSink(Sink):
    """Takes a stream that holds no invoices."""

    @property
    @override
    def key_properties(self) -> Sequence[str]:
        return ()  # nothing is merged by key, so no record needs to have one

    @override
    def get_validator(self) -> BaseJSONSchemaValidator | None:
        return None  # nothing but the id and the draft flag is read

    @override
    def process_batch_files(self, encoding: BaseBatchFileEncoding, files: Sequence[str]) -> None:
        """Read the files of a BATCH.

        Raises:
            InputError: They cannot be read.
        """
        try:
            super().process_batch_files(encoding, files)
        except PluginError:
            raise
        except Exception as error:
            # A file may be missing, damaged or anything: there is no end of what is raised.
            raise InputError(
                f"A BATCH of stream {self.stream_name!r} cannot be read "
                f"({type(error).__name__}), so nothing of it is marked. Leave batch_config out "
                "of the tap, or let it write jsonl.",
            ) from error

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do nothing."""

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing."""


def collecting_sink(collect: Collect) -> type[NullSink]:
    """Return the class of a sink that hands each record on, those in files of a BATCH too.

    The SDK creates sinks itself, so what one needs is given to its class.
    """

    class CollectingSink(NullSink):
        @override
        def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
            collect(record)

        @override
        def process_batch(self, context: dict[str, Any]) -> None:
            for record in context.get("records", ()):
                collect(record)

    return CollectingSink
