"""Loaders that were seen to lose, replace, change or not update what they load."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SEEN = {
    "loses_rows": {"target-duckdb"},
    "replaces_table": {"target-avro", "target-csv", "target-universal-file"},
    "keeps_old_rows": {"target-mysql"},
    "changes_values": {"target-mysql", "target-s3-csv"},
    "cannot_store_extra": {
        "target-avro",
        "target-csv",
        "target-mysql",
        "target-s3-csv",
        "target-sqlite",
        "target-universal-file",
    },
}
"""Commands of loaders, by what the trial of loaders recorded; docs/loaders.json has these keys."""

_SENTENCES = {
    "loses_rows": "{name} was seen to lose rows, those of batches in which every column is text, "
    "and to exit with 0. Their invoices are marked all the same. Read back with reconcile_since "
    "now and then, or use another loader.",
    "replaces_table": "{name} was seen to replace what earlier runs have loaded, and only new "
    "invoices come in a run. Keep its output before the next run, or use a loader that adds to a "
    "table.",
    "keeps_old_rows": "{name} was seen to keep the old row where an invoice comes again, changed. "
    "Use another loader.",
    "changes_values": "{name} was seen to store other values than it was sent. Use another loader.",
    "cannot_store_extra": "{name} was seen not to store objects such as `_extra`. Set "
    "flattening_enabled: true and flattening_max_depth: 1 for tap-invoices.",
}


def loader_warning(words: Iterable[str]) -> str | None:
    """Return what to know about a loader, or None.

    Args:
        words: The words of its command. It may be named by its path, or as a plugin that
            another program runs.
    """
    for name in (PurePath(word).name for word in words):
        sentences = [_SENTENCES[kind] for kind, names in SEEN.items() if name in names]
        if sentences:
            return " ".join(sentences).format(name=name)
    return None
