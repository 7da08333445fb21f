"""Looking results up: the series of a contestant in a case, and what follows from several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import extraction, marking, relay, startup
from benchmarks.contestants import BARE, TAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measure import Series

_START_UPS = {TAP: "nothing new", BARE: "import requests, msgspec"}
_MICRO = 1e6


@dataclass(frozen=True)
class Results:
    """What was measured.

    Attributes:
        series: All of it.
    """

    series: list[Series]

    def of(self, group: str, **case: Any) -> Iterator[Series]:
        """Return a group's series in cases that have these values."""
        for each in self.series:
            if each.group == group and case.items() <= each.case.items():
                yield each

    def get(self, group: str, contestant: str, **case: Any) -> Series | None:
        """Return one contestant's series, the one with most runs."""
        found = [each for each in self.of(group, **case) if each.contestant == contestant]
        return max(found, key=lambda each: len(each.runs), default=None)

    def start_up(self, contestant: str, figure: str) -> float | None:
        """Return what a contestant takes without anything to do."""
        found = self.get(startup.GROUP, _START_UPS.get(contestant, ""))
        return found.median(figure) if found else None

    def a_record(self, contestant: str, figure: str, **case: Any) -> float | None:
        """Return microseconds per record, without start-up."""
        series = self.get(extraction.GROUP, contestant, **case)
        start_up = self.start_up(contestant, figure)
        if series is None or start_up is None:
            return None
        return (series.median(figure) - start_up) / series.records * _MICRO

    def relay_a_record(self, invoices: int) -> float | None:
        """Return the relay's microseconds per record, without start-up, with no marks."""
        case = {"loader": relay.COPYING, "invoices": invoices}
        series = self.get(relay.GROUP, relay.RELAYED, **case)
        nothing = self.get(startup.GROUP, startup.TARGET_VERSION)
        if series is None or nothing is None:
            return None
        return (series.median("wall") - nothing.median("wall")) / series.records * _MICRO

    def marking_an_invoice(self, invoices: int) -> float | None:
        """Return marking's microseconds per invoice, without start-up and latency."""
        series = self.get(marking.GROUP, marking.MARKING, invoices=invoices, latency=0.0)
        took = self.marking(series) if series else None
        return None if took is None else took / invoices * _MICRO

    def bytes_unconfirmed(self) -> float | None:
        """Return the relay's memory for an invoice that the loader has not confirmed yet."""
        found = [
            (each.case["invoices"], each.median("memory"))
            for each in self.of(relay.GROUP, loader=relay.TO_THE_END)
            if each.contestant == relay.MARKED
        ]
        if len(found) < 2:
            return None
        (few, little), (many, much) = min(found), max(found)
        return float((much - little) / (many - few))

    def marking(self, each: Series) -> float | None:
        """Return the seconds that marks took, start-up not counted."""
        nothing = self.get(marking.GROUP, marking.NOTHING, **each.case)
        return each.median("wall") - nothing.median("wall") if nothing else None


def ratio(one: Series | None, other: Series | None, figure: str = "wall") -> float | None:
    """Return the ratio of two medians."""
    if one is None or other is None:
        return None
    return one.median(figure) / other.median(figure)
