"""The settings, as JSON Schema; the README's table is made from it."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_invoices._shared import times
from tap_invoices._shared.api_settings import API_SETTINGS, REPORT_FILE
from tap_invoices._shared.delivered_ids import INVOICE_LINES, INVOICES
from tap_invoices._shared.filters import KEYS, OPERATORS, filter_errors
from tap_invoices.catalog import NON_BOOKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_PAGE_SIZE = 250

MIN_KEY_LENGTH = len(NON_BOOKED) + 1
"""The SDK's flattening renames columns from this length on: `invoice_id` is as long."""

_FILTER = th.ObjectType(
    th.Property("key", th.StringType(allowed_values=list(KEYS)), required=True),
    th.Property("operator", th.StringType(allowed_values=list(OPERATORS)), required=True),
    th.Property("value", th.StringType, required=True),
    th.Property("not", th.BooleanType),
    additional_properties=False,
)
_GROUP = th.ObjectType(
    th.Property("filters", th.ArrayType(_FILTER), required=True),
    th.Property("or", th.BooleanType),
    additional_properties=False,
)

CONFIG = th.PropertiesList(
    *API_SETTINGS,
    th.Property(
        "start_date",
        th.StringType(pattern=times.SETTING_PATTERN),
        title="Start date",
        examples=["2026-01-31", "2026-01-31T12:00:00Z"],
        description=(
            "Used if there is no state (first sync, `--full-refresh`): also deliver invoices that "
            "were marked at or after this time (UTC unless it has a zone). Without it, the first "
            "sync delivers only pending invoices."
        ),
    ),
    th.Property(
        "include_non_booked",
        th.BooleanType,
        default=False,
        title="Include drafts",
        description="Deliver drafts too, flagged `non_booked`, at every run until they are booked.",
    ),
    th.Property(
        "filter_groups",
        th.ArrayType(_GROUP),
        title="Filter groups",
        description=(
            'Deliver only invoices that match these filters, for example `[{"filters": '
            '[{"key": "created_at", "operator": "gte", "value": "2026-01-01"}]}]`. '
            "Keys: `created_at`, `updated_at`. Operators: `eq`, `gt`, `gte`, `lt`, `lte`; "
            '`"not": true` negates a filter. All filters of a group must match, or any of them '
            'if the group has `"or": true`; all groups must match.'
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=0),
        default=DEFAULT_PAGE_SIZE,
        title="Page size",
        description=(
            "Invoices per request. 0 requests all invoices in one response of at most 1 GiB."
        ),
    ),
    REPORT_FILE,
).to_dict()


def own_setting_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """Describe what is wrong with the tap's own settings and no schema finds."""
    yield from filter_errors(config.get("filter_groups") or ())
    if problem := times.invalid_time(config.get("start_date", times.EPOCH)):
        yield f"start_date is {problem}"
    yield from _batch_errors(config.get("batch_config") or {})
    length = config.get("flattening_max_key_length")
    if config.get("flattening_enabled") and length and length < MIN_KEY_LENGTH:
        yield (
            f"flattening_max_key_length is {length}: below {MIN_KEY_LENGTH}, flattening renames "
            "columns by which a target knows drafts and lines."
        )
    if config.get("include_non_booked"):
        yield from draft_flag_errors(config.get("stream_maps") or {})


def _batch_errors(batch_config: Mapping[str, Any]) -> Iterator[str]:
    for part, name in (("encoding", "format"), ("storage", "root")) if batch_config else ():
        if not (isinstance(found := batch_config.get(part), dict) and found.get(name)):
            yield f"batch_config lacks {part}.{name}, which the files need."


def draft_flag_errors(stream_maps: Mapping[str, Any]) -> Iterator[str]:
    """Describe stream maps that keep the draft flag from reaching the target.

    A draft without its flag would be marked as exported, and never be listed once it is booked.
    """
    for name, definition in stream_maps.items():
        if isinstance(definition, dict) and _maps_invoices(name, definition):
            kept = definition.get(NON_BOOKED, None if "__else__" in definition else NON_BOOKED)
            if not (isinstance(kept, str) and kept.strip() in {NON_BOOKED, "self"}):
                yield (
                    f"stream_maps.{name} removes or changes {NON_BOOKED}, by which a target knows "
                    f"drafts. Add `{NON_BOOKED}: {NON_BOOKED}` to it, or set include_non_booked "
                    "to false."
                )


def filters_lines(stream_maps: Mapping[str, Any]) -> bool:
    """Whether a stream map leaves lines of invoices out."""
    return any(
        isinstance(definition, dict)
        and definition.get("__filter__") is not None
        and fnmatch(INVOICE_LINES, name)
        for name, definition in stream_maps.items()
    )


def _maps_invoices(name: str, definition: Mapping[str, Any]) -> bool:
    return fnmatch(INVOICES, str(definition.get("__source__", name)))
