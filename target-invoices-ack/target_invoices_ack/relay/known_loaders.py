"""Loaders that were seen to lose rows, or to replace what earlier runs have loaded."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOSSY_LOADERS = frozenset({"target-duckdb"})
REPLACING_LOADERS = frozenset({"target-avro", "target-csv", "target-universal-file"})
"""Names of commands; what was recorded of each loader is in docs/loaders.json."""


def loader_warning(words: Iterable[str]) -> str | None:
    """Return what to know about a loader, or None.

    Args:
        words: The words of its command. It may be named by its path, or as a plugin that
            another program runs.
    """
    for name in (PurePath(word).name for word in words):
        if name in LOSSY_LOADERS:
            return (
                f"{name} was seen to lose rows, those of batches in which every column is text, "
                "and to exit with 0. Their invoices are marked all the same. Read back with "
                "reconcile_since now and then, or use another loader."
            )
        if name in REPLACING_LOADERS:
            return (
                f"{name} was seen to replace what earlier runs have loaded, and only new invoices "
                "come in a run. Keep its output before the next run, or use a loader that adds "
                "to a table."
            )
    return None
