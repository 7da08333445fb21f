"""Times: as the API writes and wants them, and as Singer does."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?) ?(Z|z|[+-]\d\d:?\d\d)?",
)

FAR_BACK = "1970-01-01 00:00:00"
"""Earlier than any mark: with this `not_exported_since` everything is listed."""


def parse(text: str) -> datetime:
    """Read a time or a date; one without a zone is UTC.

    Raises:
        ValueError: The text is no time.
    """
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def to_api(text: str) -> str:
    """Write a time as the API takes it: `YYYY-MM-DD HH:MM:SS`, in UTC.

    Raises:
        ValueError: The text is no time.
    """
    return parse(text).strftime("%Y-%m-%d %H:%M:%S")


def to_rfc3339(text: str) -> str | None:
    """Write one of the API's times as RFC 3339, its fraction and its zone kept.

    Returns:
        The time, or None where the text is none (`0000-00-00 00:00:00` is none).
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, zone = match.groups()
    if not zone or zone in "Zz":
        zone = "Z"
    elif ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    moment = f"{day}T{clock}{zone}"
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return None
    return moment


def server_time(date_header: str) -> datetime:
    """Read an HTTP `Date` header.

    Raises:
        ValueError: The header is no date.
    """
    moment = parsedate_to_datetime(date_header)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def bookmark_of(moment: datetime) -> str:
    """Write the bookmark for a listing that the server dated with `moment`.

    `Date` has whole seconds, and so may the service's marks. Rounded down, a mark that
    the run before set in this very second would be "at or after" the bookmark and its
    invoice come once more; the next whole second is free of that, and no time can hide
    an invoice that was never marked.
    """
    return (moment.replace(microsecond=0) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
