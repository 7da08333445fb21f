"""Catalogs: what is the tap's own is in every one of them and cannot be deselected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import Metadata, Schema

from tap_invoices.schema import EXTRA, OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.singerlib import Catalog, MetadataMapping, SelectionMask

    from tap_invoices.records import Hidden

_METHOD = "replication-method"


def complete(catalog: Catalog) -> None:
    """Add the tap's own columns to a catalog that was made without them.

    An older version's catalog may lack `non_booked`, and an acknowledging target relies
    on it; one written by hand may lack `_extra`, and then fields would be lost.
    """
    for name, own in OWN.items():
        if (entry := catalog.get_stream(name)) is None:
            continue
        properties = entry.schema.properties = dict(entry.schema.properties or {})
        for column, kind in own.items():
            properties.setdefault(column, Schema.from_dict(kind))
        keep_own(name, entry.metadata)


def keep_own(stream: str, metadata: MetadataMapping) -> None:
    """Make the columns that readers rely on automatic: they cannot be deselected."""
    for column in OWN[stream]:
        if column != EXTRA:
            metadata[("properties", column)].inclusion = Metadata.InclusionType.AUTOMATIC


def heed_replication_method(catalog: Mapping[str, Any]) -> None:
    """Take the replication method from a stream's metadata, where Singer has it.

    The SDK reads only the entry's own, which discovery fills, so that what a user wrote
    into the metadata would be lost.
    """
    for entry in catalog.get("streams", ()):
        for each in entry.get("metadata", ()):
            if not each["breadcrumb"] and (method := each["metadata"].get(_METHOD)):
                entry["replication_method"] = method


def hidden_fields(mask: SelectionMask) -> Hidden:
    """Return what is deselected inside objects, as a tree of names; its leaves are empty."""
    tree: Hidden = {}
    for path in sorted(path for path, selected in mask.items() if not selected):
        names = path[1::2]
        if len(names) > 1 and mask[path[:-2]]:
            branch = tree
            for name in names:
                branch = branch.setdefault(name, {})
    return tree
