"""The settings, as JSON Schema; the README's table is made from it."""

from __future__ import annotations

from singer_sdk import typing as th

DEFAULT_URL = "https://api.traede.com"
DEFAULT_TIMEOUT = 300
DEFAULT_IN_FLIGHT = 4

_DATE_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"

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
        th.StringType(min_length=1),
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
        "request_timeout",
        th.NumberType(exclusive_minimum=0),
        default=DEFAULT_TIMEOUT,
        title="Request timeout",
        description="Seconds to wait for the server before asking again.",
    ),
    th.Property(
        "loader",
        th.StringType(min_length=1),
        title="Loader",
        description=(
            "Command of the Singer loader to relay to. Without it, the target reads records "
            "that are loaded already."
        ),
    ),
    th.Property(
        "confirm",
        th.StringType(allowed_values=["state", "exit"]),
        default="state",
        title="What confirms",
        description=(
            "Relaying: what counts as loaded, the STATE that the loader prints (`state`) or "
            "only its exit with 0 (`exit`)."
        ),
    ),
    th.Property(
        "stream",
        th.StringType(min_length=1),
        default="invoices",
        title="Stream",
        description="Stream that holds the invoices.",
    ),
    th.Property(
        "id_property",
        th.StringType(min_length=1),
        default="id",
        title="Id property",
        description="Property that holds an invoice's id.",
    ),
    th.Property(
        "note",
        th.StringType,
        title="Note",
        description="Note in the invoice's timeline; may hold `{run_id}` and `{loaded_at}`.",
    ),
    th.Property(
        "skip_exported",
        th.BooleanType,
        title="Skip exported",
        description=(
            "Ask the API what is still pending and leave alone what is not. True by default "
            "when reading back, false when relaying."
        ),
    ),
    th.Property(
        "max_parallel_requests",
        th.IntegerType(minimum=1, maximum=64),
        default=DEFAULT_IN_FLIGHT,
        title="Parallel requests",
        description="Acknowledgements in flight.",
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        title="Dry run",
        description="Say what would be marked, mark nothing.",
    ),
    th.Property(
        "reconcile_since",
        th.StringType(pattern=_DATE_TIME),
        title="Reconcile since",
        examples=["2026-01-31", "2026-01-31T12:00:00Z"],
        description=(
            "Reading back: compare what was read with what the API says this system has, for "
            "invoices created since then (UTC unless it has a zone)."
        ),
    ),
).to_dict()
