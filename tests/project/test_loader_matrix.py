"""What is written about loaders is what was recorded, and what was recorded still holds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from demo.postgres import Postgres
from loader_matrix import page
from loader_matrix.__main__ import sent
from loader_matrix.comparison import differing
from loader_matrix.matrix import CANDIDATES
from loader_matrix.trial import Trial
from target_invoices_ack.relay import known_loaders

if TYPE_CHECKING:
    from pathlib import Path

RECORDED: list[dict[str, Any]] = json.loads(page.RECORD.read_text())


def test_the_page_shows_what_was_recorded() -> None:
    text = page.PAGE.read_text()
    assert page.with_table(text, RECORDED) == text


def test_every_loader_was_tried() -> None:
    assert [each["title"] for each in RECORDED] == [each.title for each in CANDIDATES]
    assert sum(each["exit_code"] == 0 for each in RECORDED) >= 8


def test_the_target_warns_of_the_loaders_that_were_seen_to_lose_rows() -> None:
    lossy = {
        each["title"].partition(",")[0]
        for each in RECORDED
        if each["exit_code"] == 0 and any(sent != there for sent, there in each["rows"].values())
    }
    assert lossy == known_loaders.LOSSY_LOADERS
    for name in lossy:
        assert known_loaders.loader_warning([f"/opt/bin/{name}", "--config", "x.json"])
        assert known_loaders.loader_warning(["meltano", "invoke", "--no-install", name])
    assert known_loaders.loader_warning(["meltano", "invoke", "target-postgres"]) is None


@pytest.mark.parametrize("title", ["meltanolabs-target-postgres", "target-duckdb", "target-jsonl"])
def test_what_was_recorded_still_holds(title: str, tmp_path: Path) -> None:
    [candidate] = [each for each in CANDIDATES if each.title == title]
    [recorded] = [each for each in RECORDED if each["title"] == title]
    with Postgres() as server:
        found = Trial(candidate, tmp_path, server, sent(tmp_path)).result().to_json()
    assert found | {"version": ""} == recorded | {"version": ""}


SENT = {
    "number": Decimal("17.10"),
    "moment": "2024-01-02 08:01:00",
    "text": "100 %",
    "flag": True,
    "nothing": None,
    "object": {"a": [1, {"b": Decimal("0.1")}]},
}
STORED = SENT | {"number": "17.1", "moment": "2024-01-02T10:01:00+02:00", "flag": "t"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, set()),
        ({"nothing": "", "object": '{"a": [1, {"b": 0.1}], "more": 1}'}, set()),
        ({"text": None, "_extra": '{"text": "100 %"}'}, set()),
        ({"number": 17.100001}, {"number"}),
        ({"moment": "2024-01-02 08:01:01"}, {"moment"}),
        ({"text": "100"}, {"text"}),
        ({"flag": False}, {"flag"}),
        ({"nothing": 0, "_extra": '{"nothing": 1}'}, {"nothing"}),
        ({"object": {"a": [1, {"b": 0.2}]}}, {"object"}),
        ({"object": "{'a': [1, {'b': 0.1}]}"}, {"object"}),
    ],
)
def test_a_field_differs_when_its_value_does_and_not_when_its_form_does(
    change: dict[str, Any], found: set[str]
) -> None:
    assert differing(SENT, STORED | change) == found
