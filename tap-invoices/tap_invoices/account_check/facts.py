"""What came back from the requests of a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .counting import Count
from .paging_checks import REJECTED, LimitSeen, LimitUse, limit_use
from .probe import NOT_ASKED, Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_invoices._shared.listing import ExportQuery

    from .content_checks import CreationFilters
    from .list_checks import Counted
    from .probe import Outcome

    Schemas: TypeAlias = Mapping[str, Mapping[str, Any]]

PAGE_SIZE = 50
"""Invoices, without lines, that a request is for."""


@dataclass
class ListFacts:
    """What was found of a list.

    Args:
        query: Which list.
        page: Its first page.
        counted: How many invoices it has.
        ascending: Its first page by creation, oldest first.
    """

    query: ExportQuery
    page: Outcome = NOT_ASKED
    counted: Counted = NOT_ASKED
    ascending: Outcome = NOT_ASKED

    @property
    def is_read(self) -> bool:
        """Whether the first page is the whole list."""
        rows = self.page.rows if isinstance(self.page, Reply) else ()
        return isinstance(self.counted, Count) and self.counted.value == len(rows)

    @property
    def at_least(self) -> int:
        """How many invoices it has at least."""
        if isinstance(self.counted, Count):
            return self.counted.value
        return len(self.page.rows) if isinstance(self.page, Reply) else 0


@dataclass
class Facts:
    """What came back.

    Args:
        total: All invoices.
        pending: Those that are pending.
        sample_size: Invoices that `page` was asked for.
        first: One pending invoice; without a limit, where that is refused.
        is_limit_rejected: Whether `first` had to do without one.
        again: The first page of `base`, once more.
        offset: One invoice of `base`, from the second one on by `start`.
        second_page: The same by `page`; asked where `start` is ignored.
        start: See `paging_checks.start_use`.
        default: The last page of the pending invoices.
        now: The same page with the server's time as `not_exported_since`.
        default_again: `default` once more, where `now` is different.
        future: The same page with a later time, where `now` is different.
        descending: The first page of `base` by creation, newest first.
        is_sorted: Whether a sort is honoured; None if that is unknown.
        unknown_system: The first page for a system that does not exist.
        page: A page of invoices with their lines, as large as in a sync.
        sample: The same, or a smaller page where that failed.
        filters: Filters around one invoice.
        around: The first page of what passes the one.
        after: The first page of what passes the other.
        schemas: What discovery finds.
    """

    total: ListFacts
    pending: ListFacts
    sample_size: int
    first: Outcome = NOT_ASKED
    is_limit_rejected: bool = False
    again: Outcome = NOT_ASKED
    offset: Outcome = NOT_ASKED
    second_page: Outcome = NOT_ASKED
    start: str | None = None
    default: Outcome = NOT_ASKED
    now: Outcome = NOT_ASKED
    default_again: Outcome = NOT_ASKED
    future: Outcome = NOT_ASKED
    descending: Outcome = NOT_ASKED
    is_sorted: bool | None = None
    unknown_system: Outcome = NOT_ASKED
    page: Outcome = NOT_ASKED
    sample: Outcome = NOT_ASKED
    filters: CreationFilters | None = None
    around: Outcome = NOT_ASKED
    after: Outcome = NOT_ASKED
    schemas: Schemas | Failure = NOT_ASKED

    @property
    def base(self) -> ListFacts:
        """The list that paging and content are looked at by: all invoices, if they are listed."""
        return self.total if isinstance(self.total.page, Reply) else self.pending

    @property
    def limit(self) -> LimitUse:
        """What the server makes of `limit`, as far as is known."""
        return (
            LimitUse(REJECTED) if self.is_limit_rejected else limit_use(list(self._limits_seen()))
        )

    def _limits_seen(self) -> Iterator[LimitSeen]:
        for outcome, limit, listing, start in (
            (self.first, 1, self.pending, 0),
            (self.base.page, PAGE_SIZE, self.base, 0),
            (self.offset, 1, self.base, 1),
            (self.page, self.sample_size, self.base, 0),
        ):
            if isinstance(outcome, Reply) and (outcome.is_complete or len(outcome.rows) > limit):
                is_counted = isinstance(listing.counted, Count)
                yield LimitSeen(limit, len(outcome.rows), listing.at_least - start, is_counted)

    @property
    def is_listing_cut(self) -> bool:
        """Whether a response was larger than a check reads."""
        asked = (self.total.page, self.pending.page, self.page)
        return any(isinstance(each, Reply) and not each.is_complete for each in asked)
