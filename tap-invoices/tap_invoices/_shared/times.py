"""Times: as the API writes and expects them, and as Singer does."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]((?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?) ?(Z|z|[+-]\d\d:?[0-5]\d)?",
    re.ASCII,
)

EPOCH = "1970-01-01 00:00:00"
"""Earlier than any mark: a listing with this `not_exported_since` holds every invoice."""

SETTING_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
"""What a setting that holds a time looks like, as a JSON Schema pattern."""


def parse_time(text: str) -> datetime:
    """Parse a time or a date; one without a zone is UTC.

    Raises:
        ValueError: The text is not a time, or it is out of range in UTC.
    """
    return _to_utc(datetime.fromisoformat(text))


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range in UTC") from error


def invalid_time(value: object) -> str | None:
    """Describe what is wrong with a time in a setting or a state; None if nothing is."""
    try:
        parse_time(value if isinstance(value, str) else "")
    except ValueError:
        return f"{value!r}, which is not a valid time"
    return None


def format_for_api(text: str) -> str:
    """Format a time as the API expects it: `YYYY-MM-DD HH:MM:SS` in UTC; a fraction is kept.

    Raises:
        ValueError: The text is not a time.
    """
    return parse_time(text).replace(tzinfo=None).isoformat(" ")


def to_rfc3339(text: str) -> str | None:
    """Convert one of the API's times to RFC 3339; its fraction and its zone are kept.

    Returns:
        The time, or None if the text is not one (`0000-00-00 00:00:00` is not).
    """
    if _has_common_form(text):
        moment = f"{text[:10]}T{text[11:]}Z"
    elif match := _TIME.fullmatch(text):
        moment = _join(*match.groups())
    else:
        return None
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return None
    return moment


def _has_common_form(text: str) -> bool:
    """Whether it looks like `YYYY-MM-DD HH:MM:SS`: most do, and this is faster than the regex."""
    return (
        len(text) == len(EPOCH)
        and text[10] == " "
        and text[4] == text[7] == "-"
        and text[13] == text[16] == ":"
        and text.isascii()
    )


def _join(day: str, clock: str, zone: str | None) -> str:
    if not zone or zone in "Zz":
        zone = "Z"
    elif ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    return f"{day}T{clock}{zone}"


def parse_http_date(header: str | None) -> datetime | None:
    """Parse an HTTP date, such as the header `Date`; None if there is none or it is invalid."""
    try:
        return _to_utc(parsedate_to_datetime(header or ""))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def format_bookmark(moment: datetime) -> str:
    """Format the bookmark for a listing that started at `moment`, in UTC."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
