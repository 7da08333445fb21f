"""Rounds of runs that are struck, then runs to the end, then the history is checked."""

from __future__ import annotations

import random
import time
from collections import Counter
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Any

from e2e.chaos import invariants
from e2e.chaos.model import ServiceModel
from e2e.chaos.pipeline_process import PipelineProcesses
from e2e.chaos.scenario import Round, decide
from helpers.singer import merge_states
from helpers.tap_process import discover

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.chaos.delivery_stores import Warehouse
    from e2e.chaos.scenario import PlannedSignal
    from sandbox.client import Sandbox

_HANG = 150.0
"""Seconds after which a run that has not ended is taken to hang."""

_MOMENT = 10.0  # seconds that a signal waits for its moment at most
_POLL = 0.02
_RUNS_TO_THE_END = 4
"""Without faults: one that delivers, two in which lost marks come again, one that must be quiet."""


class ChaosRun:
    """A service and a warehouse, and runs between them.

    Attributes:
        found: What should not have happened.
        counts: How often what happened.
    """

    def __init__(self, folder: Path, sandbox: Sandbox, warehouse: Warehouse, seed: int) -> None:
        """Set it up.

        Args:
            folder: Where the programs' files go.
            sandbox: The service.
            warehouse: Where to load.
            seed: Decides what happens.
        """
        self._folder = folder
        self._world = ServiceModel(sandbox)
        self._warehouse = warehouse
        self._seed = seed
        self._catalog = discover(folder, sandbox.config())
        self._state: dict[str, Any] = {}
        self.found: list[str] = []
        self.counts: Counter[str] = Counter()

    def round(self, number: int) -> str:
        """Play a round, and check that nothing was marked too early.

        Returns:
            What happened, in one line.
        """
        decided, choose = decide(self._seed, number)
        self._world.change(decided, choose)
        codes = self._run(decided, self._warehouse.loader(choose, clean=False))
        for each in invariants.too_early(self._history()):
            self._note(f"round {number}: {each}")
        signals = ", ".join(map(str, decided.signals)) or "no signal"
        return (
            f"{number}: {signals}; {len(decided.faults)} faults; tap {codes[0]}, target {codes[1]}"
        )

    def end(self) -> None:
        """Run to the end without faults, and check that everything is done, and only once."""
        choose = random.Random(self._seed)
        for _ in range(_RUNS_TO_THE_END):
            before = self._totals()
            codes = self._run(Round(), self._warehouse.loader(choose, clean=True))
            if codes != (0, 0):
                self._note(f"a run without faults ended with {codes}")
        if self._totals() != before:
            self._note("invoices come again and again, though nothing fails any more")
        history = self._history()
        for each in (*invariants.too_early(history), *invariants.not_done(history)):
            self._note(f"at the end: {each}")

    def _note(self, what: str) -> None:
        if what not in self.found:
            self.found.append(what)

    def _run(self, decided: Round, loader: str) -> tuple[int, int]:
        config = self._world.sandbox.config
        new = self._world.never_marked()
        deliveries = self._warehouse.deliveries()
        self._world.arm(decided)
        with PipelineProcesses(
            self._folder,
            tap=config(**decided.tap),
            target=config(**decided.target, loader=loader),
            catalog=self._catalog,
            state={} if decided.full_refresh else self._state,
        ) as processes:
            for planned in decided.signals:
                self._await(planned, processes, deliveries)
                self.counts[f"{planned.signum.name} to {planned.whom}"] += processes.are_running
                processes.send_signal(planned.whom, planned.signum)
            try:
                codes = processes.wait(_HANG)
            except TimeoutExpired:
                self._note(f"a run hangs: {decided}")
                codes = (-1, -1)
        self._world.sandbox.heal()
        self._world.learn()
        for state in processes.states:
            self._state = merge_states(self._state, state) if decided.full_refresh else state
        self.counts["runs"] += 1
        if codes == (0, 0) and (left := new & self._world.never_marked()):
            self._note(f"all exit codes were 0, and these are not marked: {sorted(left)}")
        return codes

    def _await(self, planned: PlannedSignal, processes: PipelineProcesses, deliveries: int) -> None:
        """Wait for a signal's moment, or for the end of the run."""
        deadline = time.monotonic() + _MOMENT
        while (
            processes.are_running
            and time.monotonic() < deadline
            and not self._is_time(planned, deliveries)
        ):
            time.sleep(_POLL)
        time.sleep(planned.delay)

    def _is_time(self, planned: PlannedSignal, deliveries: int) -> bool:
        match planned.moment:
            case "listed":
                return bool(self._world.sandbox.log("/export"))
            case "marked":
                return bool(self._world.sandbox.log("/mark-as-exported"))
            case "loaded":
                return self._warehouse.deliveries() > deliveries
        return True

    def _totals(self) -> tuple[int, int]:
        return self._warehouse.deliveries(), len(self._world.marks())

    def _history(self) -> invariants.History:
        booked = self._world.lines
        marked = booked.keys() - self._world.pending()
        return invariants.History(booked, self._world.marks(), marked, self._warehouse.durable())
