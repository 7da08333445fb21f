"""Catalogs: what is the tap's own is in every one of them and cannot be deselected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.singerlib import Metadata, Schema

from tap_invoices.schema import EXTRA, OWN

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog, MetadataMapping


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
