"""Times: as the API writes and wants them, and as Singer does."""

from __future__ import annotations

import re
from datetime import UTC, datetime
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
    return _in_utc(datetime.fromisoformat(text))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("before the first or after the last year that there is") from error


def problem(text: str | None) -> str | None:
    """Say what is wrong with a time that somebody gave; None where nothing is, or none was."""
    try:
        parse(FAR_BACK if text is None else text)
    except ValueError:
        return f"{text!r}, which is no time"
    return None


def to_api(text: str) -> str:
    """Write a time as the API takes it: `YYYY-MM-DD HH:MM:SS`, in UTC, a fraction kept.

    Raises:
        ValueError: The text is no time.
    """
    return parse(text).replace(tzinfo=None).isoformat(" ")


def to_rfc3339(text: str) -> str | None:
    """Write one of the API's times as RFC 3339, its fraction and its zone kept.

    Returns:
        The time, or None where the text is none (`0000-00-00 00:00:00` is none).
    """
    if _is_usual(text):
        moment = f"{text[:10]}T{text[11:]}Z"
    elif match := _TIME.fullmatch(text):
        moment = _joined(*match.groups())
    else:
        return None
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return None
    return moment


def _is_usual(text: str) -> bool:
    """Whether it looks like `YYYY-MM-DD HH:MM:SS`: there are many, and this is quicker."""
    return (
        len(text) == len(FAR_BACK)
        and text[10] == " "
        and text[4] == text[7] == "-"
        and text[13] == text[16] == ":"
    )


def _joined(day: str, clock: str, zone: str | None) -> str:
    if not zone or zone in "Zz":
        zone = "Z"
    elif ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    return f"{day}T{clock}{zone}"


def server_time(date_header: str | None) -> datetime | None:
    """Read an HTTP date, such as the header `Date`; None where there is none."""
    try:
        return _in_utc(parsedate_to_datetime(date_header or ""))
    except ValueError:
        return None


def bookmark_of(moment: datetime) -> str:
    """Write the bookmark for a listing that the server dated with `moment`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
