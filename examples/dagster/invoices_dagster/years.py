"""The years of a backfill: together all of time since the first, and no moment twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from datetime import datetime

FIRST = "2020"

years = dg.TimeWindowPartitionsDefinition(
    start=FIRST,
    fmt="%Y",
    cron_schedule="0 0 1 1 *",
    timezone="UTC",  # as the API's times are
    end_offset=1,  # the present year too
)


def created_in(window: tuple[datetime, datetime]) -> list[dict[str, Any]]:
    """Return `filter_groups` for invoices created in a window.

    The window's end belongs to the next one, so that windows that follow each other share
    no moment and leave out none.
    """
    start, end = (moment.isoformat() for moment in window)
    return [
        {
            "filters": [
                {"key": "created_at", "operator": "gte", "value": start},
                {"key": "created_at", "operator": "lt", "value": end},
            ]
        }
    ]
