"""Loaders that were seen to say "done" and to have lost rows."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOSES_ROWS = frozenset({"target-duckdb"})
"""Names of commands; what was recorded of each loader stands in docs/loaders.json."""


def warning(words: Iterable[str]) -> str | None:
    """Return what to know of a loader, or None.

    Args:
        words: The words of its command. It may be named by its path, or as a plugin that
            another program runs.
    """
    for name in (PurePath(word).name for word in words):
        if name in LOSES_ROWS:
            return (
                f"{name} was seen to lose rows, those of batches in which all is text, and to "
                "exit with 0. What is lost is marked all the same: read back with "
                "reconcile_since now and then, or choose another loader."
            )
    return None
