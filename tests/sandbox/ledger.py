"""Who was given which invoices and what became of them, told by listings and marks alone.

While nobody looks, a listing costs one append: `Ledger.listed` keeps the ids that were sent
as they are, and `Ledger.tally` works them in, in order with the marks, once it is asked.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.export import Query
    from sandbox.request_log import Entry
    from sandbox.store import Store

_TAP = "tap-"  # what the names of taps begin with, and so their User-Agent
_UNDELIVERED = {"cut", "close", "lost_answer", "status", "body"}  # faults that keep a list back
_MOST_WAITING = 1 << 20  # ids that are kept before they are worked in all the same


@dataclass(frozen=True)
class Handout:
    """A listing that a tap has got.

    Attributes:
        system_id: For which system.
        ids: What was listed.
        begins: Whether a list begins here, rather than goes on.
        marks: How many marks there had been.
    """

    system_id: str
    ids: Sequence[int]
    begins: bool
    marks: int


@dataclass
class Tally:
    """One receiving system's invoices.

    Attributes:
        out: Handed out, and not marked since.
        marked: Marked as exported.
        marks: How often one was marked that was not.
        again: How often an invoice was handed out again before it was marked.
        remarked: How often one was marked that was marked already.
        touched: Ids that have changed since somebody emptied this.
    """

    out: set[int] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)
    marks: int = 0
    again: int = 0
    remarked: int = 0
    touched: set[int] = field(default_factory=set)
    _earlier: set[int] = field(default_factory=set)
    _current: set[int] = field(default_factory=set)

    def hand_out(self, ids: Iterable[int], *, begins: bool) -> None:
        """Note a listing; within one list, pages may overlap."""
        if begins:
            self._earlier |= self._current
            self._current = set()
        fresh = set(ids) - self._current
        self._current |= fresh
        unmarked = fresh - self.marked
        self.again += len(unmarked & self._earlier)
        self.touched |= unmarked - self.out
        self.out |= unmarked

    def mark(self, invoice_id: int) -> None:
        """Note a mark."""
        if invoice_id in self.marked:
            self.remarked += 1
            return
        self.marks += 1
        self.marked.add(invoice_id)
        self.out.discard(invoice_id)
        self.touched.add(invoice_id)

    def unmark(self, ids: Iterable[int]) -> None:
        """Note marks that were lost: these are pending again."""
        lost = self.marked.intersection(ids)
        self.marked -= lost
        self.touched |= lost


class Ledger:
    """The tallies of all systems."""

    def __init__(self, store: Store) -> None:
        """Start with what is marked already."""
        self._store = store
        self._tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self._handouts: list[Handout] = []
        self._waiting = 0
        self._marks_read = 0

    def listed(self, entry: Entry, query: Query, ids: Sequence[int]) -> None:
        """Note a listing, if it is one that hands invoices out.

        Only a tap's counts, and only that of a run, which fixes a time: it also reads samples
        to learn columns from, without a time or with the earliest one that there is. Others,
        such as a target that asks what is pending, only look.
        """
        agent = entry.headers.get("User-Agent", "")
        if not agent.startswith(_TAP) or not 0 < query.wanted.since < math.inf:
            return
        if _UNDELIVERED.intersection(entry.faults):
            return
        begins = not (query.start or query.page)
        system_id = query.wanted.system_id
        if query.wanted.drafts:  # drafts are delivered again until they are booked
            ids = [each for each in ids if self._store.booked[each]]
        self._handouts.append(Handout(system_id, ids, begins, len(self._store.history)))
        self._waiting += len(ids)
        if self._waiting > _MOST_WAITING:
            self._work_in()

    def unmarked(self, system_id: str, ids: Iterable[int]) -> None:
        """Note marks that were lost."""
        self._work_in()
        self._tallies[system_id].unmark(ids)

    def tally(self, system_id: str) -> Tally:
        """Return how things stand for a system; not a copy."""
        self._work_in()
        return self._tallies[system_id]

    def systems(self) -> list[str]:
        """Return the systems that were ever asked for or marked."""
        self._work_in()
        return sorted(each for each, tally in self._tallies.items() if tally.out or tally.marked)

    def _work_in(self) -> None:
        handouts, self._handouts, self._waiting = self._handouts, [], 0
        for each in handouts:
            self._read_marks(each.marks)
            self._tallies[each.system_id].hand_out(each.ids, begins=each.begins)
        self._read_marks(len(self._store.history))

    def _read_marks(self, until: int) -> None:
        """Read the marks up to this number, where they are not read already."""
        for mark in self._store.history[self._marks_read : until]:
            self._tallies[mark.system_id].mark(mark.invoice_id)
        self._marks_read = max(self._marks_read, until)
