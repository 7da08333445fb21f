"""The tap with a stopwatch in its parts: prints the CPU seconds of each as JSON, to stderr.

The watches take time too, a part that is called often more than others: what is left is the
order of the parts, not their sum.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from requests import Session

from tap_invoices import sync
from tap_invoices._shared import listing, response
from tap_invoices.records import fast, structs
from tap_invoices.tap import TapInvoices

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = {
    "sending requests": (Session, "send"),
    "reading the response": (listing, "read_body"),
    "finding its invoices and their ids": (listing, "parse_listing"),
    "of that, checking UTF-8": (response, "_check_encoding"),
    "making and writing records": (fast.FastWriter, "write"),
    "of that, making them": (fast.FastWriter, "_decode_batch"),
    "of that, finishing them": (structs.StreamStruct, "finish"),
    "of that, numbers": (structs, "_check_numbers"),
    "of that, objects": (structs, "_convert_raw"),
    "writing, and recording delivered ids": (sync.Sync, "_write_batch"),
    "STATE": (sync.Sync, "_write_state"),
}
ALL = "all, with set-up and reading ahead"


def main() -> None:
    """Run the tap: `profiled_tap.py CONFIG CATALOG`."""
    config, catalog = (json.load(open(path)) for path in sys.argv[1:])  # noqa: PTH123, SIM115
    seconds = dict.fromkeys([*PARTS, ALL], 0.0)
    for part, (owner, name) in PARTS.items():
        setattr(owner, name, _watched(getattr(owner, name), part, seconds))
    result = os.fdopen(os.dup(2), "w")
    before = time.process_time()
    TapInvoices(config=config, catalog=catalog).sync_all()
    seconds[ALL] = time.process_time() - before
    json.dump(seconds, result)


def _watched(
    function: Callable[..., Any], part: str, seconds: dict[str, float]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def watched(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            seconds[part] += time.thread_time() - began

    return watched


if __name__ == "__main__":
    main()
