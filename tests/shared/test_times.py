"""Times: the API's own, RFC 3339, settings, and the headers of HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Shared

RFC_3339 = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=st.just(UTC) | zones)
api_like = st.from_regex(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})? ?"
    r"(Z|z|[+-][0-9]{2}:?[0-9]{2})?\Z"
)


@pytest.mark.parametrize(
    ("written", "converted"),
    [
        ("2026-11-23 10:00:00", "2026-11-23T10:00:00Z"),
        ("2026-11-23T10:00:00.000000Z", "2026-11-23T10:00:00.000000Z"),
        ("2026-11-23T10:00:00.123456789Z", "2026-11-23T10:00:00.123456789Z"),
        ("2026-11-23 10:00:00 +0200", "2026-11-23T10:00:00+02:00"),
        ("2026-11-23T10:00:00z", "2026-11-23T10:00:00Z"),
        ("2024-02-29 23:59:59", "2024-02-29T23:59:59Z"),
    ],
)
def test_the_api_s_times_in_rfc_3339(shared: Shared, written: str, converted: str) -> None:
    assert shared.times.to_rfc3339(written) == converted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000-00-00 00:00:00",
        "2026-02-29 10:00:00",
        "2026-11-23",
        "2026-11-23 10:00",
        "2026-11-23 24:00:00",
        "2026-11-23 10:00:00 +02:99",
        "2026-11-23 10:00:00 +24:00",
        "2026-11-23 10:00:00\n",
        "٢٠٢٦-11-23 10:00:00",
        "20261123 100000",
        "2026-W01-1 10:00:00",
        "-026-11-23 10:00:00",
    ],
)
def test_anything_else_is_no_time(shared: Shared, text: str) -> None:
    assert shared.times.to_rfc3339(text) is None


@given(text=api_like | st.text(max_size=40))
def test_a_conversion_is_valid_and_means_the_same(shared: Shared, text: str) -> None:
    converted = shared.times.to_rfc3339(text)
    if converted is None:
        return
    assert RFC_3339.fullmatch(converted)
    assert shared.times.to_rfc3339(converted) == converted
    assert datetime.fromisoformat(converted).tzinfo
    assert re.sub(r"[^\d.+-]", "", converted) == re.sub(r"[^\d.+-]", "", text)


@given(moment=moments)
def test_a_time_is_sent_in_utc_to_the_microsecond(shared: Shared, moment: datetime) -> None:
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        with pytest.raises(ValueError, match="out of range"):
            shared.times.format_for_api(moment.isoformat())
        return
    sent = shared.times.format_for_api(moment.isoformat())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?", sent)
    assert datetime.fromisoformat(sent).replace(tzinfo=UTC) == in_utc


def test_a_time_without_a_zone_is_utc(shared: Shared) -> None:
    assert shared.times.format_for_api("2026-11-23T10:00:00") == "2026-11-23 10:00:00"
    assert shared.times.format_for_api("2026-11-23") == "2026-11-23 00:00:00"
    assert shared.times.format_for_api("2026-11-23T10:00:00+02:00") == "2026-11-23 08:00:00"


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_a_bookmark_is_a_time_to_the_second(shared: Shared, moment: datetime) -> None:
    bookmark = shared.times.format_bookmark(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bookmark)
    assert shared.times.parse_time(bookmark) == moment.replace(microsecond=0)


@given(value=st.text(max_size=30) | st.none() | st.integers())
def test_whatever_is_valid_can_be_sent(shared: Shared, value: object) -> None:
    problem = shared.times.invalid_time(value)
    if problem is None:
        shared.times.format_for_api(value)
    else:
        assert problem == f"{value!r}, which is not a valid time"


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_outside_of_utc_s_range_is_not_valid(shared: Shared, value: str) -> None:
    assert shared.times.invalid_time(value)


@pytest.mark.parametrize(
    "text",
    ["2026-11-23", "2026-11-23T10:00Z", "2026-11-23 10:00:00.5+0200", "2026-11-23T10:00:00+02:00"],
)
def test_what_the_pattern_of_a_setting_admits_is_parsed(shared: Shared, text: str) -> None:
    assert re.search(shared.times.SETTING_PATTERN, text)
    assert shared.times.invalid_time(text) is None


@given(moment=st.datetimes(min_value=datetime(1970, 1, 1)))  # noqa: DTZ001 - given UTC below
def test_the_date_of_a_response(shared: Shared, moment: datetime) -> None:
    date = moment.replace(tzinfo=UTC, microsecond=0)
    assert shared.times.parse_http_date(format_datetime(date, usegmt=True)) == date


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "now",
        "9" * 5000,
        "Mon, 23 Nov 2026 10:00:00 +99999999999999",
        "Mon, 99 Nov 2026 10:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2300",
    ],
    ids=lambda header: str(header)[:40],
)
def test_a_date_that_cannot_be_read_is_none(shared: Shared, header: str | None) -> None:
    assert shared.times.parse_http_date(header) is None


date_like = st.lists(
    st.sampled_from(["Mon,", "23", "Nov", "2026", "10:00:00", "+0200", "GMT", "-", ":", "", "9999"])
    | st.text(max_size=5)
).map(" ".join)


@given(header=date_like | st.text())
def test_no_header_breaks_the_parser(shared: Shared, header: str) -> None:
    found = shared.times.parse_http_date(header)
    assert found is None or found.tzinfo is UTC
