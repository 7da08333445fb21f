"""A set of ids behaves as a `set` does, and is far smaller."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_invoices_ack.relay.id_set import IdSet

IDS = st.integers(-(2**63), 2**63 - 1) | st.integers(-20, 20)


@settings(deadline=None, max_examples=50)
@given(ids=st.lists(IDS, max_size=60), asked=st.lists(IDS, max_size=10), copies=st.integers(1, 300))
@example(ids=list(range(60)), asked=[60], copies=300)
def test_it_holds_what_a_set_holds(ids: list[int], asked: list[int], copies: int) -> None:
    """Copies, spread out, make it grow beyond what it merges at."""
    small, reference = IdSet(), set[int]()
    for copy in range(copies):
        for number in (each % 2**40 + copy * 2**41 for each in ids):
            assert small.add(number) == (number not in reference)
            reference.add(number)
        ids.reverse()

    assert len(small) == len(reference)
    assert all(each in small for each in reference)
    assert all((each in small) == (each in reference) for each in asked)


def test_few_arrays_hold_many_ids_in_any_order() -> None:
    mixed = IdSet()
    for number in range(50_000):
        mixed.add(number * 7_919 % 50_021)

    assert len(mixed) == 50_000
    assert all(number * 7_919 % 50_021 in mixed for number in range(50_000))
    assert 50_021 * 7_919 not in mixed
