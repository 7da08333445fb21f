"""The tap as a user runs it: a process with files for config, catalog and state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from helpers.run import STRICT, TAP, CompletedRun, environment, options, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def command(folder: Path, config: Mapping[str, Any] | None, **files: Any) -> list[str]:
    """Write the files of a run, `catalog` and `state` among them, and return its command."""
    return [TAP, *options(folder, config=config, **files)]


def run_tap(
    folder: Path,
    config: Mapping[str, Any] | None,
    *words: str,
    env: Mapping[str, str] | None = None,
    **files: Mapping[str, Any] | None,
) -> CompletedRun:
    """Run the tap to its end.

    Args:
        folder: Where its files are written.
        config: Its settings; None for no `--config`.
        words: More of its command line. They come last: `--discover` and `--test` act on the
            config that stands before them.
        env: Variables that are added to its environment.
        files: `catalog` and `state`.
    """
    return run(
        [*command(folder, config, **files), *words], env=environment(**STRICT, **(env or {}))
    )


def discover(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the catalog that the tap discovers."""
    found = run_tap(folder, config, "--discover")
    catalog: dict[str, Any] = json.loads(found.check().stdout)
    return catalog


def entry(catalog: Mapping[str, Any], stream: str = "invoices") -> dict[str, Any]:
    """Return a stream's entry of a catalog."""
    found: dict[str, Any] = next(
        each for each in catalog["streams"] if each["tap_stream_id"] == stream
    )
    return found


def set_metadata(
    catalog: Mapping[str, Any], stream: str, *breadcrumb: str, **values: object
) -> None:
    """Set a stream's metadata, or that of one of its fields, as Meltano's `select` does."""
    metadata = entry(catalog, stream)["metadata"]
    for each in metadata:
        if each["breadcrumb"] == list(breadcrumb):
            each["metadata"] |= values
            return
    metadata.append({"breadcrumb": list(breadcrumb), "metadata": dict(values)})


def deselect(catalog: Mapping[str, Any], stream: str, *path: str) -> None:
    """Deselect a stream, or a field of it by its path, inside objects too."""
    breadcrumb = [word for name in path for word in ("properties", name)]
    set_metadata(catalog, stream, *breadcrumb, selected=False)
