"""The page about loaders, and the record that it is made from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from helpers.checkout import CHECKOUT
from loader_matrix.trial import Outcome, Result, Speed
from loader_matrix.verdict import Problem, problems, remedy, warnings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RECORD = CHECKOUT / "docs" / "loaders.json"
PAGE = CHECKOUT / "docs" / "loaders.md"

_MOST_NAMED = 3
_MEASURABLE = 20_000  # rows per second

_SENTENCES = {
    Problem.DOES_NOT_LOAD: "does not load",
    Problem.LOSES_ROWS: "loses rows",
    Problem.CONFIRMS_EARLY: "confirms too early",
    Problem.REPLACES_TABLE: "keeps only the last run",
    Problem.KEEPS_OLD_ROWS: "does not update",
    Problem.CHANGES_VALUES: "changes values",
    Problem.CANNOT_STORE_EXTRA: "drops `_extra`",
}


def recorded() -> dict[str, Result]:
    """Return what was recorded, by title."""
    loaders = json.loads(RECORD.read_text())["loaders"]
    return {each["title"]: Result.from_json(each) for each in loaders}


def write(results: Sequence[Result]) -> None:
    """Keep the record, and put its tables into the page."""
    RECORD.write_text(json.dumps(to_json(results), indent=1) + "\n")
    PAGE.write_text(with_tables(PAGE.read_text(), results))


def to_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return the record: what to warn of, by command, and what was seen of each loader."""
    return {"warnings": warnings(results), "loaders": [each.to_json() for each in results]}


def with_tables(page: str, results: Sequence[Result]) -> str:
    """Return the page with its tables made anew."""
    working = [each for each in results if each.outcomes["plain"].exit_code == 0]
    tables = {
        "loaders": safety_table(results),
        "values": _values_table(working),
        "states": _states_table(working),
        "speeds": _speeds_table(working),
        "packages": _packages(results),
    }
    for name, table in tables.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, rest = page.split(begin)
        _, after = rest.split(end)
        page = f"{before}{begin}\n\n{table}\n{end}{after}"
    return page


def safety_table(results: Iterable[Result]) -> str:
    """Return the table that a reader chooses a loader by, the safe ones first."""
    safe_first = sorted(results, key=lambda each: safety(each).startswith("**no"))
    rows = [
        (_name(each), safety(each), each.into, _rerun(each), _rate(each)) for each in safe_first
    ]
    return _table(("loader", "safe?", "into", "an invoice that comes again", "rows/s"), rows)


def safety(result: Result) -> str:
    """Return in a few words whether a loader is safe."""
    found = problems(result)
    if remedy(result):
        found.discard(Problem.CANNOT_STORE_EXTRA)
    if found:
        return "**no**: " + ", ".join(_SENTENCES[each] for each in Problem if each in found)
    return "**yes**, flattened" if remedy(result) else "**yes**"


def _rerun(result: Result) -> str:
    return {"replaces": "replaces all", "keeps the old row": "is ignored"}.get(
        result.rerun, result.rerun
    )


def _rate(result: Result) -> str:
    return _speed(result.speeds[0]) if result.speeds else ""


def _speed(speed: Speed) -> str:
    if speed.rows_per_s is None:
        return "too slow"
    # Beyond that, it is less than what the start takes now more and now less.
    return f"{round(speed.rows_per_s, -2):,}" if speed.rows_per_s < _MEASURABLE else "over 20,000"


def _values_table(results: Iterable[Result]) -> str:
    rows = [
        (
            _name(each),
            _outcome(each.outcomes["plain"]),
            _beside_plain(each, "late"),
            _beside_plain(each, "digits"),
            _nul(each),
            _beside_plain(each, "surrogate"),
        )
        for each in results
    ]
    return _table(("loader", "ordinary", "late", "18 digits", "NUL", "half a character"), rows)


def _nul(result: Result) -> str:
    seen = _beside_plain(result, "nul")
    if helped := result.outcomes.get("nul_helped"):
        removed = "removed" if helped.exit_code == 0 and helped.is_complete else _outcome(helped)
        return f"{seen}; {removed} with {_settings(result.nul_settings)}"
    return seen


def _beside_plain(result: Result, name: str) -> str:
    """Describe the outcome of a feed, without what happens to ordinary values too."""
    outcome = result.outcomes[name]
    ordinary = result.outcomes["plain"].differing
    differing = [each for each in outcome.differing if each not in ordinary]
    return _outcome(replace(outcome, differing=differing))


def _outcome(outcome: Outcome) -> str:
    if outcome.exit_code is None:
        return "does not end"
    if outcome.exit_code != 0:
        return f"ends with {outcome.exit_code}"
    if not outcome.is_complete:
        return "**loses rows**"
    if outcome.differing:
        late = [name for name in outcome.differing if ".late" in name]
        names = sorted({name.partition(".")[2] for name in late or outcome.differing})
        which = (
            f"{len(names)} fields" if names[_MOST_NAMED:] else ", ".join(map("`{}`".format, names))
        )
        return f"**{'drops' if late else 'changes'}** {which}"
    return f"kept, `_extra` as {outcome.extra}" if outcome.extra else "kept"


def _states_table(results: Iterable[Result]) -> str:
    rows = [
        (
            _name(each),
            _states(each),
            _lost_after_state(each.lost_after_state),
            _after_kill(each.after_kill),
            "keeps its rows" if each.nothing_new == "keeps" else "**loses its rows**",
        )
        for each in results
    ]
    head = ("loader", "STATE", "killed after a STATE", "killed, then run again", "nothing new")
    return _table(head, rows)


def _states(result: Result) -> str:
    early, late = result.states
    when = "while it loads" if early else "at the end" if late else "never"
    return f"{when}, {result.last_state}" if result.last_state == "an older one" else when


def _lost_after_state(lost: int | None) -> str:
    if lost is None:
        return "no STATE confirms"
    return f"**{lost} invoices missing**" if lost else "all there"


def _after_kill(outcome: Outcome) -> str:
    if outcome.exit_code == 0 and outcome.is_complete:
        return "complete"
    return _outcome(outcome)


def _speeds_table(results: Iterable[Result]) -> str:
    rows = [
        (_name(each), _settings(speed.settings), _speed(speed), _invalid(speed.invalid))
        for each in results
        for speed in each.speeds
    ]
    return _table(("loader", "settings", "rows/s", "a value that the SCHEMA forbids"), rows)


def _settings(settings: dict[str, Any]) -> str:
    return ", ".join(f"`{k}: {json.dumps(v)}`" for k, v in settings.items()) or "its defaults"


def _invalid(outcome: Outcome) -> str:
    if outcome.exit_code:
        return f"ends with {outcome.exit_code}"
    if not outcome.is_complete:
        return "**loses the row**"
    return "**stores something else**" if outcome.differing else "stored as it is"


def _packages(results: Iterable[Result]) -> str:
    lines = {
        f"- `{each.packages[0]}`: command `{each.command}`"
        + "".join(f", with `{package}`" for package in each.packages[1:])
        for each in results
    }
    return "\n".join(sorted(lines)) + "\n"


def _name(result: Result) -> str:
    package, comma, more = result.title.partition(",")
    return f"`{package}` {result.version}{comma}{more}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
