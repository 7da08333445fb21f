"""The settings, as JSON Schema and as a program uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from target_invoices_ack._shared import times
from target_invoices_ack._shared.api_settings import API_SETTINGS, REPORT_FILE, ApiSettings
from target_invoices_ack.input.messages import CREATED_AT, NON_BOOKED
from target_invoices_ack.note import note_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ONLY_READ_BACK = ("reconcile_since",)

CONFIG = th.PropertiesList(
    *API_SETTINGS,
    th.Property(
        "loader",
        th.StringType(min_length=1),
        title="Loader",
        description=(
            "Command that starts the Singer loader. Set exactly one of `loader` and `read_back`."
        ),
    ),
    th.Property(
        "read_back",
        th.BooleanType,
        default=False,
        title="Read back",
        description=(
            "Mark invoices that a tap reads from a table in the warehouse, instead of relaying to "
            "a loader."
        ),
    ),
    th.Property(
        "confirm",
        th.StringType(allowed_values=["state", "exit"]),
        default="state",
        title="What confirms",
        description=(
            "When relaying: mark after the loader's STATEs and its exit code 0 (`state`), or "
            "after exit code 0 only (`exit`)."
        ),
    ),
    th.Property(
        "warn_of_loader",
        th.BooleanType,
        default=True,
        title="Warn of loader",
        description=(
            "When relaying: warn if tests showed that this loader loses, replaces or changes "
            "rows. Set it to false once you have dealt with that."
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
        "allow_missing_lines",
        th.BooleanType,
        default=False,
        title="Allow missing lines",
        description=(
            "When relaying: mark invoices even if `invoice_lines` is deselected, so that their "
            "lines are not loaded."
        ),
    ),
    th.Property(
        "note",
        th.StringType,
        title="Note",
        description=(
            "Note that Traede shows in the invoice's timeline. `{run_id}` and `{loaded_at}` are "
            "replaced."
        ),
    ),
    th.Property(
        "skip_exported",
        th.BooleanType,
        title="Skip exported",
        description=(
            "Request the list of pending invoices and mark only those. Default: true when reading "
            "back, false when relaying."
        ),
    ),
    th.Property(
        "max_parallel_requests",
        th.IntegerType(minimum=1, maximum=64),
        default=4,
        title="Parallel requests",
        description="Maximum number of mark requests in flight.",
    ),
    th.Property(
        "verify_marks",
        th.BooleanType,
        default=True,
        title="Verify marks",
        description=(
            "After the first batch of a run, check for one invoice that its mark took effect. If "
            "it did not, stop marking and exit with 1."
        ),
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        title="Dry run",
        description="Say what would be marked, and mark nothing.",
    ),
    th.Property(
        "reconcile_since",
        th.StringType(pattern=times.SETTING_PATTERN),
        title="Reconcile since",
        examples=["2026-01-31", "2026-01-31T12:00:00Z"],
        description=(
            "When reading back: compare the rows with the API's invoices that were created since "
            "this time (UTC unless it has a zone)."
        ),
    ),
    REPORT_FILE,
).to_dict()


@dataclass(frozen=True)
class Settings:
    """The settings of a run; each as in `CONFIG`.

    Attributes:
        api: Where the API is, and whose invoices.
        loader: The loader's command; empty when reading back.
        confirm_by_state: Whether the loader's STATEs count, and not only its exit.
        skip_exported: Its default depends on whether the target relays or reads back.
        has_stream_maps: Whether records are changed before they are read.
    """

    api: ApiSettings
    loader: str
    confirm_by_state: bool
    warn_of_loader: bool
    stream: str
    id_property: str
    allow_missing_lines: bool
    note: str | None
    skip_exported: bool
    max_parallel_requests: int
    verify_marks: bool
    dry_run: bool
    reconcile_since: str | None
    has_stream_maps: bool

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Take them from the target's settings, which have been validated."""
        return cls(
            api=ApiSettings.from_config(config),
            loader=config.get("loader") or "",
            confirm_by_state=config["confirm"] == "state",
            warn_of_loader=config["warn_of_loader"],
            stream=config["stream"],
            id_property=config["id_property"],
            allow_missing_lines=config["allow_missing_lines"],
            note=config.get("note"),
            skip_exported=config.get("skip_exported", config["read_back"]),
            max_parallel_requests=config["max_parallel_requests"],
            verify_marks=config["verify_marks"],
            dry_run=config["dry_run"],
            reconcile_since=config.get("reconcile_since"),
            has_stream_maps=bool(config.get("stream_maps")),
        )


def target_setting_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """Describe what is wrong with the target's own settings and finds no schema."""
    if bool(config.get("loader")) == bool(config.get("read_back")):
        found = "both are" if config.get("loader") else "neither is"
        yield (
            f"loader and read_back: exactly one of them must be set, and {found}. Name the "
            "command of your loader in loader, or set read_back to true to mark what is read "
            "from a warehouse."
        )
    elif config.get("loader"):
        for name in _ONLY_READ_BACK:
            if config.get(name):
                yield f"{name} is for reading back and has no effect with loader: leave one out."
    if config.get("id_property") in {NON_BOOKED, CREATED_AT}:
        yield f"id_property cannot be {config['id_property']!r}, which never holds ids."
    if (note := config.get("note")) and (problem := note_error(note)):
        yield f"{problem}."
    if (since := config.get("reconcile_since")) and (problem := times.invalid_time(since)):
        yield f"reconcile_since is {problem}."
