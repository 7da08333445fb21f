"""From what came back to the checks of a report; nothing is sent here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import connection_checks, content_checks, list_checks, paging_checks
from .check_report import Status, unknown
from .paging_checks import IGNORED, REJECTED, PageCost, recommend_page_size
from .probe import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_invoices._shared.api_settings import ApiSettings
    from tap_invoices._shared.response import Row

    from .check_report import Check
    from .facts import Facts, ListFacts
    from .probe import Outcome

SECTIONS = {
    "connection": (*connection_checks.ACCESS, "latency", "rate_limit", "clock"),
    "list": list_checks.NAMES,
    "paging": paging_checks.NAMES,
    "content": content_checks.NAMES,
}
"""The names of all checks, by section."""

_MAX_DECODED = 500  # invoices: a server that ignores the limit sends more


def judge(
    facts: Facts, settings: ApiSettings, page_size: int, durations: Sequence[float]
) -> Mapping[str, list[Check]]:
    """Judge everything.

    Args:
        facts: What came back.
        settings: Where the API is.
        page_size: The setting.
        durations: How long each response took, in seconds.

    Returns:
        The checks by section; all of them, whatever has failed.
    """
    access = connection_checks.judge_access(facts.first, settings)
    if isinstance(facts.first, Failure):
        failed = next(each.name for each in access if each.status is Status.PROBLEM)
        judged = {each.name: each for each in access}
        return {
            section: [
                judged.get(name) or unknown(name, f"Not checked: see {failed}.") for name in names
            ]
            for section, names in SECTIONS.items()
        }
    return {
        "connection": [
            *access,
            connection_checks.judge_latency(durations),
            connection_checks.judge_rate_limit(facts.first.headers),
            connection_checks.judge_clock(facts.first),
        ],
        "list": _judge_list(facts, facts.first),
        "paging": _judge_paging(facts, page_size, min(durations)),
        "content": _judge_content(facts),
    }


def _judge_list(facts: Facts, first: Reply) -> list[Check]:
    total, pending = facts.total, facts.pending
    is_filtered = bool(total.query.filter_groups)
    return [
        list_checks.judge_count("pending", pending.counted, is_filtered=is_filtered),
        list_checks.judge_oldest("oldest_pending", _oldest(pending, facts), first.time),
        list_checks.judge_count("total", total.counted, is_filtered=is_filtered),
        list_checks.judge_oldest("oldest", _oldest(total, facts), first.time),
        list_checks.judge_default_since(
            facts.default, facts.now, facts.default_again, facts.future
        ),
        list_checks.judge_earlier_since(total.page, total.counted, pending.counted),
        list_checks.judge_time_zone(facts.default, facts.now, facts.future),
        list_checks.judge_unknown_system(facts.unknown_system),
    ]


def _oldest(listing: ListFacts, facts: Facts) -> Sequence[Row] | Failure | str:
    """Return invoices with the oldest of a list among them, or why they are not known."""
    if isinstance(listing.page, Failure):
        return listing.page
    if listing.is_read:
        return listing.page.rows
    oldest = listing.ascending
    if not facts.is_sorted or isinstance(oldest, Failure):
        return "The list is longer than a page, and a sort is not known to be honoured."
    moments = list_checks.created(oldest.rows) or []
    return oldest.rows if moments == sorted(moments) else "A sort by created_at is not honoured."


def _judge_paging(facts: Facts, page_size: int, latency: float) -> list[Check]:
    limit, base = facts.limit, facts.base
    cost = _page_cost(facts.sample, latency)
    order = paging_checks.judge_order(base.page, facts.again, page_size)
    no_pages = {IGNORED, REJECTED} & {limit.kind, facts.start} or order.status is Status.PROBLEM
    recommended = None
    if cost:
        recommended = 0 if no_pages else recommend_page_size(cost, page_size, limit.cap)
    in_force = 0 if limit.kind in {IGNORED, REJECTED} else page_size
    return [
        paging_checks.judge_limit(limit, page_size, is_listing_cut=facts.is_listing_cut),
        paging_checks.judge_start(facts.start, facts.offset, limit, page_size),
        order,
        paging_checks.judge_sort(base.ascending, facts.descending, is_sorted=facts.is_sorted),
        paging_checks.judge_first_sync(facts.pending.counted, facts.total.counted, cost, in_force),
        paging_checks.judge_page_size(facts.page, cost, recommended, page_size),
    ]


def _page_cost(sample: Outcome, latency: float) -> PageCost | None:
    if isinstance(sample, Failure) or not sample.rows:
        return None
    return PageCost(len(sample.rows), sample.size, sample.seconds, latency)


def _judge_content(facts: Facts) -> list[Check]:
    return [
        *_judge_sample(facts.sample),
        content_checks.judge_columns(facts.schemas),
        content_checks.judge_created_at_filter(facts.filters, facts.around, facts.after),
    ]


def _judge_sample(sample: Outcome) -> list[Check]:
    if isinstance(sample, Failure):
        names = content_checks.NAMES[: len(_OF_INVOICES) + 1]
        return [unknown(name, "Not checked: see page_size.") for name in names]
    invoices, reasons = content_checks.decode_rows(sample.rows[:_MAX_DECODED])
    deliverable = content_checks.judge_deliverable(invoices, reasons)
    return [deliverable, *(judge_part(invoices) for judge_part in _OF_INVOICES)]


_OF_INVOICES = (
    content_checks.judge_lines,
    content_checks.judge_line_ids,
    content_checks.judge_line_invoice_id,
    content_checks.judge_times,
    content_checks.judge_numbers,
    content_checks.judge_flags,
)
