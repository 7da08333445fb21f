"""The service as a chaos run knows it: what is booked, what is marked, without asking its lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

    from e2e.chaos.scenario import Round
    from sandbox.client import Sandbox


class ServiceModel:
    """Keeps the books beside the service; nothing of it counts as one of its requests.

    Attributes:
        sandbox: The service.
        lines: Each booked invoice, and the ids of its lines.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        """Learn what there is; ids begin at 1 and have no gaps."""
        self.sandbox = sandbox
        self.lines: dict[int, frozenset[int]] = {}
        self._drafts: dict[int, frozenset[int]] = {}
        self._lost_at: dict[int, int] = {}
        self.learn()

    def learn(self) -> None:
        """Learn of invoices that were added since."""
        counts = self.sandbox.state()
        known = len(self.lines) + len(self._drafts)
        new = range(known + 1, counts["booked"] + counts["drafts"] + 1)
        for invoice in self.sandbox.invoices(new) if new else ():
            place = self.lines if invoice["is_booked"] else self._drafts
            place[invoice["id"]] = frozenset(line["id"] for line in invoice["lines"])

    def change(self, decided: Round, choose: random.Random) -> None:
        """Let happen what a round begins with."""
        if decided.add:
            self.sandbox.add(decided.add)
        if decided.add_drafts:
            self.sandbox.add(decided.add_drafts, booked=False)
        self.learn()
        if decided.book:
            for each in self.sandbox.book():
                self.lines[each] = self._drafts.pop(each)
        marked = sorted(self.lines.keys() - self.pending())
        if lost := choose.sample(marked, min(decided.lose_marks, len(marked))):
            self._lost_at |= dict.fromkeys(lost, len(self.sandbox.marks()))
            self.sandbox.unmark(lost)

    def arm(self, decided: Round) -> None:
        """Let go wrong what is to go wrong in the run that follows."""
        self.sandbox.clear_log()
        self.sandbox.fail(*decided.faults)
        if decided.add_while_listing:
            action = {"do": "add", "count": decided.add_while_listing}
            self.sandbox.during_export(1, action)

    def marks(self) -> list[tuple[int, float]]:
        """Return every mark ever set, in order: invoice and time."""
        return [(mark["invoice_id"], float(mark["at"])) for mark in self.sandbox.marks()]

    def pending(self) -> set[int]:
        """Return the booked invoices that are not marked."""
        marked: set[Any] = {
            invoice
            for number, (invoice, _) in enumerate(self.marks())
            if number >= self._lost_at.get(invoice, 0)
        }
        return self.lines.keys() - marked

    def never_marked(self) -> set[int]:
        """Return the booked invoices that no mark was ever set for."""
        return self.lines.keys() - {invoice for invoice, _ in self.marks()}
