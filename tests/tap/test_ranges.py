"""Delivered ids as ranges: a set like any other, only smaller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_invoices.ranges import IdRanges

IDS = st.integers(min_value=-20, max_value=60)


@given(st.lists(IDS))
def test_it_holds_what_a_set_holds(ids: list[int]) -> None:
    ranges, reference = IdRanges(), set[int]()
    for each in ids:
        assert ranges.add(each) == (each not in reference)
        reference.add(each)
    assert list(ranges) == sorted(reference)
    assert len(ranges) == len(reference)
    assert {each for each in range(-22, 62) if each in ranges} == reference


@given(st.sets(IDS))
def test_what_is_written_is_read_again(ids: set[int]) -> None:
    ranges = IdRanges(ids)
    assert IdRanges.parse(ranges.to_text()) == ranges


@given(st.sets(IDS))
def test_neighbours_share_a_range(ids: set[int]) -> None:
    assert IdRanges(ids).range_count == len({each for each in ids if each - 1 not in ids})


def test_fifty_thousand_ids_in_a_row_are_one_short_text() -> None:
    assert IdRanges(range(1, 50_001)).to_text() == "1..50000"


@pytest.mark.parametrize("text", ["x", "5..1", "1..3 2..4", "1..3 4", "9 1", "1,2", "1.."])
def test_a_text_that_is_no_list_of_ranges_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="range"):
        IdRanges.parse(text)
