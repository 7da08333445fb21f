"""Judging paging: what the server makes of `limit` and `start`, and what a first sync costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .facts import CAPPED, HONOURED, IGNORED, PAGE_ONLY, REJECTED
from .finding import Finding, Status, UncheckedError, problem
from .probe import Failure, require

if TYPE_CHECKING:
    from .facts import Facts, ListFacts

PAGE_SIZES = (250, 100, 50, 25, 10)
_MAX_PAGE_BYTES = 4 << 20
_MAX_PAGE_SECONDS = 10.0

_SET_NO_PAGING = "Set page_size to 0."
_NOT_ENOUGH = "There are too few invoices to tell."


def judge_limit(facts: Facts) -> Finding:
    """Judge what the server makes of `limit`."""
    kind, cap = facts.limit
    if kind is None:
        raise UncheckedError("Too few invoices came to tell.")
    found = {
        HONOURED: "It is honoured.",
        CAPPED: f"It is capped at {cap}.",
        IGNORED: "It is ignored: each response holds the whole list.",
        REJECTED: "It is refused.",
    }[kind]
    advice = ""
    if kind == CAPPED and facts.page_size > (cap or 0):
        advice = f"Set page_size to {cap}."
    elif kind in {IGNORED, REJECTED} and facts.page_size:
        advice = _SET_NO_PAGING
    is_too_large = kind == IGNORED and facts.is_listing_cut
    if is_too_large:
        advice += " Set a long request_timeout, and ask the provider of the API for paging."
    is_problem = is_too_large or (kind == REJECTED and facts.page_size > 0)
    return Finding(found, kind, advice.strip(), Status.PROBLEM if is_problem else Status.OK)


def judge_start(facts: Facts) -> Finding:
    """Judge what the server makes of `start`."""
    use, by_start = facts.start, facts.by_start
    if facts.limit.kind == REJECTED:
        raise UncheckedError("Not checked: an offset needs a limit.")
    if use is None:
        require(by_start)
        raise UncheckedError("There are too few invoices to tell, or their order changes.")
    found = {
        HONOURED: "It is honoured.",
        PAGE_ONLY: "It is ignored; page is honoured in its place.",
        IGNORED: "It is ignored, and so is page: only one request for everything is complete.",
        REJECTED: f"{by_start}.",
    }[use]
    advice = _SET_NO_PAGING if facts.page_size and use in {IGNORED, REJECTED} else ""
    is_problem = use == REJECTED and facts.page_size > 0
    return Finding(found, use, advice, Status.PROBLEM if is_problem else Status.OK)


def judge_order(facts: Facts) -> Finding:
    """Compare the order of invoices in two responses to the same request."""
    require(facts.base.page)
    require(facts.again)
    if facts.is_order_kept is None:
        raise UncheckedError(_NOT_ENOUGH)
    if facts.is_order_kept:
        return Finding("Two requests gave the same invoices in the same order.", value=True)
    advice = _SET_NO_PAGING if facts.page_size else ""
    return problem(
        "Two requests gave different invoices, or another order.",
        f"If a run or a booking was in progress, check again. {advice}",
        value=False,
    )


def judge_sort(facts: Facts) -> Finding:
    """Judge whether a sort by `created_at` is honoured; only this check makes use of it."""
    for outcome in (facts.base.ascending, facts.descending):
        require(outcome, end=". Nothing else than this check sorts.")
    if facts.is_sorted is None:
        raise UncheckedError(_NOT_ENOUGH)
    if facts.is_sorted:
        return Finding("A sort by created_at is honoured.", HONOURED)
    return Finding("It is ignored; nothing else than this check sorts.", IGNORED)


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


def _page_cost(facts: Facts) -> PageCost | None:
    """Return what `sample` cost; None if it holds no invoice."""
    sample = facts.sample
    if isinstance(sample, Failure) or not sample.rows:
        return None
    return PageCost(len(sample.rows), sample.size, sample.seconds, min(facts.durations))


def judge_first_sync(facts: Facts) -> Finding:
    """Estimate a first sync: of what is pending, and of everything."""
    value = {"pending": _estimate(facts.pending, facts), "all": _estimate(facts.total, facts)}
    found = [f"{what.title()}: {_describe(each)}." for what, each in value.items() if each]
    if not found:
        raise UncheckedError("There is nothing to estimate by.")
    return Finding(" ".join(found), value)


def _estimate(listing: ListFacts, facts: Facts) -> dict[str, Any] | None:
    cost = _page_cost(facts)
    if not listing.is_counted or not cost:
        return None
    invoices = listing.count.value
    has_pages = facts.page_size and facts.limit.kind not in {IGNORED, REJECTED}
    new_each = max(facts.page_size, 2) - 1  # pages overlap by one
    requests = max(-(-(invoices - 1) // new_each), 1) if has_pages else 1
    return {
        "invoices": invoices,
        "requests": requests,
        "bytes": round(invoices * cost.size / cost.invoices),
        "seconds": round(requests * cost.latency + invoices * cost.seconds_each, 1),
    }


def _describe(estimate: dict[str, Any]) -> str:
    requests, seconds = estimate["requests"], estimate["seconds"]
    duration = f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"  # noqa: PLR2004
    return (
        f"{estimate['invoices']:,} invoices, about {estimate['bytes'] / 1e6:,.1f} MB and "
        f"{duration}, in {requests:,} request{'' if requests == 1 else 's'}"
    )


def judge_page_size(facts: Facts) -> Finding:
    """Recommend a page size for this account."""
    cost, page_size = _page_cost(facts), facts.page_size
    recommended = _recommend(facts, cost) if cost else None
    if isinstance(facts.sync_page, Failure):
        smaller = min(cost.invoices, recommended or 0) if cost else None
        return problem(
            f"{facts.sync_page}, when a page of {page_size or 'all'} invoices with lines was "
            "asked for.",
            "Try again later." if smaller is None else f"Set page_size to {smaller}.",
            smaller,
        )
    if recommended is None:
        raise UncheckedError("There is no invoice to measure.")
    advice = "" if recommended == page_size else f"Set page_size to {recommended}."
    return Finding(f"{recommended} is recommended, {page_size} is set.", recommended, advice)


def _recommend(facts: Facts, cost: PageCost) -> int:
    """Return a page size, or 0 where pages do not work."""
    if {IGNORED, REJECTED} & {facts.limit.kind, facts.start} or facts.is_order_kept is False:
        return 0
    return recommend_page_size(cost, facts.page_size, facts.limit.cap)


def recommend_page_size(cost: PageCost, page_size: int, cap: int | None) -> int:
    """Return the setting, where its responses stay small and quick, or a smaller page size."""
    for size in (page_size or PAGE_SIZES[0], *PAGE_SIZES):
        is_small = size * cost.size / cost.invoices <= _MAX_PAGE_BYTES
        is_quick = cost.latency + size * cost.seconds_each <= _MAX_PAGE_SECONDS
        if is_small and is_quick and size <= (page_size or size):
            return min(size, cap or size)
    return min(PAGE_SIZES[-1], cap or PAGE_SIZES[-1])


CHECKS = {
    "limit": judge_limit,
    "start": judge_start,
    "order": judge_order,
    "sort": judge_sort,
    "first_sync": judge_first_sync,
    "page_size": judge_page_size,
}
