"""T, the bookmark, by the server's clock: no mark of an earlier run is at or after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_invoices._shared.listing import Page
from tap_invoices.bookmark import Bookmark
from tap_invoices.sync import ExportReader, SyncOptions
from tap_invoices.sync_counts import SyncCounts

if TYPE_CHECKING:
    from .conftest import Tap

STARTED = 100.0
NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


class Client:
    """Responds with an empty list, requested at a time of the program's own clock."""

    def __init__(self, requested_at: float, server_time: datetime | None = NOW) -> None:
        self.page = Page([], server_time, requested_at)

    def fetch(self, *_: Any) -> Page:
        return self.page


def read(client: Any, *, is_full_table: bool = False) -> ExportReader:
    config = {
        "system_id": "warehouse",
        "page_size": 250,
        "start_date": "2026-01-01",
        "include_non_booked": False,
    }
    options = SyncOptions(config, is_full_table=is_full_table, has_lines=True)
    reader = ExportReader(client, options, Bookmark(), SyncCounts(), STARTED)
    assert list(reader.iter_pages(reader.start())) == []
    return reader


@pytest.mark.parametrize(
    ("age", "t"), [(0.3, "2026-11-23T10:00:01Z"), (0.999, "2026-11-23T10:00:01Z"), (1.0, None)]
)
def test_t_is_not_in_the_second_in_which_the_program_started(age: float, t: str | None) -> None:
    """The run before may have set marks in that second; later requests have a later one."""
    progress = read(Client(STARTED + age)).progress
    assert progress.next_since == (t or "2026-11-23T10:00:00Z")


def test_a_full_table_run_has_no_t() -> None:
    assert read(Client(STARTED), is_full_table=True).progress.next_since is None


def test_a_list_that_was_read_to_its_end_is_not_yet_delivered() -> None:
    """Pages are read ahead: a signal within the last one must not end a replay."""
    progress = read(Client(STARTED)).progress
    before = progress.bookmarks()["invoices"]
    progress.complete()
    after = progress.bookmarks()["invoices"]
    assert before["replay"] == ["2026-11-23T10:00:01Z", "2026-01-01"]
    assert after["replay"] == ["", ""]


def test_without_a_date_the_clock_of_this_machine_serves(tap: Tap) -> None:
    tap.sandbox.behave(date=False)
    t = tap.sync().bookmark["replication_key_value"]
    age = datetime.now(UTC) - datetime.fromisoformat(t)
    assert abs(age.total_seconds()) < 600
