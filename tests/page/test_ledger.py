"""Who has what: worked in late or at once, it comes to the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sandbox.bookings import Bookings
from sandbox.export import Query
from sandbox.ledger import Ledger, Tally
from sandbox.list_cache import Wanted
from sandbox.request_log import Entry
from sandbox.mosaic import MOST_CELLS, Mosaic, cell_size
from sandbox.store import Store

SYSTEMS = st.sampled_from(["erp", "warehouse"])
IDS = st.integers(1, 15)
SINCE = 1_700_000_000.0


@dataclass
class Life:
    """What has become of one invoice at one system."""

    marked: bool = False
    out: bool = False
    runs: set[int] = field(default_factory=set)


class Delivering(RuleBasedStateMachine):
    """Lists are handed out, marks come and get lost, and somebody looks now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(seed=1)
        self.store.add(range(1, 11), booked=True)
        self.store.add(range(11, 13), booked=False)
        self.ledger = Ledger(self.store)
        self.bookings = Bookings(self.store)
        self.mosaics = {"erp": Mosaic(), "warehouse": Mosaic()}
        self.lives: dict[tuple[str, int], Life] = {}
        self.runs = {"erp": 0, "warehouse": 0}
        self.again = {"erp": 0, "warehouse": 0}
        self.remarked = {"erp": 0, "warehouse": 0}

    def life(self, system: str, each: int) -> Life:
        return self.lives.setdefault((system, each), Life())

    @rule(system=SYSTEMS, first=IDS, count=st.integers(0, 8), begins=st.booleans())
    def list_some(self, system: str, first: int, count: int, begins: bool) -> None:  # noqa: FBT001 - drawn
        ids = [each for each in sorted(self.store.booked) if first <= each < first + count]
        self.ledger.listed(entry(), query(system, start=0 if begins else 5), ids)
        self.runs[system] += begins
        for each in ids:
            life = self.life(system, each)
            if not self.store.booked[each]:
                continue
            if not life.marked:
                new = self.runs[system] not in life.runs
                self.again[system] += bool(life.runs and new)
                life.out = True
            life.runs.add(self.runs[system])

    @rule(system=SYSTEMS, each=IDS)
    def mark(self, system: str, each: int) -> None:
        if not self.store.booked.get(each):
            return
        self.store.mark(each, system, None, None)
        life = self.life(system, each)
        self.remarked[system] += life.marked
        life.marked, life.out = True, False

    @rule(system=SYSTEMS, each=IDS)
    def lose_a_mark(self, system: str, each: int) -> None:
        self.store.unmark(each, system)
        self.ledger.unmarked(system, [each])
        self.life(system, each).marked = False

    @rule(count=st.integers(1, 3))
    def add(self, count: int) -> None:
        first = self.store.next_id()
        self.store.add(range(first, first + count), booked=True)

    @precondition(lambda self: not all(self.store.booked.values()))
    @rule()
    def book_the_drafts(self) -> None:
        self.store.book([each for each, booked in self.store.booked.items() if not booked])

    @rule(system=SYSTEMS)
    def look(self, system: str) -> None:
        tally = self.ledger.tally(system)
        lives = {each: life for (name, each), life in self.lives.items() if name == system}
        assert tally.out == {each for each, life in lives.items() if life.out}
        assert tally.marked == {each for each, life in lives.items() if life.marked}
        assert tally.again == self.again[system]
        assert tally.remarked == self.remarked[system]
        self.look_at_the_mosaic(system, tally)

    def look_at_the_mosaic(self, system: str, tally: Tally) -> None:
        self.bookings.follow()
        shown, laid_anew = self.mosaics[system], Mosaic()
        shown.follow(self.bookings, tally)
        laid_anew.follow(self.bookings, tally)
        assert shown.shown() == laid_anew.shown()
        assert self.bookings.drafts == list(self.store.booked.values()).count(False)
        assert sum(shown.booked) == self.bookings.booked == sum(self.store.booked.values())
        assert (sum(shown.out), sum(shown.exported)) == (len(tally.out), len(tally.marked))


TestDelivering = Delivering.TestCase
TestDelivering.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def entry(agent: str = "tap-invoices/1", faults: list[str] | None = None) -> Entry:
    headers = {"User-Agent": agent}
    return Entry(1, SINCE, "GET", "/v10/invoices/export", [], headers, faults=faults or [])


def query(system: str = "erp", *, since: float = SINCE, start: int | None = None) -> Query:
    wanted = Wanted(system, since, drafts=True)
    return Query(wanted, lines=True, limit=250, page=0, start=start)


def test_only_what_a_tap_gets_in_a_run_is_handed_out() -> None:
    store = Store(seed=1)
    store.add(range(1, 10), booked=True)
    ledger = Ledger(store)
    ledger.listed(entry("target-invoices-ack/1"), query(), [1])
    ledger.listed(entry("python-requests/2"), query(), [2])
    ledger.listed(entry(), query(since=0.0), [3])
    ledger.listed(entry(), query(since=math.inf), [4])
    for fault in ("cut", "close", "lost_answer", "status", "body"):
        ledger.listed(entry(faults=[fault]), query(), [5])
    ledger.listed(entry(faults=["latency"]), query(), [6])
    assert ledger.tally("erp").out == {6}


def test_overlapping_pages_of_one_list_hand_nothing_out_again() -> None:
    store = Store(seed=1)
    store.add(range(1, 10), booked=True)
    ledger = Ledger(store)
    ledger.listed(entry(), query(), [1, 2, 3])
    ledger.listed(entry(), query(start=2), [3, 4, 5])
    assert ledger.tally("erp").again == 0
    ledger.listed(entry(), query(), [1, 2])
    assert ledger.tally("erp").again == 2


def test_a_mark_counts_from_when_it_was_set_however_late_somebody_looks() -> None:
    store = Store(seed=1)
    store.add([1, 2], booked=True)
    ledger = Ledger(store)
    ledger.listed(entry(), query(), [1, 2])
    store.mark(1, "erp", None, None)
    ledger.listed(entry(), query(), [1, 2])
    store.mark(2, "erp", None, None)
    tally = ledger.tally("erp")
    assert (tally.again, tally.out, tally.marked) == (1, set(), {1, 2})


def test_however_many_there_are_a_few_hundred_cells_hold_them() -> None:
    assert [cell_size(span) for span in (0, 1, 400, 401, 1000, 300_000)] == [1, 1, 1, 2, 5, 1000]
    for span in range(1, 100_000, 997):
        assert -(-span // cell_size(span)) <= MOST_CELLS
