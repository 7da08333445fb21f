"""The SDK's own standard tests, and what of the SDK the target leans on though it is private."""

from __future__ import annotations

import io
import signal
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Sink, Target
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.testing import get_target_test_class
from typing_extensions import override

from helpers.singer import record, schema, state, value
from target_invoices_ack.target import TargetInvoicesAck

if TYPE_CHECKING:
    from collections import Counter
    from types import FrameType

CONFIG = {
    "access_token": "token",
    "system_id": "warehouse",
    "api_url": "http://127.0.0.1:9",
    "read_back": True,
}

TestStandard: Any = get_target_test_class(TargetInvoicesAck, config=CONFIG)
# A target that merges nothing by key has no reason to refuse a record without one.
del TestStandard.test_target_record_missing_key_property


class Ignoring(Sink):
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do nothing."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing."""


class Watched(Target):
    """A target of the SDK that notes which of its parts are called."""

    name = "target-watched"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}
    default_sink_class = Ignoring

    def __init__(self, **options: Any) -> None:
        self.called: list[tuple[str, Any]] = []
        super().__init__(**options)

    @override
    def _write_state_message(self, state: dict[str, Any]) -> None:
        self.called.append(("_write_state_message", state))

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        self.called.append(("_handle_termination", signum))

    @override
    def process_endofpipe(self) -> None:
        self.called.append(("process_endofpipe", None))
        super().process_endofpipe()


def test_the_sdk_still_prints_every_state_through_what_the_target_overrides() -> None:
    target = Watched()
    target.listen(io.StringIO((schema("orders") + record(1, stream="orders") + state(1)).decode()))

    assert target.called == [("process_endofpipe", None), ("_write_state_message", value(1))]


def test_the_sdk_still_hands_signals_to_what_the_target_overrides() -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        target = Watched()
        for signum in before:
            signal.raise_signal(signum)
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)

    assert target.called == [("_handle_termination", each) for each in before]


def test_the_sdk_still_reads_through_the_message_reader_and_its_callbacks() -> None:
    class Reader(GenericSingerReader[str]):
        default_input = io.StringIO()

        @override
        def deserialize_json(self, line: str) -> dict[str, Any]:
            raise NotImplementedError

        @override
        def process_lines(self, file_input: Any, callbacks: dict[str, Any]) -> Counter[str]:
            target.called.append((file_input, sorted(callbacks)))
            counts: Counter[str] = super().process_lines(io.StringIO(), callbacks)
            return counts

    target = Watched()
    target.message_reader = Reader()
    given = io.StringIO("never read")
    target.listen(given)

    kinds = ["ACTIVATE_VERSION", "BATCH", "RECORD", "SCHEMA", "STATE"]
    assert target.called == [(given, kinds), ("process_endofpipe", None)]
