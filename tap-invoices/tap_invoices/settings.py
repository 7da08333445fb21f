"""The settings, as JSON Schema; the README's table is made from it."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_invoices.filters import KEYS, OPERATORS

DEFAULT_URL = "https://api.traede.com"
DEFAULT_PAGE_SIZE = 250
DEFAULT_TIMEOUT = 300

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
    th.Property(
        "api_url",
        th.StringType(pattern=r"^https?://[^\s/?#]+[^\s?#]*$"),
        default=DEFAULT_URL,
        title="API URL",
        description="Base URL of the API.",
    ),
    th.Property(
        "access_token",
        th.StringType,
        required=True,
        secret=True,
        title="Access token",
        description="Bearer token of the API.",
    ),
    th.Property(
        "app_key",
        th.StringType,
        secret=True,
        title="App key",
        description="Sent as `X-Traede-App-Key`.",
    ),
    th.Property(
        "system_id",
        th.StringType(min_length=1),
        required=True,
        title="System id",
        description="Which receiving system: each has its own export marks.",
    ),
    th.Property(
        "start_date",
        th.StringType(
            pattern=r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"
        ),
        title="Start date",
        examples=["2026-01-31", "2026-01-31T12:00:00Z"],
        description=(
            "`not_exported_since` of the first sync: invoices marked at or after this time "
            "(UTC unless it has a zone) come again. Without it, only what is pending."
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
            "The API's own filters, as a list of groups of `created_at` and `updated_at` with "
            "`eq`, `gt`, `gte`, `lt` or `lte`; groups are joined by AND."
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=0),
        default=DEFAULT_PAGE_SIZE,
        title="Page size",
        description="Invoices a request; 0 asks for all at once.",
    ),
    th.Property(
        "request_timeout",
        th.NumberType(exclusive_minimum=0),
        default=DEFAULT_TIMEOUT,
        title="Request timeout",
        description="Seconds to wait for the server before asking again.",
    ),
).to_dict()
