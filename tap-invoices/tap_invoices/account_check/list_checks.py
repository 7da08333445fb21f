"""Judging the list: what is pending, what exists, and what `not_exported_since` does."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_invoices.account import counted

from .facts import created, is_same
from .finding import Finding, UncheckedError, problem
from .probe import Failure, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_invoices._shared.response import Row

    from .facts import Facts, ListFacts

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_REPORT = "Ask the provider of the API, with this output."


def _judge_count(listing: ListFacts, where: str) -> Finding:
    """Judge the number of invoices in a list.

    Args:
        listing: The list.
        where: Where its invoices are, at the end of a sentence.
    """
    is_one = listing.count.value == 1
    found = f"{listing.count} booked invoice{'' if is_one else 's'}".capitalize()
    which = " that pass filter_groups" if listing.query.filter_groups else ""
    verb = "is" if is_one else "are"
    return Finding(f"{found}{which} {verb} {where}.", listing.count.value)


def _judge_oldest(listing: ListFacts, facts: Facts) -> Finding:
    """Judge since when the oldest invoice of a list exists."""
    rows = _oldest_rows(listing, facts)
    if not rows:
        return Finding("There is none.", 0)
    if not (moments := created(rows)):
        raise UncheckedError("An invoice has no created_at that can be read.")
    age = require(facts.first).time - min(moments)
    seconds = max(round(age.total_seconds()), 0)
    return Finding(f"The oldest was created {_duration(seconds)} ago.", seconds)


def _oldest_rows(listing: ListFacts, facts: Facts) -> Sequence[Row]:
    """Return invoices with the oldest of a list among them."""
    page = require(listing.page)
    if listing.is_read:
        return page.rows
    oldest = listing.ascending
    if not facts.is_sorted or isinstance(oldest, Failure):
        raise UncheckedError(
            "The list is longer than a page, and a sort is not known to be honoured."
        )
    moments = created(oldest.rows) or []
    if moments != sorted(moments):
        raise UncheckedError("A sort by created_at is not honoured.")
    return oldest.rows


def _duration(seconds: int) -> str:
    parts = (counted(seconds // size, unit) for size, unit in _UNITS if seconds >= size)
    return next(parts, "0 seconds")


def judge_default_since(facts: Facts) -> Finding:
    """Compare the list without `not_exported_since` with that of the present time.

    Their last pages are compared: a list with more invoices has more there.
    """
    require(facts.last, _REPORT)
    require(facts.last_now, _REPORT)
    if is_same(facts.last, facts.last_now) or is_same(facts.last, facts.last_later):
        return Finding("Without it, the list is that of the present time.", value=True)
    if not is_same(facts.last, facts.last_again):
        raise UncheckedError("The list changes from one request to the next.")
    return problem(
        "Without it, the list is not that of the present time.",
        "Set start_date, so that it is always sent. " + _REPORT,
        value=False,
    )


def judge_earlier_since(facts: Facts) -> Finding:
    """Judge whether an earlier `not_exported_since` lists more."""
    require(facts.total.page, "Leave start_date out. " + _REPORT)
    if not (facts.total.is_counted and facts.pending.is_counted):
        raise UncheckedError("The invoices could not be counted: see total and pending.")
    total, pending = facts.total.count.value, facts.pending.count.value
    if total > pending:
        return Finding("An earlier time lists more than what is pending.", value=True)
    if total < pending:
        found = "An earlier time lists less than what is pending."
        return problem(found, _REPORT, value=False)
    if not total:
        raise UncheckedError("There is no invoice yet.")
    raise UncheckedError(
        "An earlier time lists as many: nothing is marked for this system_id.",
        "That is right before the first load. Later, check system_id for typing errors.",
    )


def judge_time_zone(facts: Facts) -> Finding:
    """Judge whether the server reads `not_exported_since` as UTC.

    Only a server whose zone is ahead of UTC shows that, and only for some hours after a mark:
    the present time is then read as an earlier one, and lists invoices that are marked.
    """
    if isinstance(facts.last, Failure) or isinstance(facts.last_now, Failure):
        raise UncheckedError("Not checked: see default_since.")
    if not is_same(facts.last, facts.last_now) and is_same(facts.last, facts.last_later):
        return problem(
            "The present time lists invoices that are marked already, a later one does not: the "
            "server does not read it as UTC.",
            "Invoices come again for some hours after each run; a loader that upserts keeps "
            "them once. " + _REPORT,
            value=False,
        )
    raise UncheckedError(
        "No sign of another zone than UTC; GET requests alone cannot show more.",
        "target-invoices-ack checks it with the first mark (verify_marks).",
    )


def judge_unknown_system(facts: Facts) -> Finding:
    """Judge what the server makes of a `system_id` that does not exist."""
    outcome = facts.unknown_system
    if isinstance(outcome, Failure) and (
        outcome.is_rejection or outcome.status == HTTPStatus.FORBIDDEN
    ):
        return Finding("It is refused, so a typing error is noticed.", "refused")
    lists = "invoices that are pending" if require(outcome).rows else "nothing pending"
    return Finding(
        f"It is treated as a new system, with {lists}: a typing error is not noticed.",
        "new",
        "Check the spelling of system_id, in both programs.",
    )


CHECKS = {
    "pending": lambda facts: _judge_count(facts.pending, "pending"),
    "oldest_pending": lambda facts: _judge_oldest(facts.pending, facts),
    "total": lambda facts: _judge_count(facts.total, "there, pending or not"),
    "oldest": lambda facts: _judge_oldest(facts.total, facts),
    "default_since": judge_default_since,
    "earlier_since": judge_earlier_since,
    "since_time_zone": judge_time_zone,
    "unknown_system_id": judge_unknown_system,
}
