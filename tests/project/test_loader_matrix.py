"""What is written about loaders is what was recorded, and what was recorded still holds."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from loader_matrix import page
from loader_matrix.candidates import CANDIDATES
from loader_matrix.comparison import differing
from loader_matrix.feeds import FLATTENING, Feeds, collect
from loader_matrix.servers import Servers
from loader_matrix.trial import Outcome, Trial
from loader_matrix.verdict import Problem, problems, warnings
from target_invoices_ack.relay import known_loaders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDED = page.recorded()
WARNINGS: dict[str, dict[str, Any]] = json.loads(page.RECORD.read_text())["warnings"]
_SCREEN = 110  # characters


def test_page_and_warnings_are_made_from_what_was_recorded() -> None:
    text = page.PAGE.read_text()
    assert page.with_tables(text, list(RECORDED.values())) == text
    assert warnings(RECORDED.values()) == WARNINGS


def test_the_first_table_fits_a_screen_and_says_first_what_is_safe() -> None:
    lines = page.safety_table(RECORDED.values()).splitlines()
    assert lines[0].split("|")[2].strip() == "safe?"
    assert max(map(len, lines)) <= _SCREEN


def test_every_loader_was_tried() -> None:
    assert list(RECORDED) == [each.title for each in CANDIDATES]
    assert [each.packages for each in RECORDED.values()] == [
        list(each.program.packages) for each in CANDIDATES
    ]


class TestWhatTheTargetWarnsOf:
    """The target's list of loaders is what was recorded."""

    def test_it_knows_what_was_recorded_and_nothing_else(self) -> None:
        recorded = {
            kind: {command for command, kinds in WARNINGS.items() if kind in kinds}
            for kind in known_loaders.SEEN
        }
        assert recorded == known_loaders.SEEN
        assert {kind for kinds in WARNINGS.values() for kind in kinds} == known_loaders.SEEN.keys()

    @pytest.mark.parametrize("command", sorted(WARNINGS))
    def test_it_warns_of_an_unsafe_loader_and_names_what_helps(self, command: str) -> None:
        for words in ([f"/opt/{command}", "--config", "x.json"], ["meltano", "invoke", command]):
            warning = known_loaders.loader_warning(words)
            assert warning is not None
            assert command in warning
            settings = WARNINGS[command].get(Problem.CANNOT_STORE_EXTRA) or {}
            assert all(
                f"{name}: {json.dumps(value)}" in warning for name, value in settings.items()
            )

    @pytest.mark.parametrize(
        "command", sorted({each.command for each in RECORDED.values()} - WARNINGS.keys())
    )
    def test_it_does_not_warn_of_a_safe_one(self, command: str) -> None:
        assert known_loaders.loader_warning([command]) is None


class TestVerdict:
    """What makes a loader unsafe, on the record of one that is safe."""

    safe = RECORDED["meltanolabs-target-postgres"]

    def test_the_safe_one_has_no_problem(self) -> None:
        assert problems(self.safe) == set()
        assert page.safety(self.safe) == "**yes**"

    @pytest.mark.parametrize(
        ("seen", "problem"),
        [
            ({"rerun": "replaces"}, Problem.REPLACES_TABLE),
            ({"nothing_new": "loses"}, Problem.REPLACES_TABLE),
            ({"rerun": "keeps the old row"}, Problem.KEEPS_OLD_ROWS),
            ({"lost_after_state": 1}, Problem.CONFIRMS_EARLY),
            ({"after_kill": Outcome(0, {"invoices": [2, 1]})}, Problem.LOSES_ROWS),
        ],
    )
    def test_one_thing_makes_it_unsafe(self, seen: dict[str, Any], problem: Problem) -> None:
        result = replace(self.safe, **seen)
        assert problems(result) == {problem}
        assert page.safety(result).startswith("**no**")

    @pytest.mark.parametrize(
        ("feed", "outcome", "expected"),
        [
            ("texts", Outcome(0, {"invoices": [2, 1]}), {Problem.LOSES_ROWS}),
            ("nul", Outcome(1, {"invoices": [2, 1]}), set()),
            ("plain", Outcome(0, {"invoices": [2, 2]}, ["invoices.x"]), {Problem.CHANGES_VALUES}),
            ("digits", Outcome(0, {"invoices": [2, 2]}, ["invoices.x"]), set()),
            ("plain", Outcome(1), {Problem.DOES_NOT_LOAD}),
        ],
    )
    def test_an_outcome_of_a_feed_counts_where_nobody_would_notice(
        self, feed: str, outcome: Outcome, expected: set[Problem]
    ) -> None:
        assert (
            problems(replace(self.safe, outcomes=self.safe.outcomes | {feed: outcome})) == expected
        )

    def test_extra_that_cannot_be_stored_is_safe_with_what_helps(self) -> None:
        dropped = {"late": Outcome(0, {"invoices": [2, 2]}, ["invoices.late"])}
        helped = replace(self.safe, without=self.safe.without | dropped, tap_settings=FLATTENING)
        helpless = replace(self.safe, without=helped.without, outcomes=self.safe.outcomes | dropped)
        assert [page.safety(each) for each in (helped, helpless)] == [
            "**yes**, flattened",
            "**no**: drops `_extra`",
        ]
        assert warnings([helped]) == {"target-postgres": {"cannot_store_extra": FLATTENING}}
        assert warnings([helpless]) == {"target-postgres": {"cannot_store_extra": None}}

    def test_only_what_is_true_of_all_with_the_same_command_is_warned_of(self) -> None:
        replacing = replace(self.safe, rerun="replaces")
        failing = replace(self.safe, outcomes=self.safe.outcomes | {"plain": Outcome(1)})
        assert warnings([self.safe, replacing]) == {}
        assert warnings([failing]) == {}
        assert warnings([failing, replacing]) == {"target-postgres": {"replaces_table": None}}


matrix = pytest.mark.xdist_group("loader matrix")  # one worker makes the feeds


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Feeds, Feeds]:
    folder = tmp_path_factory.mktemp("tap")
    return collect(folder, large=1), collect(folder, large=1, **FLATTENING)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as running:
        yield running


@pytest.mark.slow
@matrix
@pytest.mark.parametrize(
    "title", ["meltanolabs-target-postgres", "target-duckdb", "meltanolabs-target-csv"]
)
def test_what_was_recorded_still_holds(
    title: str, tmp_path: Path, servers: Servers, feeds: tuple[Feeds, Feeds]
) -> None:
    [candidate] = [each for each in CANDIDATES if each.title == title]
    found = Trial(candidate, tmp_path / "trial", servers, *feeds).run(measured=False)
    recorded = RECORDED[title]
    assert found.after_kill.is_complete == recorded.after_kill.is_complete
    not_tried: dict[str, Any] = {
        "after_kill": recorded.after_kill,
        "version": recorded.version,
        "speeds": recorded.speeds,
        "start_s": recorded.start_s,
    }
    assert replace(found, **not_tried) == recorded


@pytest.mark.slow
@matrix
def test_the_feeds_hold_what_they_are_for(feeds: tuple[Feeds, Feeds]) -> None:
    """Otherwise a loader would pass for nothing."""
    plain, flattened = feeds
    extras = [json.loads(line).get("record", {}).get("_extra") for line in plain.late.lines]
    assert {"late", "late_object", "currency", "customer"} in [set(each or {}) for each in extras]
    assert b'"_extra":"{' in b"".join(flattened.late.lines)
    assert b"123456789012345678" in b"".join(plain.digits.lines)
    assert rb"a\u0000b" in b"".join(plain.nul.lines)
    assert rb"cut \ud83d" in b"".join(plain.surrogate.lines)
    assert b'"total":"much"' in b"".join(plain.invalid.lines)
    assert [len(each.lines) for each in (plain.plain, flattened.plain)] == [157, 157]


SENT = {
    "number": Decimal("17.10"),
    "moment": "2024-01-02 08:01:00",
    "text": "100 %",
    "flag": True,
    "nothing": None,
    "object": {"a": [1, {"b": Decimal("0.1")}], "c": "d"},
}
STORED = SENT | {"number": "17.1", "moment": "2024-01-02T10:01:00+02:00", "flag": "t"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, set()),
        ({"nothing": "", "object": '{"a": [1, {"b": 0.1}], "c": "d", "more": 1}'}, set()),
        ({"text": None, "_extra": '{"text": "100 %"}'}, set()),
        ({"text": None, "extra_": {"text": "100 %"}}, set()),
        ({"object": {"a": [1, {"b": 0.1}]}, "_extra": {"object": {"c": "d"}}}, set()),
        ({"object": None, "object__a": '[1, {"b": 0.1}]', "object__c": "d"}, set()),
        ({"number": 17.100001}, {"number"}),
        ({"moment": "2024-01-02 08:01:01"}, {"moment"}),
        ({"text": "100"}, {"text"}),
        ({"flag": False}, {"flag"}),
        ({"nothing": 0, "_extra": '{"nothing": 1}'}, {"nothing"}),
        ({"object": {"a": [1, {"b": 0.2}], "c": "d"}}, {"object.a"}),
        ({"object": {"a": [1, {"b": 0.1}]}}, {"object.c"}),
        ({"object": "{'a': [1, {'b': 0.1}], 'c': 'd'}"}, {"object"}),
    ],
)
def test_a_field_differs_when_its_value_does_and_not_when_its_form_does(
    change: dict[str, Any], found: set[str]
) -> None:
    row = {name: value for name, value in (STORED | change).items() if value is not None}
    assert differing(SENT, row) == found
