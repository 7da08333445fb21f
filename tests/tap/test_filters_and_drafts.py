"""What is listed at all: filters, systems, drafts, times to begin at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Tap

Filters = list[dict[str, Any]]


def created(invoice: dict[str, Any], key: str = "created_at") -> datetime:
    return datetime.fromisoformat(invoice[key]).replace(tzinfo=UTC)


def condition(operator: str, value: str, key: str = "created_at") -> dict[str, Any]:
    return {"key": key, "operator": operator, "value": value}


def inverse(operator: str, value: str) -> dict[str, Any]:
    return {**condition(operator, value), "not": True}


def selected(invoice: dict[str, Any], groups: Filters) -> bool:
    """Say whether a person who reads the settings would expect an invoice."""
    return all(
        (any if group.get("or") else all)(holds(invoice, each) for each in group["filters"])
        for group in groups
    )


def holds(invoice: dict[str, Any], each: dict[str, Any]) -> bool:
    moment = datetime.fromisoformat(each["value"])
    value = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    time = created(invoice, each["key"])
    held = {
        "eq": time == value,
        "gt": time > value,
        "gte": time >= value,
        "lt": time < value,
        "lte": time <= value,
    }[each["operator"]]
    return held is not each.get("not", False)


# Invoices are made one a minute: the first at 2024-01-02 08:01:00, updated two hours later.
@pytest.mark.parametrize(
    "groups",
    [
        [{"filters": [condition("gte", "2024-01-02 08:05:00")]}],
        [{"filters": [condition("gt", "2024-01-02T08:05:00Z")]}],
        [{"filters": [condition("lt", "2024-01-02T09:05:00+01:00")]}],
        [{"filters": [condition("gt", "2024-01-02T08:04:59.5Z")]}],
        [{"filters": [inverse("eq", "2024-01-02 08:03:00")]}],
        [
            {
                "or": True,
                "filters": [
                    condition("lte", "2024-01-02 08:02:00"),
                    condition("gte", "2024-01-02 10:11:00", key="updated_at"),
                ],
            },
            {"filters": [inverse("gt", "2024-01-02 08:11:00")]},
        ],
        [
            {"filters": [condition("gt", "2024-01-02"), condition("lt", "2024-01-02 08:09:00")]},
            {"filters": [condition("gte", "2024-01-02 08:07:00")], "or": False},
        ],
    ],
)
def test_what_filters_select_is_what_their_words_say(tap: Tap, groups: Filters) -> None:
    expected = [
        each["id"]
        for each in tap.sandbox.invoices()
        if each["is_booked"] and selected(each, groups)
    ]
    assert 0 < len(expected) < 12
    assert tap.sync(filter_groups=groups, page_size=3).ids() == expected


def test_each_system_has_its_own_list(tap: Tap) -> None:
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    tap.sandbox.mark([1, 2, 3], "accounting", at=an_hour_ago)
    assert tap.sync(system_id="accounting").ids() == list(range(4, 13))
    assert tap.sync(system_id="warehouse").ids() == list(range(1, 13))


def test_a_start_date_brings_again_what_was_marked_since(tap: Tap) -> None:
    now = datetime.now(UTC)
    tap.sandbox.mark([1], at=(now - timedelta(days=3)).timestamp())
    tap.sandbox.mark([2], at=(now - timedelta(days=1)).timestamp())
    assert tap.sync().ids() == list(range(3, 13))
    date = (now - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    first = tap.sync(start_date=date)
    assert first.ids() == list(range(2, 13))
    tap.sandbox.mark(first.ids())
    assert tap.sync(start_date=date, state=first.state).ids() == []


def test_a_start_date_with_a_zone_is_sent_in_utc(tap: Tap) -> None:
    tap.sync(start_date="2026-01-01T01:00:00+02:00")
    assert tap.listings()[-1]["not_exported_since"] == "2025-12-31 23:00:00"


def test_a_bookmark_set_back_replays_what_was_marked_since(tap: Tap) -> None:
    """As `meltano state set` does it, with the ids left out."""
    first = tap.sync()
    tap.sandbox.mark(first.ids())
    back = {"bookmarks": {"invoices": {"replication_key_value": "2020-01-01T00:00:00Z"}}}
    again = tap.sync(state=back)
    assert again.ids() == first.ids()
    assert tap.sync(state=again.state).ids() == []


@pytest.mark.parametrize("page_size", [0, 3])
def test_drafts_come_flagged_and_after_what_is_booked(tap: Tap, page_size: int) -> None:
    done = tap.sync(include_non_booked=True, page_size=page_size)
    flags = {each["id"]: each["non_booked"] for each in done.records()}
    assert flags == dict.fromkeys(range(1, 13), False) | {13: True, 14: True}
    assert done.ids()[-2:] == [13, 14]
    assert {13, 14} <= {each["invoice_id"] for each in done.records("invoice_lines")}


def test_without_drafts_the_flag_is_false(tap: Tap) -> None:
    assert {each["non_booked"] for each in tap.sync().records()} == {False}


def test_drafts_come_at_every_run_until_they_are_booked_and_then_once(tap: Tap) -> None:
    state: dict[str, Any] = {}
    seen = []
    for run in range(5):
        done = tap.sync(include_non_booked=True, page_size=3, state=state)
        state = done.state
        seen.append([(each["id"], each["non_booked"]) for each in done.records()][-2:])
        tap.sandbox.mark([each["id"] for each in done.records() if not each["non_booked"]])
        if run == 1:
            tap.sandbox.book([13])
    assert seen[0] == seen[1] == [(13, True), (14, True)]
    assert seen[2] == [(13, False), (14, True)]
    assert seen[3] == seen[4] == [(14, True)]


def test_a_draft_that_is_booked_while_the_lists_are_read_is_not_lost(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.during_export(2, {"do": "book", "ids": [13]})
    first = tap.sync(catalog=catalog, include_non_booked=True, start_date="2020-01-01", page_size=0)
    flags = {each["id"]: each["non_booked"] for each in first.records()}
    assert flags[13] is True
    second = tap.sync(catalog=catalog, include_non_booked=True, state=first.state)
    assert [(each["id"], each["non_booked"]) for each in second.records()] == [
        (13, False),
        (14, True),
    ]
