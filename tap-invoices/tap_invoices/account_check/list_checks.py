"""Checks of the list: what is pending, what exists, and what `not_exported_since` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_invoices._shared.quantity import counted

from .facts import created, is_same
from .finding import Finding, Unchecked, ok, problem
from .probe import Failure, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_invoices._shared.response import Row

    from .facts import Facts, ListFacts

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_REPORT = "Ask the provider of the API, with this output."


def check_pending(facts: Facts) -> Finding:
    """Count the pending invoices."""
    return _judge_count(facts.pending, "pending")


def check_oldest_pending(facts: Facts) -> Finding:
    """Look since when the oldest pending invoice exists."""
    return _judge_oldest(facts.pending, facts)


def check_total(facts: Facts) -> Finding:
    """Count all invoices."""
    return _judge_count(facts.total, "there, pending or not")


def check_oldest(facts: Facts) -> Finding:
    """Look since when the oldest invoice exists."""
    return _judge_oldest(facts.total, facts)


def _judge_count(listing: ListFacts, where: str) -> Finding:
    if listing.count is None:
        raise listing.why_uncounted
    noun, verb = ("invoice", "is") if listing.count.value == 1 else ("invoices", "are")
    which = " that pass filter_groups" if listing.query.filter_groups else ""
    number = str(listing.count).capitalize()
    return ok(f"{number} booked {noun}{which} {verb} {where}.", listing.count.value)


def _judge_oldest(listing: ListFacts, facts: Facts) -> Finding:
    rows = _oldest_rows(listing, facts)
    if not rows:
        return ok("There is none.", 0)
    if not (moments := created(rows)):
        raise Unchecked("An invoice has no created_at that can be read.")
    age = require(facts.first).time - min(moments)
    seconds = max(round(age.total_seconds()), 0)
    units = (counted(seconds // size, unit) for size, unit in _UNITS if seconds >= size)
    return ok(f"The oldest was created {next(units, '0 seconds')} ago.", seconds)


def _oldest_rows(listing: ListFacts, facts: Facts) -> Sequence[Row]:
    """Return invoices with the oldest of a list among them."""
    page = require(listing.page)
    if listing.is_read:
        return page.rows
    rows = listing.ascending.rows
    if not facts.is_sorted or isinstance(listing.ascending, Failure):
        raise Unchecked("The list is longer than a page, and a sort is not known to be honoured.")
    moments = created(rows) or []
    if moments != sorted(moments):
        raise Unchecked("A sort by created_at is not honoured.")
    return rows


def check_default_since(facts: Facts) -> Finding:
    """Compare the list without `not_exported_since` with that of the present time.

    Their last pages are compared: a list with more invoices has more there.
    """
    require(facts.last, _REPORT)
    require(facts.last_now, _REPORT)
    if is_same(facts.last, facts.last_now) or is_same(facts.last, facts.last_later):
        return ok("Without it, the list is that of the present time.", value=True)
    if not is_same(facts.last, facts.last_again):
        raise Unchecked("The list changes from one request to the next.")
    found = "Without it, the list is not that of the present time."
    return problem(found, f"Set start_date, so that it is always sent. {_REPORT}", value=False)


def check_earlier_since(facts: Facts) -> Finding:
    """Check whether an earlier `not_exported_since` lists more."""
    require(facts.total.page, f"Leave start_date out. {_REPORT}")
    total, pending = facts.total.count, facts.pending.count
    if total is None or pending is None:
        raise Unchecked("The invoices could not be counted: see total and pending.")
    if total.value > pending.value:
        return ok("An earlier time lists more than what is pending.", value=True)
    if total.value < pending.value:
        found = "An earlier time lists less than what is pending."
        return problem(found, _REPORT, value=False)
    if not total.value:
        raise Unchecked("There is no invoice yet.")
    raise Unchecked(
        "An earlier time lists as many: nothing is marked for this system_id.",
        "That is right before the first load. Later, check system_id for typing errors.",
    )


def check_since_time_zone(facts: Facts) -> Finding:
    """Check whether the server reads `not_exported_since` as UTC.

    Only a server whose zone is ahead of UTC shows that, and only for some hours after a mark:
    the present time is then read as an earlier one, and lists invoices that are marked.
    """
    if isinstance(facts.last, Failure) or isinstance(facts.last_now, Failure):
        raise Unchecked("Not checked: see default_since.")
    if is_same(facts.last, facts.last_now) or not is_same(facts.last, facts.last_later):
        raise Unchecked(
            "No sign of another zone than UTC; GET requests alone cannot show more.",
            "target-invoices-ack checks it with the first mark (verify_marks).",
        )
    return problem(
        "The present time lists invoices that are marked already, a later one does not: the "
        "server does not read it as UTC.",
        "Invoices come again for some hours after each run; a loader that upserts keeps them "
        f"once. {_REPORT}",
        value=False,
    )


def check_unknown_system_id(facts: Facts) -> Finding:
    """Check what the server makes of a `system_id` that does not exist."""
    match facts.unknown_system:
        case Failure(is_rejection=True) | Failure(status=403):
            return ok("It is refused, so a typing error is noticed.", "refused")
    rows = require(facts.unknown_system).rows
    lists = "invoices that are pending" if rows else "nothing pending"
    found = f"It is treated as a new system, with {lists}: a typing error is not noticed."
    return ok(found, "new", "Check the spelling of system_id, in both programs.")
