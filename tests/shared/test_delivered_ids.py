"""The delivered ids in a state: written by the tap, edited by the target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Shared

SINCE = "2026-11-23T10:00:00Z"


def state_of(shared: Shared, delivered: Any) -> dict[str, Any]:
    keys = shared.delivered_ids
    bookmark = {keys.SINCE: SINCE, keys.SEQUENCE: 3, keys.DELIVERED: delivered}
    return {"bookmarks": {keys.INVOICES: bookmark, keys.INVOICE_LINES: {keys.SINCE: SINCE}}}


@given(ids=st.sets(st.integers(1, 10**6)))
def test_what_was_formatted_is_parsed(shared: Shared, ids: set[int]) -> None:
    ranges = shared.id_ranges.IdRanges(ids)
    bookmark = {"delivered": shared.delivered_ids.format_delivered(SINCE, ranges)}
    read_again = json.loads(json.dumps(bookmark))
    assert shared.delivered_ids.parse_delivered(read_again) == (SINCE, ranges)


@pytest.mark.parametrize("bookmark", [{}, {"delivered": None}])
def test_a_bookmark_without_them(shared: Shared, bookmark: dict[str, Any]) -> None:
    assert shared.delivered_ids.parse_delivered(bookmark) is None


@pytest.mark.parametrize(
    "delivered", ["1..3", [SINCE], [SINCE, 3], [None, "1"], [SINCE, "1-3"], {}, [SINCE, "1", "2"]]
)
def test_anything_else_is_rejected(shared: Shared, delivered: Any) -> None:
    with pytest.raises(ValueError, match=r"tap-invoices|range"):
        shared.delivered_ids.parse_delivered({"delivered": delivered})


@given(ids=st.sets(st.integers(1, 60)), excluded=st.lists(st.integers(1, 60)))
def test_excluded_ids_are_no_longer_delivered(
    shared: Shared, ids: set[int], excluded: list[int]
) -> None:
    ranges = shared.id_ranges.IdRanges(ids)
    state = state_of(shared, shared.delivered_ids.format_delivered(SINCE, ranges))
    assert shared.delivered_ids.exclude_ids(state, iter(excluded))
    [bookmark] = shared.delivered_ids.tap_invoices_bookmarks(state)
    assert bookmark["replication_key_value"] == SINCE
    assert bookmark["sequence"] == 3
    since, left = shared.delivered_ids.parse_delivered(bookmark)
    assert since == SINCE
    assert set(left) == ids - set(excluded)


def test_ids_are_excluded_from_every_bookmark(shared: Shared) -> None:
    """However the ids come: an iterator is used up by the first bookmark."""
    state = state_of(shared, [SINCE, "1..5"])
    state["bookmarks"]["others"] = {"delivered": [SINCE, "2..4"]}
    assert shared.delivered_ids.exclude_ids(state, iter([2, 3]))
    texts = [each["delivered"][1] for each in state["bookmarks"].values() if "delivered" in each]
    assert texts == ["1 4..5", "4"]


@pytest.mark.parametrize(
    "state",
    [
        None,
        [],
        "x",
        {},
        {"bookmarks": None},
        {"bookmarks": []},
        {"bookmarks": {"invoices": None}},
        {"bookmarks": {"invoices": {"delivered": None}}},
        {"bookmarks": {"invoices": {"delivered": ["a", 1]}}},
        {"bookmarks": {"deliveries": {"delivered": ["by", "train"]}}},
    ],
)
def test_a_state_of_another_tap_is_left_alone(shared: Shared, state: Any) -> None:
    before = json.dumps(state)
    assert not shared.delivered_ids.exclude_ids(state, [1])
    assert json.dumps(state) == before
