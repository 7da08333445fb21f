"""Judging paging: what the server makes of `limit` and `start`, and what a first sync costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .check_report import Check, Status, ok, problem, unknown
from .counting import Count
from .probe import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .list_checks import Counted
    from .probe import Outcome

NAMES = ("limit", "start", "order", "sort", "first_sync", "page_size")

PAGE_SIZES = (250, 100, 50, 25, 10)
_MAX_PAGE_BYTES = 4 << 20
_MAX_PAGE_SECONDS = 10.0

HONOURED, CAPPED, IGNORED, REJECTED, PAGE_ONLY = (
    "honoured",
    "capped",
    "ignored",
    "refused",
    "page only",
)


SET_NO_PAGING = "Set page_size to 0."


@dataclass(frozen=True)
class LimitSeen:
    """A request with a limit, and how many invoices came.

    Args:
        limit: What was sent.
        returned: How many came.
        available: How many there are, at least.
        is_exact: Whether there are no more than that.
    """

    limit: int
    returned: int
    available: int
    is_exact: bool = True


@dataclass(frozen=True)
class LimitUse:
    """What a server makes of `limit`.

    Args:
        kind: `HONOURED`, `CAPPED`, `IGNORED` or `REJECTED`; None if that is unknown.
        cap: The most invoices that it returns, where it caps.
    """

    kind: str | None = None
    cap: int | None = None


def limit_use(seen: Sequence[LimitSeen]) -> LimitUse:
    """Conclude from what came what the server makes of `limit`."""
    if any(each.returned > each.limit for each in seen):
        return LimitUse(IGNORED)
    if capped := [each for each in seen if 0 < each.returned < min(each.limit, each.available)]:
        return LimitUse(CAPPED, max(each.returned for each in capped))
    is_open = any(each.returned < each.limit and not each.is_exact for each in seen)
    is_seen = any(each.returned == each.limit < each.available for each in seen)
    return LimitUse(HONOURED if is_seen and not is_open else None)


def judge_limit(use: LimitUse, page_size: int, *, is_listing_cut: bool) -> Check:
    """Judge what the server makes of `limit`.

    Args:
        use: What it makes of it.
        page_size: The setting.
        is_listing_cut: Whether a response was larger than this check reads.
    """
    if use.kind is None:
        return unknown("limit", "Too few invoices came to tell.")
    found = {
        HONOURED: "It is honoured.",
        CAPPED: f"It is capped at {use.cap}.",
        IGNORED: "It is ignored: each response holds the whole list.",
        REJECTED: "It is refused.",
    }[use.kind]
    advice = ""
    if use.kind == CAPPED and page_size > (use.cap or 0):
        advice = f"Set page_size to {use.cap}."
    elif use.kind in {IGNORED, REJECTED} and page_size:
        advice = SET_NO_PAGING
    is_too_large = use.kind == IGNORED and is_listing_cut
    if is_too_large:
        advice += " Set a long request_timeout, and ask the provider of the API for paging."
    is_problem = is_too_large or (use.kind == REJECTED and page_size > 0)
    status = Status.PROBLEM if is_problem else Status.OK
    return Check("limit", status, found, advice.strip(), use.kind)


def start_use(first: Sequence[int | None], offset: Outcome, second_page: Outcome) -> str | None:
    """Conclude what a server makes of `start` and `page`.

    Args:
        first: The ids of the first page.
        offset: The response to a request that begins at the second invoice by `start`.
        second_page: The response to one that begins there by `page`.

    Returns:
        `HONOURED`, `PAGE_ONLY`, `IGNORED` or `REJECTED`; None if that is unknown.
    """
    if isinstance(offset, Failure):
        return REJECTED if offset.is_rejection else None
    if not first or None in first or first[:1] == first[1:2]:
        return None
    if offset.ids[:1] == first[1:2]:
        return HONOURED
    if offset.ids[:1] != first[:1] or isinstance(second_page, Failure):
        return None
    return PAGE_ONLY if second_page.ids[:1] == first[1:2] else IGNORED


def judge_start(use: str | None, offset: Outcome, limit: LimitUse, page_size: int) -> Check:
    """Judge what the server makes of `start`.

    Args:
        use: See `start_use`.
        offset: The response to a request with it.
        limit: What the server makes of `limit`, without which no offset is sent.
        page_size: The setting.
    """
    name = "start"
    if limit.kind == REJECTED:
        return unknown(name, "Not checked: an offset needs a limit.")
    if use is None and isinstance(offset, Reply):
        return unknown(name, "There are too few invoices to tell, or their order changes.")
    if use is None:
        return unknown(name, f"{offset}.")
    found = {
        HONOURED: "It is honoured.",
        PAGE_ONLY: "It is ignored; page is honoured in its place.",
        IGNORED: "It is ignored, and so is page: only one request for everything is complete.",
    }.get(use, f"{offset}.")
    advice = SET_NO_PAGING if page_size and use in {IGNORED, REJECTED} else ""
    is_problem = use == REJECTED and page_size > 0
    return Check(name, Status.PROBLEM if is_problem else Status.OK, found, advice, use)


def judge_order(one: Outcome, other: Outcome, page_size: int) -> Check:
    """Compare the order of invoices in two responses to the same request."""
    name = "order"
    if isinstance(one, Failure) or isinstance(other, Failure):
        return unknown(name, f"{one if isinstance(one, Failure) else other}.")
    compared = min(len(one.rows), len(other.rows))
    if compared < 2:  # noqa: PLR2004 - of one invoice there is one order
        return unknown(name, "There are too few invoices to tell.")
    if one.ids[:compared] == other.ids[:compared]:
        return ok(name, "Two requests gave the same invoices in the same order.", value=True)
    return problem(
        name,
        "Two requests gave different invoices, or another order.",
        f"If a run or a booking was in progress, check again. {SET_NO_PAGING if page_size else ''}",
        value=False,
    )


def judge_sort(ascending: Outcome, descending: Outcome, *, is_sorted: bool | None) -> Check:
    """Judge whether a sort by `created_at` is honoured; only this check makes use of it.

    Args:
        ascending: The first page, oldest first.
        descending: The first page, newest first.
        is_sorted: Whether both are in order; None if too few differ to tell.
    """
    name = "sort"
    for each in (ascending, descending):
        if isinstance(each, Failure):
            return unknown(name, f"{each}. Nothing else than this check sorts.")
    if is_sorted is None:
        return unknown(name, "There are too few invoices to tell.")
    if is_sorted:
        return ok(name, "A sort by created_at is honoured.", HONOURED)
    return ok(name, "It is ignored; nothing else than this check sorts.", IGNORED)


@dataclass(frozen=True)
class PageCost:
    """What a page of invoices with their lines costs.

    Args:
        invoices: On the page.
        size: Bytes.
        seconds: Until it had arrived.
        latency: Seconds that a small response takes.
    """

    invoices: int
    size: int
    seconds: float
    latency: float

    @property
    def seconds_each(self) -> float:
        """Seconds that each more invoice takes."""
        return max(self.seconds - self.latency, 0.0) / self.invoices


def recommend_page_size(cost: PageCost, page_size: int, cap: int | None) -> int:
    """Return the setting, where its responses stay small and quick, or a smaller page size."""
    for size in (page_size or PAGE_SIZES[0], *PAGE_SIZES):
        is_small = size * cost.size / cost.invoices <= _MAX_PAGE_BYTES
        is_quick = cost.latency + size * cost.seconds_each <= _MAX_PAGE_SECONDS
        if is_small and is_quick and size <= (page_size or size):
            return min(size, cap or size)
    return min(PAGE_SIZES[-1], cap or PAGE_SIZES[-1])


def judge_page_size(
    page: Outcome, cost: PageCost | None, recommended: int | None, page_size: int
) -> Check:
    """Recommend a page size for this account.

    Args:
        page: A page of as many invoices as are set, with their lines.
        cost: What such a page costs, or a smaller one; None if there is none.
        recommended: See `recommend_page_size`; 0 where pages do not work.
        page_size: The setting.
    """
    name = "page_size"
    if isinstance(page, Failure):
        found = f"{page}, when a page of {page_size or 'all'} invoices with lines was asked for."
        smaller = min(cost.invoices, recommended or 0) if cost else None
        advice = "Try again later." if smaller is None else f"Set page_size to {smaller}."
        return problem(name, found, advice, smaller)
    if recommended is None:
        return unknown(name, "There is no invoice to measure.")
    found = f"{recommended} is recommended, {page_size} is set."
    advice = "" if recommended == page_size else f"Set page_size to {recommended}."
    return ok(name, found, recommended, advice)


def judge_first_sync(
    pending: Counted, total: Counted, cost: PageCost | None, page_size: int
) -> Check:
    """Estimate a first sync: of what is pending, and of everything.

    Args:
        pending: How many invoices are pending.
        total: How many there are.
        cost: What a page costs; None if there is no invoice.
        page_size: Invoices a request; 0 for all in one.
    """
    name = "first_sync"
    value = {
        "pending": _estimate(pending, cost, page_size),
        "all": _estimate(total, cost, page_size),
    }
    found = [f"{what.title()}: {_describe(each)}." for what, each in value.items() if each]
    if not found:
        return unknown(name, "There is nothing to estimate by.")
    return ok(name, " ".join(found), value)


def _estimate(counted: Counted, cost: PageCost | None, page_size: int) -> dict[str, Any] | None:
    if not isinstance(counted, Count) or not cost:
        return None
    invoices = counted.value
    new_each = max(page_size, 2) - 1  # pages overlap by one
    requests = max(-(-(invoices - 1) // new_each), 1) if page_size else 1
    return {
        "invoices": invoices,
        "requests": requests,
        "bytes": round(invoices * cost.size / cost.invoices),
        "seconds": round(requests * cost.latency + invoices * cost.seconds_each, 1),
    }


def _describe(estimate: dict[str, Any]) -> str:
    requests = "1 request" if estimate["requests"] == 1 else f"{estimate['requests']:,} requests"
    return (
        f"{estimate['invoices']:,} invoices, about {_megabytes(estimate['bytes'])} and "
        f"{_minutes(estimate['seconds'])}, in {requests}"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _minutes(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"  # noqa: PLR2004
