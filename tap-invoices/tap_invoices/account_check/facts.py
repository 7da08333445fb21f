"""The responses to the requests of a check, and what follows from them about the server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tap_invoices._shared import times
from tap_invoices.discovery import decode_rows

from .finding import Unchecked
from .probe import NOT_REQUESTED, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from tap_invoices._shared.api_settings import ApiSettings
    from tap_invoices._shared.listing import ExportQuery
    from tap_invoices._shared.response import Row

    from .counting import Count
    from .probe import Outcome

    Object: TypeAlias = dict[str, Any]
    Schemas: TypeAlias = Mapping[str, Mapping[str, Any]]

PAGE_SIZE = 50
"""Invoices, without lines, that a request is for."""

CREATION_RANGE = timedelta(seconds=1)
"""How long the range is of creation times that `Facts.around` was requested for."""

_SAMPLE_SIZE = 250  # invoices with lines, where page_size is 0
_MAX_DECODED = 500  # invoices: a server that ignores the limit sends more

_NOT_COUNTED = Unchecked("The invoices were not counted.")


class Use(StrEnum):
    """What a server makes of a parameter."""

    HONOURED = "honoured"
    CAPPED = "capped"
    PAGE_ONLY = "page only"
    IGNORED = "ignored"
    REJECTED = "refused"


@dataclass
class ListFacts:
    """What was found of a list.

    Args:
        query: Which list.
        page: Its first page.
        count: How many invoices it has; None if that is unknown.
        why_uncounted: Why that is unknown.
        ascending: Its first page by creation, oldest first.
    """

    query: ExportQuery
    page: Outcome = NOT_REQUESTED
    count: Count | None = None
    why_uncounted: Unchecked = _NOT_COUNTED
    ascending: Outcome = NOT_REQUESTED

    @property
    def exact_count(self) -> int | None:
        """How many invoices it has; None if that is not exactly known."""
        return self.count.value if self.count and self.count.is_exact else None

    @property
    def is_read(self) -> bool:
        """Whether the first page is the whole list."""
        return self.count is not None and self.count.value == len(self.page.rows)

    @property
    def at_least(self) -> int:
        """How many invoices it has at least."""
        return self.count.value if self.count else len(self.page.rows)


@dataclass
class Facts:
    """The settings, and the responses.

    Args:
        settings: Where the API is.
        page_size: The setting.
        durations: How long each response took, in seconds.
        total: All invoices.
        pending: Those that are pending.
        first: One pending invoice; without a limit, where that is rejected.
        is_limit_rejected: Whether `first` was requested without a limit.
        page_again: The first page of `base`, once more.
        by_start: One invoice of `base`, the second one by `start`.
        by_page: One invoice of `base`, the second one by `page`; where `start` is ignored.
        last: The last page of the pending invoices.
        last_now: The same page with the server's time as `not_exported_since`.
        last_later: The same page with a later time, where `last_now` is different.
        last_again: `last` once more, where `last_now` is different.
        descending: The first page of `base` by creation, newest first.
        unknown_system: The first page for a system that does not exist.
        sync_page: A page of invoices with their lines, as large as in a sync.
        sample: The same, or a smaller page where that failed.
        around: The first page of invoices created within `CREATION_RANGE` of `first_created`.
        after: The first page of those created later.
        schemas: What discovery finds.
    """

    settings: ApiSettings
    page_size: int
    durations: Sequence[float]
    total: ListFacts
    pending: ListFacts
    first: Outcome = NOT_REQUESTED
    is_limit_rejected: bool = False
    page_again: Outcome = NOT_REQUESTED
    by_start: Outcome = NOT_REQUESTED
    by_page: Outcome = NOT_REQUESTED
    last: Outcome = NOT_REQUESTED
    last_now: Outcome = NOT_REQUESTED
    last_later: Outcome = NOT_REQUESTED
    last_again: Outcome = NOT_REQUESTED
    descending: Outcome = NOT_REQUESTED
    unknown_system: Outcome = NOT_REQUESTED
    sync_page: Outcome = NOT_REQUESTED
    sample: Outcome = NOT_REQUESTED
    around: Outcome = NOT_REQUESTED
    after: Outcome = NOT_REQUESTED
    schemas: Schemas | Failure = NOT_REQUESTED

    @property
    def base(self) -> ListFacts:
        """The list that paging and content are looked at by: all invoices, if they are listed."""
        return self.pending if isinstance(self.total.page, Failure) else self.total

    @property
    def sample_size(self) -> int:
        """How many invoices `sync_page` was requested for."""
        return self.page_size or _SAMPLE_SIZE

    @property
    def limit(self) -> LimitUse:
        """What the server makes of `limit`, as far as is known."""
        if self.is_limit_rejected:
            return LimitUse(Use.REJECTED)
        base, pending, sync_page = self.base, self.pending, self.sync_page
        seen = [
            LimitSeen(limit, len(outcome.rows), listing.at_least - start, listing.count is not None)
            for outcome, limit, listing, start in (
                (self.first, 1, pending, 0),
                (base.page, PAGE_SIZE, base, 0),
                (self.by_start, 1, base, 1),
                (sync_page, self.sample_size, base, 0),
            )
            if outcome.is_complete or len(outcome.rows) > limit
        ]
        return limit_use(seen)

    @property
    def is_listing_cut(self) -> bool:
        """Whether a response was larger than a check reads."""
        outcomes = (self.total.page, self.pending.page, self.sync_page)
        return any(not isinstance(each, Failure) and not each.is_complete for each in outcomes)

    @property
    def start(self) -> Use | None:
        """What the server makes of `start`: see `start_use`."""
        return start_use(self.base.page.ids, self.by_start, self.by_page)

    @property
    def is_limited(self) -> bool:
        """Whether the server does not return the whole list whatever the limit is."""
        return self.limit.kind not in {Use.IGNORED, Use.REJECTED}

    @property
    def can_page(self) -> bool:
        """Whether the second and later pages can be requested."""
        return self.start in {Use.HONOURED, Use.PAGE_ONLY}

    @property
    def is_order_kept(self) -> bool | None:
        """Whether two responses have the same order; None if there are too few invoices."""
        first, second = self.base.page.ids, self.page_again.ids
        compared = min(len(first), len(second))
        return first[:compared] == second[:compared] if compared > 1 else None

    @property
    def is_sorted(self) -> bool | None:
        """Whether a sort by creation is honoured: see `is_sorted_by_creation`."""
        return is_sorted_by_creation(self.base.ascending, self.descending)

    @property
    def first_created(self) -> datetime | None:
        """The second in which the first invoice with a time was created; None if there is none."""
        first = next(filter(None, map(created_at, self.base.page.rows)), None)
        return first and first.replace(microsecond=0)

    @cached_property
    def decoded(self) -> tuple[list[Object], list[str]]:
        """The invoices of `sample`, and for each that cannot be delivered why not.

        Raises:
            Unchecked: There is no sample.
        """
        if isinstance(self.sample, Failure):
            raise Unchecked("Not checked: see page_size.")
        return decode_rows(self.sample.rows[:_MAX_DECODED])


class LimitSeen(NamedTuple):
    """A request with a limit, and how many invoices came.

    Attributes:
        limit: What was sent.
        returned: How many came.
        available: How many there are, at least.
        is_exact: Whether there are no more than that.
    """

    limit: int
    returned: int
    available: int
    is_exact: bool = True


class LimitUse(NamedTuple):
    """What a server makes of `limit`.

    Attributes:
        kind: `HONOURED`, `CAPPED`, `IGNORED` or `REJECTED`; None if that is unknown.
        cap: The most invoices that it returns, where it caps.
    """

    kind: Use | None = None
    cap: int | None = None


def limit_use(seen: Sequence[LimitSeen]) -> LimitUse:
    """Conclude from the number of invoices that came what a server makes of `limit`."""
    if any(each.returned > each.limit for each in seen):
        return LimitUse(Use.IGNORED)
    if capped := [each for each in seen if 0 < each.returned < min(each.limit, each.available)]:
        return LimitUse(Use.CAPPED, max(each.returned for each in capped))
    is_open = any(each.returned < each.limit and not each.is_exact for each in seen)
    is_seen = any(each.returned == each.limit < each.available for each in seen)
    return LimitUse(Use.HONOURED if is_seen and not is_open else None)


def start_use(first: Sequence[int | None], by_start: Outcome, by_page: Outcome) -> Use | None:
    """Conclude what a server makes of `start` and `page`.

    Args:
        first: The ids of the first page.
        by_start: The response to a request for the second invoice by `start`.
        by_page: The response to a request for it by `page`.

    Returns:
        `HONOURED`, `PAGE_ONLY`, `IGNORED` or `REJECTED`; None if that is unknown.
    """
    if isinstance(by_start, Failure):
        return Use.REJECTED if by_start.is_rejection else None
    if not first or None in first or first[:1] == first[1:2]:
        return None
    if by_start.ids[:1] == first[1:2]:
        return Use.HONOURED
    if by_start.ids[:1] != first[:1] or isinstance(by_page, Failure):
        return None
    return Use.PAGE_ONLY if by_page.ids[:1] == first[1:2] else Use.IGNORED


def is_sorted_by_creation(ascending: Outcome, descending: Outcome) -> bool | None:
    """Whether a server honours a sort by `created_at`.

    Args:
        ascending: The first page, oldest first.
        descending: The first page, newest first: it shows that a server has one of the orders
            in any case.

    Returns:
        None if there is too little to tell by.
    """
    if isinstance(ascending, Failure) or isinstance(descending, Failure):
        return None
    rising, falling = created(ascending.rows), created(descending.rows)
    if rising is None or falling is None or len({*rising, *falling}) < 2:  # noqa: PLR2004
        return None
    in_order = rising == sorted(rising) and falling == sorted(falling, reverse=True)
    return in_order and bool(rising and falling) and falling[0] > rising[0]


def is_same(one: Outcome, other: Outcome) -> bool:
    """Whether two responses list the same invoices, as far as both were read."""
    if isinstance(one, Failure) or isinstance(other, Failure):
        return False
    if one.is_complete and other.is_complete:
        return Counter(one.ids) == Counter(other.ids)
    shorter = min(len(one.rows), len(other.rows))
    return one.ids[:shorter] == other.ids[:shorter]


def created(rows: Iterable[Row]) -> list[datetime] | None:
    """Return when invoices were created; None if that cannot be read of all of them."""
    found = [created_at(row) for row in rows]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None


def created_at(row: Row) -> datetime | None:
    """Return when an invoice was created; None if that cannot be read."""
    invoices, _ = decode_rows([row])
    text = invoices[0].get("created_at") if invoices else None
    try:
        return times.parse_time(times.to_rfc3339(text) or "") if isinstance(text, str) else None
    except ValueError:
        return None
