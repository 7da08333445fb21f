"""Balancing the account: what the API says this system has, against what was read.

A loader can say "done" and have lost a row. Its invoice is marked then and never listed
again, so nothing but this comparison finds it.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from target_invoices_ack.ranges import to_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from target_invoices_ack.acknowledger import Acknowledger
    from target_invoices_ack.api import ExportApi, Listed

    Ids = AbstractSet[int]

_FAR_BACK = "1970-01-01 00:00:00"
"""Earlier than any mark: with this `not_exported_since` everything is listed."""

_FORM = "%Y-%m-%d %H:%M:%S"

_logger = logging.getLogger("target-invoices-ack")


@dataclass(frozen=True)
class Balance:
    """The account, for invoices created since a time; the last three add up to the first.

    Attributes:
        booked: How many booked invoices the API has.
        loaded: How many were read and are marked.
        pending: How many are not marked.
        missing: Ids that are marked and were not read.
    """

    booked: int
    loaded: int
    pending: int
    missing: frozenset[int]

    @classmethod
    def of(
        cls, booked: AbstractSet[int], pending: AbstractSet[int], read: AbstractSet[int]
    ) -> Balance:
        """Compare.

        Args:
            booked: The API's booked invoices, created since the time.
            pending: What is not marked, of any time.
            read: What was read, of any time.
        """
        marked = booked - pending
        return cls(
            booked=len(booked),
            loaded=len(marked & read),
            pending=len(booked & pending),
            missing=frozenset(marked - read),
        )


class Reconciliation:
    """Asks the API before the first record is read, and compares after the last.

    Before, and everything before what is pending: what is marked then was loaded earlier
    still, so that reading must find it whatever other runs do meanwhile.
    """

    def __init__(self, since: str, api: ExportApi, acknowledger: Acknowledger) -> None:
        """Ask the API.

        Args:
            since: The time; in UTC where it has no zone.
            api: Lists invoices.
            acknowledger: Knows what is pending.

        Raises:
            TargetError: The API refuses or cannot be reached.
        """
        self._since = _moment(since).strftime(_FORM)
        self._booked = api.listed(
            [
                ("not_exported_since", _FAR_BACK),
                ("filter_groups[0][filters][0][key]", "created_at"),
                ("filter_groups[0][filters][0][operator]", "gte"),
                ("filter_groups[0][filters][0][value]", self._since),
            ],
        )
        self._pending = acknowledger.pending

    def report(self, read: Ids, marked: Ids) -> bool:
        """Print the balance.

        Args:
            read: Invoices that were read.
            marked: Those that this run has marked.

        Returns:
            Whether nothing is missing.
        """
        balance = Balance.of(self._booked.keys(), self._pending - marked, read)
        _logger.info(
            "Of invoices created since %s UTC the API has %d: %d read and marked, %d pending, "
            "%d marked but not read.",
            self._since,
            balance.booked,
            balance.loaded,
            balance.pending,
            len(balance.missing),
        )
        if not balance.missing:
            _logger.info("The account is balanced.")
            return True
        _logger.error("Marked, but not read: %s.", to_ranges(balance.missing))
        _logger.error(
            "To load them again, as one line in the Meltano project: %s",
            again(self._booked[each] for each in balance.missing),
        )
        return False


def again(missing: Iterable[Listed]) -> str:
    """Return the command that lists and loads these invoices again, whatever their marks.

    It runs over the time in which they were created, so others of that time come too. Under
    Meltano, it names the environment in which this program runs.
    """
    environment = os.environ.get("MELTANO_ENVIRONMENT")
    words = ["meltano", *(["--environment", environment] if environment else [])]
    words += ["run", "--full-refresh", "tap-invoices", "target-invoices-ack"]
    settings = {
        "TAP_INVOICES_START_DATE": "1970-01-01T00:00:00Z",
        "TAP_INVOICES_FILTER_GROUPS": json.dumps(_created_with(missing)),
    }
    assigned = [f"{name}={shlex.quote(value)}" for name, value in settings.items()]
    return " ".join((*assigned, shlex.join(words)))


def _created_with(invoices: Iterable[Listed]) -> list[dict[str, Any]]:
    """Return `filter_groups` for the time in which invoices were created.

    None where one of them does not say when: better all invoices again than one too few.
    """
    try:
        times = sorted(_moment(each.created_at) for each in invoices)
    except (TypeError, ValueError):
        return []
    bounds = (("gte", times[0]), ("lte", times[-1] + timedelta(seconds=1)))
    filters = [
        {"key": "created_at", "operator": operator, "value": moment.strftime(_FORM)}
        for operator, moment in bounds
    ]
    return [{"filters": filters}]


def _moment(text: str) -> datetime:
    """Read a time; one without a zone is UTC.

    Raises:
        ValueError: The text is no time.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def problem(since: str) -> str | None:
    """Say what is wrong with `reconcile_since`, or None."""
    try:
        _moment(since)
    except ValueError:
        return f"reconcile_since is {since!r}, which is no time"
    return None
