"""Accounts as they may be: random combinations of what is unknown of a server, and of faults.

Each seed makes an account that behaves in its own way for good, and that fails now and then
while the first runs are under way. Whatever it does, no invoice is marked before it and its
lines are loaded; and in the end everything is loaded and marked, or the run says why not.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from e2e.chaos import invariants
from e2e.chaos.delivery_stores import Sqlite
from e2e.chaos.model import ServiceModel
from helpers.run import TAP, TARGET, CompletedRun, options, pipe, unmeasured_environment
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

INVOICES = 130
_FAULTY_RUNS = 3
_MAX_RUNS = 8

_HARMLESS: dict[str, tuple[Any, ...]] = {
    "paging": ("page only", "limit ignored", "ignored", {"capped": 7}, {"capped": 60}),
    "order": ("id_desc", "shuffled"),
    "repeats": (2, "lines"),
    "memory_limit": (
        {"invoices": 110, "display_errors": False},
        {"invoices": 110, "display_errors": True},
    ),
    "times": ("laravel7", "rfc3339"),
    "numbers": ("string",),
    "flags": ("integer",),
    "json": ("php",),
    "lines": ("object",),
    "invoices": ("object",),
    "line_invoice_id": (False,),
    "gzip": (True,),
    "bom": (True,),
    "date": (False,),
    "mark_response": ("empty", "no_content"),
    "deadlocks": (0.01,),
    "laravel": (8,),
    "database": ("postgresql",),
    "url_limit": (8000,),
}
"""What an account may do: everything has to work all the same."""

_OBSTRUCTIVE: dict[str, tuple[Any, ...]] = {
    "paging": ({"refused": 422},),
    "lines": ("data", "null", "string", "missing"),
    "invoices": ("data", "null", "string", "missing"),
    "keep_marks": (False,),
    "utc_offset_hours": (-2, 2),
    "systems": (["another"],),
}
"""What keeps the programs from finishing: they have to say so."""

_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "html"},
    {"kind": "not_success", "on": "mark"},
    {"kind": "throttle"},
    {"kind": "maintenance"},
    {"kind": "status", "status": 500},
    {"kind": "odd_error", "form": "digits", "size": 5000},
    {"kind": "odd_error", "form": "nested", "size": 3000},
    {"kind": "cut", "at": 0.5, "framing": "length", "on": "export"},
    {"kind": "cut", "at": 0.9, "framing": "chunked", "on": "export"},
    {"kind": "wrong_length", "by": 10, "on": "export"},
    {"kind": "lost_answer"},
    {"kind": "close"},
    {"kind": "body", "body": "null"},
    {"kind": "headers", "headers": {"Content-Type": "application/json; charset=nonsense"}},
    {"kind": "refuse_ids", "ids": [3, 57, 130]},
)


@dataclass(frozen=True)
class Account:
    """How an account behaves and fails.

    Args:
        behaviour: What it does for good.
        is_obstructive: Whether that may keep the programs from finishing.
        page_size: The tap's setting.
        faults: What goes wrong in each of the first runs.
    """

    behaviour: dict[str, Any]
    is_obstructive: bool
    page_size: int
    faults: list[list[dict[str, Any]]] = field(default_factory=list)


def decide_account(seed: int) -> Account:
    """Decide an account by a seed."""
    choose = random.Random(f"account {seed}")
    names = choose.sample(sorted(_HARMLESS), choose.choice((0, 1, 2, 3, 5)))
    behaviour = {name: choose.choice(_HARMLESS[name]) for name in names}
    is_obstructive = choose.random() < 0.2
    if is_obstructive:
        name = choose.choice(sorted(_OBSTRUCTIVE))
        behaviour[name] = choose.choice(_OBSTRUCTIVE[name])
    page_size = choose.choice((0, 1, 7, 50, 100))
    reads_all = page_size == 0 or behaviour.get("paging") in ("limit ignored", "ignored")
    is_obstructive |= reads_all and "memory_limit" in behaviour
    faults = (
        []
        if is_obstructive
        else [
            [
                choose.choice(_FAULTS)
                | {"times": choose.randint(1, 2), "skip": choose.randint(0, 4)}
                for _ in range(choose.choice((0, 1, 2)))
            ]
            for _ in range(_FAULTY_RUNS)
        ]
    )
    return Account(behaviour, is_obstructive, page_size, faults)


def play(seed: int, folder: Path) -> list[str]:
    """Run the programs against an account until all is done, and check the history.

    Returns:
        What should not have happened.
    """
    account = decide_account(seed)
    choose = random.Random(f"loaders {seed}")
    found: list[str] = []
    with Sandbox.start(invoices=INVOICES, drafts=1, seed=seed + 1) as sandbox:
        world, warehouse = ServiceModel(sandbox), Sqlite(folder)
        sandbox.behave(**account.behaviour)
        state: dict[str, Any] = {}
        for number in range(1 if account.is_obstructive else _MAX_RUNS):
            sandbox.heal()
            if number < len(account.faults):
                sandbox.fail(*account.faults[number])
            if number == 1:
                sandbox.add(3)
            ran = _run(folder, sandbox, account, warehouse.loader(choose, clean=True), state)
            state = ran.states[-1] if ran.states else state
            world.learn()
            history = _history(world, warehouse)
            found += [f"run {number}: {each}" for each in invariants.too_early(history)]
            codes = (ran.upstream[0].exit_code, ran.exit_code)
            left = list(invariants.not_done(history))
            if codes != (0, 0) and "ERROR" not in ran.upstream[0].stderr + ran.stderr:
                found.append(f"run {number}: ended with {codes} and did not say why")
            if number < len(account.faults):
                continue
            if codes == (0, 0):
                found += [f"run {number} ended with 0: {each}" for each in left[:3]]
                return found
        if not account.is_obstructive:
            found.append(f"not done after {_MAX_RUNS} runs ({left[:3]}): {_errors(ran)}")
    return found


def _run(
    folder: Path, sandbox: Sandbox, account: Account, loader: str, state: dict[str, Any]
) -> CompletedRun:
    tap = sandbox.config(page_size=account.page_size, request_timeout=20)
    target = sandbox.config(loader=loader, request_timeout=20)
    (folder / "tap").mkdir(exist_ok=True)
    (folder / "target").mkdir(exist_ok=True)
    files = {"config": tap} | ({"state": state} if state else {})
    return pipe(
        [TAP, *options(folder / "tap", **files)],
        [TARGET, *options(folder / "target", config=target)],
        env=unmeasured_environment(),
    )


def _history(world: ServiceModel, warehouse: Sqlite) -> invariants.History:
    marked = world.lines.keys() - world.pending()
    return invariants.History(world.lines, world.marks(), marked, warehouse.durable())


def _errors(ran: CompletedRun) -> list[str]:
    return [*ran.upstream[0].errors, *ran.errors]
