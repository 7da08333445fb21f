"""What was recorded of a loader, judged: whether it is safe, and what to warn of."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loader_matrix.trial import Outcome, Result


class Problem(StrEnum):
    """What makes a loader unsafe; the value is its name in docs/loaders.json."""

    DOES_NOT_LOAD = "does_not_load"
    LOSES_ROWS = "loses_rows"
    CONFIRMS_EARLY = "confirms_early"
    REPLACES_TABLE = "replaces_table"
    KEEPS_OLD_ROWS = "keeps_old_rows"
    CHANGES_VALUES = "changes_values"
    CANNOT_STORE_EXTRA = "cannot_store_extra"


def problems(result: Result) -> set[Problem]:
    """Return all problems of a loader, `CANNOT_STORE_EXTRA` being the only one with a remedy."""
    plain = result.outcomes["plain"]
    if plain.exit_code != 0:
        return {Problem.DOES_NOT_LOAD}
    found = {
        Problem.LOSES_ROWS: any(
            map(_is_silent_loss, [*result.outcomes.values(), result.after_kill])
        ),
        Problem.CONFIRMS_EARLY: bool(result.lost_after_state),
        Problem.REPLACES_TABLE: result.rerun == "replaces" or result.nothing_new == "loses",
        Problem.KEEPS_OLD_ROWS: result.rerun == "keeps the old row",
        Problem.CHANGES_VALUES: bool(plain.differing),
        Problem.CANNOT_STORE_EXTRA: not _stores_extra(result.without),
    }
    return {problem for problem, is_there in found.items() if is_there}


def remedy(result: Result) -> dict[str, Any] | None:
    """Return the tap's settings with which `_extra` is stored, where they are needed and help."""
    return result.tap_settings if result.tap_settings and _stores_extra(result.outcomes) else None


def warnings(results: Iterable[Result]) -> dict[str, dict[str, Any]]:
    """Return for each command what to warn of, with the settings that help, or nothing.

    Where several loaders have one command, only what is true of all of them counts. One that
    does not load says so itself.
    """
    by_command: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        if problems(result) != {Problem.DOES_NOT_LOAD}:
            by_command[result.command].append(result)
    found = {}
    for command, same in by_command.items():
        shared = set.intersection(*map(problems, same))
        if shared:
            found[command] = {
                each.value: remedy(same[0]) if each is Problem.CANNOT_STORE_EXTRA else None
                for each in Problem
                if each in shared
            }
    return found


def _is_silent_loss(outcome: Outcome) -> bool:
    return outcome.exit_code == 0 and not outcome.is_complete


def _stores_extra(outcomes: Mapping[str, Outcome]) -> bool:
    """Whether late properties are stored as well as others."""
    plain, late = outcomes["plain"], outcomes["late"]
    return late.exit_code == 0 and set(late.differing) <= set(plain.differing)
