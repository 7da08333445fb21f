"""Judging the list: what is pending, what exists, and what `not_exported_since` does."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from tap_invoices._shared import times
from tap_invoices._shared.response import RawInvoice

from .check_report import Check, ok, problem, unknown
from .counting import Count
from .probe import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tap_invoices._shared.response import Row

    from .probe import Outcome

NAMES = (
    "pending",
    "oldest_pending",
    "total",
    "oldest",
    "default_since",
    "earlier_since",
    "since_time_zone",
    "unknown_system_id",
)

Counted: TypeAlias = Count | Failure | str
"""The number of invoices in a list, or what went wrong, or why it cannot be known."""

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def judge_count(name: str, counted: Counted, *, is_filtered: bool) -> Check:
    """Judge the number of invoices in a list.

    Args:
        name: Of the check, `pending` or `total`.
        counted: The number, or the request that failed, or why it cannot be known.
        is_filtered: Whether the list holds only what passes filter_groups.
    """
    if isinstance(counted, str):
        return unknown(name, counted)
    if isinstance(counted, Failure):
        return problem(name, f"{counted}, when they were counted.", "Try again later.")
    number = str(counted).capitalize()
    noun = "booked invoice" if counted.value == 1 else "booked invoices"
    which = " that pass filter_groups" if is_filtered else ""
    where = "pending" if name == "pending" else "there, pending or not"
    verb = "is" if counted.value == 1 else "are"
    return ok(name, f"{number} {noun}{which} {verb} {where}.", counted.value)


def created_at(row: Row) -> datetime | None:
    """Return when an invoice was created; None if that cannot be read."""
    if not isinstance(row, RawInvoice):
        return None
    try:
        text = row.decode().get("created_at")
        return times.parse_time(times.to_rfc3339(text) or "") if isinstance(text, str) else None
    except ValueError:
        return None


def created(rows: Iterable[Row]) -> list[datetime] | None:
    """Return when invoices were created; None if that cannot be read of all of them."""
    found = [created_at(row) for row in rows]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None


def is_sorted_by_creation(ascending: Outcome, descending: Outcome) -> bool | None:
    """Whether a server honours a sort by `created_at`.

    Args:
        ascending: The first page, oldest first.
        descending: The first page, newest first: a server that has this order anyway, or the
            other one, is found out by it.

    Returns:
        None if there is too little to tell by.
    """
    if isinstance(ascending, Failure) or isinstance(descending, Failure):
        return None
    rising, falling = created(ascending.rows), created(descending.rows)
    if rising is None or falling is None or len({*rising, *falling}) < 2:  # noqa: PLR2004
        return None
    in_order = rising == sorted(rising) and falling == sorted(falling, reverse=True)
    return in_order and falling[0] > rising[0]


def judge_oldest(name: str, rows: Sequence[Row] | str | Failure, now: datetime) -> Check:
    """Judge since when the oldest invoice of a list exists.

    Args:
        name: Of the check, `oldest_pending` or `oldest`.
        rows: Invoices with the oldest among them, or why they cannot be known.
        now: The server's time.
    """
    if isinstance(rows, Failure):
        return unknown(name, f"{rows}.")
    if isinstance(rows, str):
        return unknown(name, rows)
    if not rows:
        return ok(name, "There is none.", 0)
    if not (moments := created(rows)):
        return unknown(name, "An invoice has no created_at that can be read.")
    seconds = max(round((now - min(moments)).total_seconds()), 0)
    return ok(name, f"The oldest was created {_duration(seconds)} ago.", seconds)


def _duration(seconds: int) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "0 seconds"


def judge_default_since(default: Outcome, now: Outcome, again: Outcome, future: Outcome) -> Check:
    """Compare the list without `not_exported_since` with that of the present time.

    Args:
        default: The last page without it: a longer list has more there.
        now: The same page with the server's time.
        again: Without it, asked once more; the same as `default` if `now` was.
        future: With a time that no zone has reached; likewise.
    """
    name = "default_since"
    for each in (default, now):
        if isinstance(each, Failure):
            return problem(name, f"{each}.", _REPORT)
    if is_same(default, now) or is_same(default, future):
        return ok(name, "Without it, the list is that of the present time.", value=True)
    if not is_same(default, again):
        return unknown(name, "The list changes from one request to the next.")
    return problem(
        name,
        "Without it, the list is not that of the present time.",
        "Set start_date, so that it is always sent. " + _REPORT,
        value=False,
    )


def judge_time_zone(default: Outcome, now: Outcome, future: Outcome) -> Check:
    """Judge whether the server reads `not_exported_since` as UTC; see `judge_default_since`.

    Only a server whose zone is ahead of UTC shows that, and only for some hours after a mark:
    the present time is then read as an earlier one, and lists invoices that are marked.
    """
    name = "since_time_zone"
    if isinstance(default, Failure) or isinstance(now, Failure):
        return unknown(name, "Not checked: see default_since.")
    if not is_same(default, now) and is_same(default, future):
        return problem(
            name,
            "The present time lists invoices that are marked already, a later one does not: the "
            "server does not read it as UTC.",
            "Invoices come again for some hours after each run; a loader that upserts keeps "
            "them once. " + _REPORT,
            value=False,
        )
    return unknown(
        name,
        "No sign of another zone than UTC; GET requests alone cannot show more.",
        "target-invoices-ack checks it with the first mark (verify_marks).",
    )


_REPORT = "Ask the provider of the API, with this output."


def judge_earlier_since(earliest: Outcome, total: Counted, pending: Counted) -> Check:
    """Judge whether an earlier `not_exported_since` lists more.

    Args:
        earliest: The first page with the earliest time.
        total: How many invoices are listed with it.
        pending: How many without it.
    """
    name = "earlier_since"
    if isinstance(earliest, Failure):
        return problem(name, f"{earliest}.", "Leave start_date out. " + _REPORT)
    if not (_is_count(total) and _is_count(pending)):
        return unknown(name, "The invoices could not be counted: see total and pending.")
    if total.value > pending.value:
        return ok(name, "An earlier time lists more than what is pending.", value=True)
    if total.value < pending.value:
        return problem(
            name, "An earlier time lists less than what is pending.", _REPORT, value=False
        )
    if not total.value:
        return unknown(name, "There is no invoice yet.")
    return unknown(
        name,
        "An earlier time lists as many: nothing is marked for this system_id.",
        "That is right before the first load. Later, check system_id for typing errors.",
    )


def _is_count(counted: Counted) -> TypeGuard[Count]:
    return isinstance(counted, Count)


def judge_unknown_system(outcome: Outcome) -> Check:
    """Judge what the server makes of a `system_id` that does not exist.

    Args:
        outcome: The first page for such a system.
    """
    name = "unknown_system_id"
    if isinstance(outcome, Failure):
        if outcome.is_rejection or outcome.status == HTTPStatus.FORBIDDEN:
            return ok(name, "It is refused, so a typing error is noticed.", "refused")
        return unknown(name, f"{outcome}.")
    lists = "invoices that are pending" if outcome.rows else "nothing pending"
    return ok(
        name,
        f"It is treated as a new system, with {lists}: a typing error is not noticed.",
        "new",
        "Check the spelling of system_id, in both programs.",
    )


def is_same(one: Outcome, other: Outcome) -> bool:
    """Whether two replies list the same invoices, as far as both were read."""
    if isinstance(one, Failure) or isinstance(other, Failure):
        return False
    if one.is_complete and other.is_complete:
        return Counter(one.ids) == Counter(other.ids)
    shorter = min(len(one.rows), len(other.rows))
    return one.ids[:shorter] == other.ids[:shorter]
