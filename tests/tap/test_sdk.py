"""Private parts of the SDK that the tap overrides or calls: these tests notice a change.

Each is used in one place, named here. Where one of these fails after an update of the SDK,
that place is to be looked at again.
"""

from __future__ import annotations

import inspect
import json
import signal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import Stream, Tap

from sandbox.client import Sandbox
from support.processes import run_tap
from tap_invoices.streams import ExportStream, Invoices
from tap_invoices.tap import TapInvoices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG = {"access_token": "token", "system_id": "warehouse", "api_url": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("base", "ours", "name"),
    [
        (Stream, ExportStream, "_write_state_message"),
        (Stream, Invoices, "_sync_records"),
        (Tap, TapInvoices, "_handle_termination"),
    ],
)
def test_what_we_override_is_still_there_and_called_in_the_same_way(
    base: type, ours: type, name: str
) -> None:
    theirs = vars(base)[name]
    assert parameters(vars(ours)[name]) == parameters(theirs)
    assert inspect.isgeneratorfunction(vars(ours)[name]) == inspect.isgeneratorfunction(theirs)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("_write_record_message", ["self", "record"]),
        ("_write_schema_message", ["self"]),
        ("_write_batch_message", ["self", "encoding", "manifest"]),
        ("_generate_record_messages", ["self", "record"]),
    ],
)
def test_what_we_call_still_takes_what_we_give(name: str, arguments: list[str]) -> None:
    assert parameters(vars(Stream)[name]) == arguments


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_sdk_lets_our_handler_have_the_signals() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        tap = TapInvoices(config=CONFIG, catalog={"streams": []})
        for number in before:
            assert signal.getsignal(number) == tap._handle_termination  # noqa: SLF001
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_the_sdk_syncs_through_our_part_and_writes_no_state_of_its_own(tmp_path: Path) -> None:
    """Only ours: one a page, never between an invoice and its lines, and no second SCHEMA."""
    with Sandbox.start(invoices=25, drafts=0) as sandbox:
        done = run_tap(tmp_path, sandbox.config(page_size=10))
        requests = len([each for each in sandbox.log("export") if "start" in dict(each["query"])])
    assert done.code == 0, done.err
    kinds = [(each["type"], each.get("stream")) for each in done.messages]
    assert kinds.count(("SCHEMA", "invoices")) == kinds.count(("SCHEMA", "invoice_lines")) == 1
    assert 1 < len(done.states()) <= requests + 1
    for before, after in pairwise(kinds):
        if before == ("STATE", None):
            assert after != ("RECORD", "invoice_lines")


def test_the_sdk_reads_what_the_fast_path_writes(tmp_path: Path) -> None:
    """A message has the keys that the SDK's own writer gives it, and no other."""
    with Sandbox.start(invoices=3, drafts=0) as sandbox:
        done = run_tap(tmp_path, sandbox.config())
        general = run_tap(tmp_path, sandbox.config(stream_maps={"invoices": {"id": "id"}}))
    assert done.code == general.code == 0
    keys = {tuple(sorted(json.loads(line))) for line in done.out.splitlines() if "RECORD" in line}
    assert keys == {("record", "stream", "time_extracted", "type")}
    assert keys == {tuple(sorted(each)) for each in general.of_type("RECORD")}
