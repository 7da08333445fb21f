"""Catalogs: the columns that the tap computes are in each of them; what is selected."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeAlias

from jsonschema import Draft7Validator
from singer_sdk.singerlib import Catalog, Metadata, Schema

from tap_invoices._shared.delivered_ids import INVOICE_LINES, INVOICES
from tap_invoices._shared.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.singerlib import MetadataMapping, SelectionMask

JsonSchema: TypeAlias = dict[str, Any]

HiddenTree: TypeAlias = dict[str, "HiddenTree"]
"""What is deselected inside objects, by name; a leaf is empty and hides all of its value."""

EXTRA = "_extra"
LINES = "lines"
NON_BOOKED = "non_booked"
INVOICE_ID = "invoice_id"

FREE_FORM: JsonSchema = {"type": ["object", "null"], "additionalProperties": True}
"""An object of which no property is known. It holds anything: loaders store it as JSON."""

_ID_COLUMN: JsonSchema = {"type": ["integer"]}
_EXTRA_COLUMN = FREE_FORM | {"description": "What has no place in the other columns."}

COMPUTED_COLUMNS: dict[str, dict[str, JsonSchema]] = {
    INVOICES: {
        "id": _ID_COLUMN,
        NON_BOOKED: {"type": ["boolean", "null"], "description": "Whether it is a draft."},
        EXTRA: _EXTRA_COLUMN,
    },
    INVOICE_LINES: {"id": _ID_COLUMN, INVOICE_ID: _ID_COLUMN, EXTRA: _EXTRA_COLUMN},
}
"""The columns that the tap itself fills: they are in every schema, whatever a catalog says."""


def parse_catalog(catalog: Mapping[str, Any]) -> Catalog:
    """Parse a catalog and add the computed columns, which an older one may lack.

    A target relies on `non_booked`, and without `_extra` fields would be lost.

    Raises:
        PluginError: It is not a Singer catalog.
    """
    try:
        parsed = Catalog.from_dict(_with_replication_methods(catalog))
        for each in parsed.streams:
            Draft7Validator.check_schema(each.schema.to_dict())
        for name, columns in COMPUTED_COLUMNS.items():
            if entry := parsed.get_stream(name):
                entry.schema.properties = dict(entry.schema.properties or {}) | {
                    column: Schema.from_dict(schema) for column, schema in columns.items()
                }
                make_automatic(name, entry.metadata)
        _validate(parsed)
    except Exception as error:  # the SDK raises whatever its code meets
        raise PluginError(
            f"The catalog is not a Singer catalog ({type(error).__name__}). Make a new one with "
            "--discover.",
        ) from error
    return parsed


def make_automatic(stream: str, metadata: MetadataMapping) -> None:
    """Keep the computed columns from being deselected, except for `_extra`."""
    for column in COMPUTED_COLUMNS[stream]:
        if column != EXTRA:
            metadata[("properties", column)].inclusion = Metadata.InclusionType.AUTOMATIC


def deselected_tree(mask: SelectionMask) -> HiddenTree:
    """Return what is deselected inside objects."""
    tree: HiddenTree = {}
    for path in sorted(path for path, is_selected in mask.items() if not is_selected):
        names = path[1::2]
        if len(names) > 1 and mask[path[:-2]] and set(path[::2]) == {"properties"}:
            branch = tree
            for name in names:
                branch = branch.setdefault(name, {})
    return tree


def _with_replication_methods(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Return the catalog with the replication methods of its metadata in its entries.

    Singer has the method in the metadata. The SDK prefers the entry's own, which discovery
    fills, so that what a user writes into the metadata would be lost.
    """
    copy: dict[str, Any] = deepcopy(dict(catalog))
    for entry in copy["streams"]:
        for item in entry.get("metadata", ()):
            method = item["metadata"].get("replication-method")
            if not item["breadcrumb"] and method:
                entry["replication_method"] = method
    return copy


def _validate(catalog: Catalog) -> None:
    """Do with a catalog what the SDK will do later, so that a mistake shows at once."""
    for entry in catalog.streams:
        entry.metadata.resolve_selection()
        properties = entry.schema.to_dict().get("properties", {})
        if not all(isinstance(schema, dict) for schema in properties.values()):
            raise TypeError
