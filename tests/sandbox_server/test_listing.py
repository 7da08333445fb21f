"""The lists, against a reference that says nothing but what the documentation says."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sandbox.filters import OPERATORS, Filter, Group
from sandbox.invoice_maker import created_and_updated
from sandbox.list_cache import ListKey
from sandbox.store import Store

SYSTEMS = st.sampled_from(["erp", "warehouse"])
IDS = st.integers(1, 12)
TIMES = st.integers(0, 6).map(float)
MOMENTS = IDS.map(lambda each: created_and_updated(each)[0])
FILTERS = st.builds(
    Filter,
    st.sampled_from(["created_at", "updated_at"]),
    st.sampled_from(sorted(OPERATORS)),
    MOMENTS,
    st.booleans(),
)
GROUPS = st.lists(
    st.builds(Group, st.lists(FILTERS, min_size=1, max_size=3).map(tuple), st.booleans()),
    max_size=2,
).map(tuple)


class Listing(RuleBasedStateMachine):
    """Invoices and marks come and go; what is listed is always what the words say."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(seed=1)
        self.booked: dict[int, bool] = {}
        self.marks: dict[tuple[str, int], float] = {}
        self.asked: list[ListKey] = []

    @rule(each=IDS, booked=st.booleans())
    def add(self, each: int, booked: bool) -> None:  # noqa: FBT001 - drawn
        if each not in self.booked:
            self.booked[each] = booked
            self.store.add([each], booked=booked)

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def book(self, data: st.DataObject) -> None:
        each = data.draw(st.sampled_from(sorted(self.booked)))
        self.booked[each] = True
        self.store.book([each])

    @precondition(lambda self: self.booked)
    @rule(data=st.data(), system=SYSTEMS, at=TIMES)
    def mark(self, data: st.DataObject, system: str, at: float) -> None:
        each = data.draw(st.sampled_from(sorted(self.booked)))
        self.marks[system, each] = at
        self.store.mark(each, system, None, at)

    @rule(each=IDS, system=SYSTEMS)
    def lose_a_mark(self, each: int, system: str) -> None:
        self.marks.pop((system, each), None)
        self.store.unmark(each, system)

    @rule(order=st.sampled_from(["id", "id_desc", "shuffled", "random"]))
    def sort_another_way(self, order: str) -> None:
        self.store.behave({"order": order})

    @rule(
        key=st.builds(
            ListKey,
            SYSTEMS,
            st.one_of(TIMES, st.just(math.inf)),
            st.booleans(),
            GROUPS,
        ),
    )
    def ask_for(self, key: ListKey) -> None:
        self.asked = [*self.asked[-5:], key]

    @invariant()
    def every_list_holds_what_it_should(self) -> None:
        for key in self.asked:
            listed = self.store.list_ids(key)
            assert sorted(listed) == [each for each in sorted(self.booked) if self.fits(key, each)]
            if self.store.behaviour.order == "id":
                assert listed == sorted(listed)

    def fits(self, key: ListKey, each: int) -> bool:
        mark = self.marks.get((key.system_id, each))
        return (
            (self.booked[each] or key.drafts)
            and (mark is None or mark >= key.since)
            and all(self.passes(group, each) for group in key.groups)
        )

    def passes(self, group: Group, each: int) -> bool:
        created, updated = created_and_updated(each)
        found = []
        for one in group.filters:
            time = created if one.key == "created_at" else updated
            holds = {
                "eq": time == one.value,
                "gt": time > one.value,
                "gte": time >= one.value,
                "lt": time < one.value,
                "lte": time <= one.value,
                "not eq": time != one.value,
                "not gt": time < one.value,  # as Bruno has it
                "not gte": time < one.value,
                "not lt": time > one.value,
                "not lte": time > one.value,
            }[f"not {one.operator}" if one.negated else one.operator]
            found.append(holds)
        return any(found) if group.any_of else all(found)


TestListing = Listing.TestCase
TestListing.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_mark_in_the_future_counts_as_at_or_after_now() -> None:
    store = Store(seed=1)
    store.add([1, 2], booked=True)
    store.mark(1, "erp", None, store.now() + 3600)
    store.mark(2, "erp", None, store.now() - 3600)
    assert store.list_ids(ListKey("erp", math.inf, drafts=False)) == [1]


def test_a_changed_time_is_what_filters_and_sorting_see() -> None:
    store = Store(seed=1)
    store.add([1, 2, 3], booked=True)
    store.change(1, {"created_at": "2030-01-01 00:00:00"})
    store.change(2, {"created_at": None})
    late: Any = Group(
        (Filter("created_at", "gt", created_and_updated(3)[0], negated=False),), any_of=False
    )
    early = Group(
        (Filter("created_at", "lte", created_and_updated(3)[0], negated=False),), any_of=False
    )
    assert store.list_ids(ListKey("erp", math.inf, drafts=False, groups=(late,))) == [1]
    assert store.list_ids(ListKey("erp", math.inf, drafts=False, groups=(early,))) == [3]
    by_time = (("created_at", True),)
    assert store.list_ids(ListKey("erp", math.inf, drafts=False, sort=by_time)) == [1, 3, 2]
