"""Checks of paging: what the server makes of `limit` and `start`, and what a first sync costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .facts import Use
from .finding import Finding, Unchecked, ok, problem
from .probe import Failure, require

if TYPE_CHECKING:
    from .facts import Facts

PAGE_SIZES = (250, 100, 50, 25, 10)
_MAX_PAGE_BYTES = 4 << 20
_MAX_PAGE_SECONDS = 10.0

_NOT_ENOUGH = "There are too few invoices to tell."


def check_limit(facts: Facts) -> Finding:
    """Check what the server makes of `limit`."""
    kind, cap = facts.limit
    if kind is None:
        raise Unchecked("Too few invoices came to tell.")
    match kind:
        case Use.REJECTED:
            return _judge_rejected("It is refused.", facts)
        case Use.HONOURED:
            return ok("It is honoured.", kind)
        case Use.CAPPED:
            advice = f"Set page_size to {cap}." if facts.page_size > (cap or 0) else ""
            return ok(f"It is capped at {cap}.", kind, advice)
    found, advice = "It is ignored: each response holds the whole list.", _no_paging(facts)
    if not facts.is_listing_cut:
        return ok(found, kind, advice)
    advice += " Set a long request_timeout, and ask the provider of the API for paging."
    return problem(found, advice.strip(), kind)


def _no_paging(facts: Facts) -> str:
    """Return the advice to do without pages; empty if none are set."""
    return "Set page_size to 0." if facts.page_size else ""


def _judge_rejected(found: str, facts: Facts) -> Finding:
    """Judge a parameter that the server rejects: a problem only if pages are set."""
    advice = _no_paging(facts)
    return problem(found, advice, Use.REJECTED) if advice else ok(found, Use.REJECTED)


def check_start(facts: Facts) -> Finding:
    """Check what the server makes of `start`."""
    if facts.limit.kind == Use.REJECTED:
        raise Unchecked("Not checked: an offset needs a limit.")
    match facts.start:
        case Use.HONOURED:
            return ok("It is honoured.", Use.HONOURED)
        case Use.PAGE_ONLY:
            return ok("It is ignored; page is honoured in its place.", Use.PAGE_ONLY)
        case Use.IGNORED:
            found = "It is ignored, and so is page: only one request for everything is complete."
            return ok(found, Use.IGNORED, _no_paging(facts))
        case Use.REJECTED:
            return _judge_rejected(f"{facts.by_start}.", facts)
    require(facts.by_start)
    raise Unchecked("There are too few invoices to tell, or their order changes.")


def check_order(facts: Facts) -> Finding:
    """Compare the order of invoices in two responses to the same request."""
    require(facts.base.page)
    require(facts.page_again)
    if facts.is_order_kept is None:
        raise Unchecked(_NOT_ENOUGH)
    if facts.is_order_kept:
        return ok("Two requests gave the same invoices in the same order.", value=True)
    found = "Two requests gave different invoices, or another order."
    advice = f"If a run or a booking was in progress, check again. {_no_paging(facts)}"
    return problem(found, advice, value=False)


def check_sort(facts: Facts) -> Finding:
    """Check whether a sort by `created_at` is honoured; only this check makes use of it."""
    for outcome in (facts.base.ascending, facts.descending):
        require(outcome, end=". Nothing else than this check sorts.")
    if facts.is_sorted is None:
        raise Unchecked(_NOT_ENOUGH)
    if facts.is_sorted:
        return ok("A sort by created_at is honoured.", Use.HONOURED)
    return ok("It is ignored; nothing else than this check sorts.", Use.IGNORED)


class PageCost(NamedTuple):
    """What a page of invoices with their lines costs.

    Attributes:
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


def check_first_sync(facts: Facts) -> Finding:
    """Estimate a first sync: of what is pending, and of everything."""
    cost = _page_cost(facts)
    if not cost or not (facts.pending.count or facts.total.count):
        raise Unchecked("There is nothing to estimate by.")
    counts = {"pending": facts.pending.count, "all": facts.total.count}
    value = {what: count and _estimate(count.value, cost, facts) for what, count in counts.items()}
    found = (f"{what.title()}: {_describe(each)}." for what, each in value.items() if each)
    return ok(" ".join(found), value)


def _estimate(invoices: int, cost: PageCost, facts: Facts) -> dict[str, float]:
    requests = 1
    if facts.page_size and facts.is_limited:
        new_each = max(facts.page_size, 2) - 1  # pages overlap by one
        requests = max(-(-(invoices - 1) // new_each), 1)
    return {
        "invoices": invoices,
        "requests": requests,
        "bytes": round(invoices * cost.size / cost.invoices),
        "seconds": round(requests * cost.latency + invoices * cost.seconds_each, 1),
    }


def _describe(estimate: dict[str, float]) -> str:
    invoices, requests, size, seconds = estimate.values()
    duration = f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"  # noqa: PLR2004
    number = f"{requests:,} request{'' if requests == 1 else 's'}"
    return f"{invoices:,} invoices, about {size / 1e6:,.1f} MB and {duration}, in {number}"


def check_page_size(facts: Facts) -> Finding:
    """Recommend a page size for this account."""
    cost, page_size = _page_cost(facts), facts.page_size
    recommended = _recommend(facts, cost) if cost else None
    if isinstance(facts.sync_page, Failure):
        number = page_size or "all"
        found = f"{facts.sync_page}, when a page of {number} invoices with lines was asked for."
        if not cost:
            return problem(found, "Try again later.")
        smaller = min(cost.invoices, recommended or 0)
        return problem(found, f"Set page_size to {smaller}.", smaller)
    if recommended is None:
        raise Unchecked("There is no invoice to measure.")
    advice = "" if recommended == page_size else f"Set page_size to {recommended}."
    return ok(f"{recommended} is recommended, {page_size} is set.", recommended, advice)


def _recommend(facts: Facts, cost: PageCost) -> int:
    """Return a page size, or 0 where pages do not work."""
    is_start_useless = facts.start in {Use.IGNORED, Use.REJECTED}
    if is_start_useless or not facts.is_limited or facts.is_order_kept is False:
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
