"""Runs in a row, as processes against a service: every invoice once, whatever befalls marks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from helpers.singer import merge_states

if TYPE_CHECKING:
    from helpers.run import CompletedRun
    from sandbox.client import Sandbox

    from .conftest import Tap

CYCLES = 5  # a lost mark comes back in the second run after it; a list has four requests
SYSTEM = "warehouse"
REFUSED = {"kind": "status", "status": 422, "on": "export", "times": None}


class Chain:
    """A scheduler's runs and the state that it keeps between them.

    Attributes:
        runs: The runs so far.
        count: How often each invoice was delivered.
    """

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.sandbox: Sandbox = tap.sandbox
        self.catalog = tap.discover()
        self.state: dict[str, Any] = {}
        self.runs: list[CompletedRun] = []
        self.count: Counter[int] = Counter()

    def run(self, *, whole: bool = True, **settings: Any) -> list[int]:
        """Run the tap from the last state; returns the invoices that it delivered."""
        done = self.tap.run(catalog=self.catalog, state=self.state, page_size=4, **settings)
        assert (done.exit_code == 0) == whole, done.stderr
        self.runs.append(done)
        if done.states:
            # Meltano merges where a run is partial: nothing of an older state may matter.
            self.state = merge_states(self.state, done.state)
        self.count.update(done.ids())
        return done.ids()

    def mark(self, ids: list[int]) -> None:
        """Mark as the target does."""
        self.sandbox.mark(ids, SYSTEM)

    def everything(self) -> set[int]:
        """Return all invoices that are booked."""
        return {each["id"] for each in self.sandbox.invoices() if each["is_booked"]}

    def assert_all_once(self) -> None:
        assert set(self.count) == self.everything()
        assert set(self.count.values()) == {1}, self.count

    def assert_list_is_empty(self) -> None:
        """Steady state: the next run but one is told of nothing at all."""
        assert self.run() == []
        self.sandbox.clear_log()
        assert self.run() == []
        assert sum(each["count"] for each in self.sandbox.log("export")) == 0

    def assert_states_are_alike(self) -> None:
        shapes = {
            tuple((name, *sorted(bookmark)) for name, bookmark in state["bookmarks"].items())
            for run in self.runs
            for state in run.states
        }
        assert len(shapes) == 1


@pytest.mark.parametrize("offset", [-3600.0, 3600.0])
def test_marks_in_time_make_every_invoice_come_once(tap: Tap, offset: float) -> None:
    """The server's clock is an hour off, either way."""
    tap.sandbox.clock(offset)
    chain = Chain(tap)
    for _ in range(CYCLES):
        chain.mark(chain.run())
        tap.sandbox.add(3)
    chain.mark(chain.run())
    chain.assert_all_once()
    chain.assert_states_are_alike()
    chain.assert_list_is_empty()


def test_marks_set_while_the_list_is_paged_through(tap: Tap) -> None:
    """The target marks what a STATE covers while the next page is asked for."""
    chain = Chain(tap)
    chain.mark(chain.run())
    for _ in range(CYCLES):
        new = tap.sandbox.add(9)
        for request, marked in ((2, new[:3]), (3, new[3:6])):
            mark = {"do": "mark", "ids": marked, "system_id": SYSTEM}
            tap.sandbox.during_export(request, mark)
        assert chain.run() == new
        chain.mark(new[6:])
    chain.assert_all_once()
    chain.assert_list_is_empty()


def test_marks_set_twice_for_another_system_and_by_another_program(tap: Tap) -> None:
    """What another program marked before a run is that program's to load."""
    chain = Chain(tap)
    theirs: set[int] = set()
    for _ in range(CYCLES):
        ids = chain.run()
        chain.mark(ids)
        chain.mark(ids)
        tap.sandbox.mark(chain.everything(), "another-system")
        new = tap.sandbox.add(4)
        theirs |= set(new[:2])
        tap.sandbox.mark(new[:2], SYSTEM, at=1_000_000.0)
    chain.mark(chain.run())
    assert set(chain.count) == chain.everything() - theirs
    assert set(chain.count.values()) == {1}
    chain.assert_list_is_empty()


def test_a_mark_set_only_after_the_next_run_brings_its_invoice_once_more(tap: Tap) -> None:
    chain = Chain(tap)
    late: list[int] = []
    for _ in range(CYCLES):
        ids = chain.run()
        chain.mark([*late, *(each for each in ids if chain.count[each] > 1)])
        late = [each for each in ids if chain.count[each] == 1]
        tap.sandbox.add(2)
    chain.mark(late)
    for _ in range(2):
        chain.mark(chain.run())
    assert set(chain.count) == chain.everything()
    assert set(chain.count.values()) <= {1, 2}
    chain.assert_list_is_empty()


def test_an_invoice_whose_mark_was_lost_comes_again_within_two_runs(tap: Tap) -> None:
    chain = Chain(tap)
    lost: dict[int, int] = {}
    for cycle in range(CYCLES):
        ids = chain.run()
        due = {each for each, when in lost.items() if cycle - when == 2}
        assert due <= set(ids)
        losing = [each for each in ids if each not in lost][:2]
        lost |= dict.fromkeys(losing, cycle)
        chain.mark([each for each in ids if each not in losing])
        tap.sandbox.add(2)
    for _ in range(2):
        chain.mark(chain.run())
    assert {each for each, often in chain.count.items() if often == 2} == set(lost)
    assert set(chain.count) == chain.everything()
    assert max(chain.count.values()) == 2
    chain.assert_list_is_empty()


def test_runs_cut_off_at_any_request_lose_nothing(tap: Tap) -> None:
    """Each run dies at another request; what its STATEs cover is marked, the rest comes again."""
    chain = Chain(tap)
    covered: Counter[int] = Counter()
    for request in range(CYCLES):
        tap.sandbox.add(10)
        tap.sandbox.fail({**REFUSED, "skip": request % 4})
        chain.run(whole=False)
        tap.sandbox.heal()
        confirmed = ids_before_the_last_state(chain.runs[-1])
        covered.update(confirmed)
        chain.mark(confirmed)
    for _ in range(2):
        ids = chain.run()
        covered.update(ids)
        chain.mark(ids)
    assert set(covered) == chain.everything()
    assert set(covered.values()) == {1}
    assert chain.run() == []


def ids_before_the_last_state(run: CompletedRun) -> list[int]:
    """Return the invoices that a loader which keeps to the last STATE has loaded."""
    kinds = [message["type"] for message in run.messages]
    if "STATE" not in kinds:
        return []
    last = len(kinds) - kinds[::-1].index("STATE")
    return [
        each["record"]["id"]
        for each in run.messages[:last]
        if each["type"] == "RECORD" and each["stream"] == "invoices"
    ]
