"""One run over the listing: which list, from when, and which of its invoices to deliver."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_invoices import BEGAN, times
from tap_invoices.bookmark import Bookmark, Progress
from tap_invoices.client import Listing
from tap_invoices.paging import pages
from tap_invoices.ranges import IdRanges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_invoices.answers import Invoice
    from tap_invoices.client import ExportClient, Window


class Run:
    """Reads the list, from one fixed `not_exported_since`, to its end."""

    def __init__(
        self,
        client: ExportClient,
        config: Mapping[str, Any],
        bookmark: Bookmark,
        *,
        full_table: bool,
        lines: bool,
    ) -> None:
        """Fix what is asked for.

        Args:
            client: Asks the API.
            config: The tap's settings.
            bookmark: What the state said.
            full_table: Whether to read the API's own pending list instead.
            lines: Whether lines are wanted.

        Raises:
            TapError: The server's clock was needed and could not be had.
        """
        self._client = client
        self._page_size: int = config["page_size"]
        self._drafts: bool = config["include_non_booked"]
        self._full_table = full_table
        self._started: datetime | None = None
        self._began = False
        beginning = bookmark.since or config.get("start_date")
        if full_table:
            bookmark, beginning = Bookmark(step=bookmark.step), None
        self.listing = Listing(
            since=None if full_table else self._since(beginning),
            lines=lines,
            groups=tuple(config.get("filter_groups") or ()),
        )
        replays = bookmark.replays or bookmark.since is None
        self.progress = Progress(bookmark, replay=beginning if replays else None)

    def _since(self, beginning: str | None) -> str:
        if beginning:
            return times.to_api(beginning)
        now = self._client.server_time()
        self._started = self._without_earlier_marks(now)
        return times.to_api(now.isoformat())

    @property
    def has_begun(self) -> bool:
        """Whether the API has answered: what a STATE says of this run is known only then."""
        return self._began

    def pages(self) -> Iterator[list[Invoice]]:
        """Read the list, booked invoices first, then the drafts.

        It is read ahead of what is written: what is noted of progress is noted by the
        writer, but for what is skipped.

        Yields:
            What is to be delivered of one answer; it may be nothing.

        Raises:
            TapError: The API refuses, stays unreachable, or answers something else.
        """
        seen = IdRanges()
        for page in pages(partial(self._fetch, self.listing), self._page_size, seen):
            wanted = [each for each in page if self.progress.wants(each.id)]
            yield _flagged(wanted, non_booked=False) if self._drafts else wanted
        if self._drafts:
            with_drafts = replace(self.listing, drafts=True)
            for page in pages(partial(self._fetch, with_drafts), self._page_size, seen):
                yield _flagged(page, non_booked=True)

    def _fetch(self, listing: Listing, window: Window) -> list[Invoice]:
        answer = self._client.fetch(listing, window)
        if self._started is None:
            self._started = self._without_earlier_marks(self._client.last_date or datetime.now(UTC))
        if not self._full_table:
            self.progress.next_since = times.bookmark_of(self._started)
        self._began = True
        return answer

    def _without_earlier_marks(self, now: datetime) -> datetime:
        """Return the server's time, or the next second where the program was no second old.

        T has whole seconds, as `Date` has. A mark that the run before set in T's own second
        would be "at or after" T, and its invoice come once more in the next run. What was
        marked before this program began is so in an earlier second than this one. To wait
        until then would come to the same T.
        """
        was_young = self._client.last_asked < BEGAN + 1
        return now + timedelta(seconds=1) if was_young else now


def _flagged(invoices: list[Invoice], *, non_booked: bool) -> list[Invoice]:
    for each in invoices:
        each.non_booked = non_booked
    return invoices
