"""Sinks of the read back: one takes invoices, the others nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import Sink
from typing_extensions import override

from target_invoices_ack.errors import InputError, TargetError
from target_invoices_ack.ids import invoice_id, is_draft
from target_invoices_ack.messages import NON_BOOKED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding
    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    from target_invoices_ack.target import TargetInvoicesAck


class IgnoringSink(Sink):
    """Takes a stream that holds no invoices."""

    @property
    @override
    def key_properties(self) -> Sequence[str]:
        return ()  # nothing is merged by key, so no record needs to have one

    @override
    def get_validator(self) -> BaseJSONSchemaValidator | None:
        return None  # nothing but the id is read

    @override
    def process_batch_files(self, encoding: BaseBatchFileEncoding, files: Sequence[str]) -> None:
        """Read the files of a BATCH.

        Raises:
            TargetError: They cannot be read, or marking has failed for good.
        """
        try:
            super().process_batch_files(encoding, files)
        except TargetError:
            raise
        except Exception as error:
            # A file may be missing, damaged or anything: there is no end of what is raised.
            raise InputError(
                f"A BATCH of stream {self.stream_name!r} cannot be read "
                f"({type(error).__name__}), and so none of it marked. Leave batch_config out "
                "of the tap, or have it write jsonl.",
            ) from error

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do nothing."""

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing."""


class InvoiceSink(IgnoringSink):
    """Has each invoice marked that it is given; a drain waits until they are."""

    def __init__(self, target: TargetInvoicesAck, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Make a sink; takes what `singer_sdk.Sink` takes."""
        super().__init__(target, *args, **options)
        self._read = target.invoices_read
        self._acknowledger = target.acknowledger
        self._id_property: str = target.config["id_property"]

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Take in an invoice.

        Raises:
            InputError: Its id is no integer.
            TargetError: Marking has failed for good.
        """
        if is_draft(record.get(NON_BOOKED)):
            self._acknowledger.tally.drafts += 1
            return
        found = invoice_id(record.get(self._id_property), self._id_property)
        if found not in self._read:
            self._read.add(found)
            self._acknowledger.take([found])

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Wait until all is marked; a BATCH's records come here at once.

        Raises:
            TargetError: Marking has failed for good.
        """
        for record in context.get("records", ()):
            self.process_record(record, context)
        self._acknowledger.flush()


class FileSink(IgnoringSink):
    """Reads the ids from a BATCH's files, which the loader may delete.

    Attributes:
        found: Each invoice's id, and whether it is a draft.
    """

    def __init__(self, target: TargetInvoicesAck, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Make a sink; takes what `singer_sdk.Sink` takes."""
        super().__init__(target, *args, **options)
        self.found: list[tuple[object, bool]] = []
        self._id_property: str = target.config["id_property"]

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Take in the records of a file."""
        self.found += [
            (record.get(self._id_property), is_draft(record.get(NON_BOOKED)))
            for record in context["records"]
        ]
