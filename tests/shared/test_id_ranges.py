"""Sets of ids as ranges behave as sets do, in every order of adding and removing."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Shared

MAX_ID = 2**63 - 1

ids = st.integers(-5, 40) | st.integers(-MAX_ID, MAX_ID)
changes = st.lists(st.tuples(st.sampled_from(["add", "discard"]), st.lists(ids, max_size=12)))


@given(changes=changes)
def test_it_behaves_as_a_set(shared: Shared, changes: list[tuple[str, list[int]]]) -> None:
    ranges, model = shared.id_ranges.IdRanges(), set[int]()
    for change, some in changes:
        if change == "discard":
            ranges.discard(some)
            model -= set(some)
            continue
        for each in some:
            assert ranges.add(each) == (each not in model)
            model.add(each)
    check_equal(ranges, model)
    assert ranges == shared.id_ranges.IdRanges(model)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), count=st.integers(1000, 4000))
def test_many_ids_in_any_order(shared: Shared, seed: int, count: int) -> None:
    """So many that those out of order are merged while ids are being added."""
    source = random.Random(seed)
    some = [source.randrange(3 * count) for _ in range(count)]
    ranges, model = shared.id_ranges.IdRanges(), set[int]()
    for each in some:
        assert ranges.add(each) == (each not in model)
        model.add(each)
    check_equal(ranges, model)


def check_equal(ranges: Any, model: set[int]) -> None:
    assert all(each in ranges for each in model)
    assert all(each + 1 in model or each + 1 not in ranges for each in model)
    assert len(ranges) == len(model)
    found = list(ranges.ranges())
    assert ranges.range_count == len(found)
    assert all(first <= last for first, last in found)
    assert all(b[0] - a[1] > 1 for a, b in itertools.pairwise(found))
    if len(model) == 0 or max(model) - min(model) < 100_000:
        assert list(ranges) == sorted(model)


@given(some=st.lists(ids))
def test_text_is_read_as_it_was_written(shared: Shared, some: list[int]) -> None:
    ranges = shared.id_ranges.IdRanges(some)
    assert shared.id_ranges.IdRanges.parse(ranges.to_text()) == ranges


def test_the_text_is_short(shared: Shared) -> None:
    ranges = shared.id_ranges.IdRanges([5, 1, 2, 3, 9, 8])
    assert ranges.to_text() == "1..3 5 8..9"
    assert shared.id_ranges.format_ids([9, 1, 2]) == "1..2, 9"


def test_ranges_that_touch_are_one(shared: Shared) -> None:
    """A state that somebody has edited by hand lists ids one by one."""
    assert shared.id_ranges.IdRanges.parse("1 2 3..4").to_text() == "1..4"


@pytest.mark.parametrize(
    "text", ["1-3", "3..1", "5 4", "1..4 4", "1..", "x", "1.5", "٣", "1..2..3", "9" * 20]
)
def test_other_text_is_rejected(shared: Shared, text: str) -> None:
    with pytest.raises(ValueError, match=r"range|ascend"):
        shared.id_ranges.IdRanges.parse(text)


def test_it_is_no_key(shared: Shared) -> None:
    """It changes, so it has no hash; and it equals nothing but sets of its kind."""
    with pytest.raises(TypeError):
        hash(shared.id_ranges.IdRanges())
    assert shared.id_ranges.IdRanges() != set()


@pytest.mark.parametrize("order", ["ascending", "descending", "random", "every other one"])
def test_no_order_takes_quadratic_time(shared: Shared, order: str) -> None:
    """Twenty times as many ids take about twenty times as long; 400 times would be quadratic."""
    few, many = (_seconds_to_add(shared, order, count) for count in (5_000, 100_000))
    assert many < 150 * max(few, 0.001)


def _seconds_to_add(shared: Shared, order: str, count: int) -> float:
    some = list(range(count))
    if order == "descending":
        some.reverse()
    elif order == "random":
        random.Random(0).shuffle(some)
    elif order == "every other one":
        some = some[::2] + some[1::2]
    started = time.process_time()
    shared.id_ranges.IdRanges(some)
    return time.process_time() - started
