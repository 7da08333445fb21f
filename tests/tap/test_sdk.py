"""The SDK's own standard tests, and what of the SDK the tap leans on though it is private."""

from __future__ import annotations

import atexit
import gzip
import inspect
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import Stream, Tap
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from sandbox.client import Sandbox
from tap_invoices.streams import ExportStream, Invoices
from tap_invoices.tap import TapInvoices

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Tap as Runner

# The SDK makes its tests from a tap that has its settings when the module is read.
_sandbox = Sandbox.start(invoices=30)
atexit.register(_sandbox.close)

# Which of the first records has a value in `_extra` depends on what discovery has sampled.
TestStandard: Any = pytest.mark.filterwarnings("ignore:No records were available to test")(
    get_tap_test_class(
        TapInvoices,
        config=_sandbox.config(page_size=10, include_non_booked=True),
        suite_config=SuiteConfig(max_records_limit=20),
    )
)


def test_the_sdk_still_has_the_private_parts_that_the_tap_overrides() -> None:
    for base, name in (
        (Stream, "_write_state_message"),
        (Stream, "_sync_records"),
        (Stream, "_sync_batches"),
        (Tap, "_handle_termination"),
    ):
        assert name in vars(base)
    assert "_write_state_message" in vars(ExportStream)
    for name in ("_sync_records", "_sync_batches"):
        assert parameters(getattr(Invoices, name)) == parameters(getattr(Stream, name))


def test_a_tap_can_be_made_in_any_thread() -> None:
    """Such as by a scheduler that has one for each run; only the main one may handle signals."""
    with ThreadPoolExecutor() as threads:
        made = threads.submit(TapInvoices, config=_sandbox.config())
        assert made.result().name == "tap-invoices"


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    return [(each.name, each.kind) for each in inspect.signature(function).parameters.values()]


def test_the_sdk_still_syncs_through_them(tap: Runner) -> None:
    """No STATE stands between an invoice and its lines, no SCHEMA but the first two."""
    messages = tap.sync(page_size=4).messages
    lines = {each["id"]: len(each["lines"]) for each in tap.sandbox.invoices()}
    assert [each["type"] for each in messages[:2]] == ["SCHEMA", "SCHEMA"]
    rest = iter(messages[2:])
    for message in rest:
        if message["type"] != "STATE":
            assert message["stream"] == "invoices"
            for _ in range(lines[message["record"]["id"]]):
                assert next(rest)["stream"] == "invoice_lines"


def test_batches_hold_what_records_would(tap: Runner) -> None:
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tap.folder.as_uri(), "prefix": "batch-"},
        "batch_size": 5,
    }
    done = tap.sync(batch_config=batch, page_size=3)
    plain = tap.sync(page_size=3)
    for stream in ("invoices", "invoice_lines"):
        assert sum(batch_sizes(done.messages, stream)) == len(plain.ids(stream))
    assert done.records() == []
    kinds = [each["type"] for each in done.messages]
    assert kinds[-1] == "STATE"
    assert done.bookmark["delivered"][1] == "1..12"


def batch_sizes(messages: list[dict[str, Any]], stream: str) -> list[int]:
    """Count the lines of a stream's batch files."""
    manifests = [
        each["manifest"]
        for each in messages
        if each["type"] == "BATCH" and each["stream"] == stream
    ]
    paths = [path.removeprefix("file://") for manifest in manifests for path in manifest]
    return [len(gzip.decompress(Path(path).read_bytes()).splitlines()) for path in paths]
