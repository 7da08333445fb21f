"""The state as a run is given it, and as it leaves it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import deselect, run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Tap

CONFIG = {"access_token": "token-1234", "system_id": "erp", "api_url": "http://127.0.0.1:9"}
T = "2026-11-23T10:00:00Z"


def bookmark(**values: Any) -> dict[str, Any]:
    return {"bookmarks": {"invoices": values}}


def test_it_says_which_system_and_whether_lines_were_delivered(tap: Tap) -> None:
    done = tap.sync()
    assert {(each["system_id"], each["has_lines"]) for each in bookmarks(done.states)} == {
        ("warehouse", True)
    }
    catalog = tap.discover()
    deselect(catalog, "invoice_lines")
    without = tap.sync(catalog=catalog, system_id="another")
    assert {(each["system_id"], each["has_lines"]) for each in bookmarks(without.states)} == {
        ("another", False)
    }


def bookmarks(states: list[Any]) -> list[dict[str, Any]]:
    return [state["bookmarks"]["invoices"] for state in states]


def test_the_state_of_another_system_is_ignored(tap: Tap) -> None:
    """Its ids say nothing of this one: a new system begins as with a first sync."""
    first = tap.sync()
    tap.sandbox.mark(first.ids())
    other = tap.sync(system_id="another", state=first.state)
    assert other.ids() == list(range(1, 13))
    assert "of system warehouse and is ignored: this is a first sync of system another" in (
        other.stderr
    )
    assert all(each["system_id"] == "another" for each in bookmarks(other.states))
    assert tap.sync(system_id="another", state=other.state).ids() == []


def test_a_state_that_a_user_set_names_no_system(tap: Tap) -> None:
    tap.sandbox.mark(range(1, 13))
    back = bookmark(replication_key_value="2020-01-01T00:00:00Z")
    assert tap.sync(state=back).ids() == list(range(1, 13))


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}, {"bookmarks": {"invoices": {}}}])
def test_a_first_sync_says_what_it_delivers_and_how_to_get_everything(
    tap: Tap, state: dict[str, Any]
) -> None:
    """So does a full refresh: Meltano gives it no state."""
    tap.sandbox.mark([1, 2, 3], at=1_000_000.0)  # not in this second
    done = tap.sync(state=state)
    assert done.ids() == list(range(4, 13))
    assert "Requesting the invoices that are pending for system warehouse." in done.stderr
    assert "To load everything, set start_date to 1970-01-01" in done.stderr
    env = {"TAP_INVOICES_START_DATE": "1970-01-01"}
    everything = tap.run("--config=ENV", env=env, state=state)
    assert everything.ids() == list(range(1, 13))
    assert "To load everything" not in everything.stderr
    later = tap.sync(state=done.state)
    assert "To load everything" not in later.stderr


ODD_STATES: list[str] = [
    '{"bookmarks": null}',
    '{"bookmarks": 5}',
    '{"bookmarks": ["invoices"]}',
    '{"bookmarks": {"invoices": null}}',
    '{"bookmarks": {"invoices": 5}}',
    '{"bookmarks": {"invoices": {}, "other": 5}}',
    '{"singer_state": {"bookmarks": {}}}',
    '{"value": {"bookmarks": {"invoices": {}}}, "type": "STATE"}',
    *(
        json.dumps(bookmark(**values))
        for values in (
            {"replication_key_value": 5},
            {"replication_key_value": "tomorrow"},
            {"replication_key_value": "x" * 100_000},
            {"replication_key_value": ["2026-01-01"]},
            {"replication_key_value": T, "delivered": "1..5"},
            {"replication_key_value": T, "delivered": [T, "5..1"]},
            {"replication_key_value": T, "delivered": [T, "1-5"]},
            {"replication_key_value": T, "delivered": [T, "9" * 10_000]},
            {"replication_key_value": T, "delivered": [T, 5]},
            {"replication_key_value": T, "replay": [T, "tomorrow"]},
            {"sequence": "1"},
            {"sequence": 1.5},
            {"sequence": -1},
            {"sequence": True},
            {"sequence": 10**400},
            {"system_id": 5},
        )
    ),
    '{"bookmarks": {"invoices": {"sequence": 1' + "0" * 5000 + "}}}",
    '{"bookmarks": {"invoices": {"sequence": 1e400}}}',
    '{"bookmarks": {"invoices": {"sequence": NaN}}}',
    '{"bookmarks": {"invoices": {"replication_key_value": 1e9999999999999999999}}}',
    '{"bookmarks": ' + "[" * 5000 + "]" * 5000 + "}",
    '{"bookmarks": {}}\n{"bookmarks": {}}\n',
    "[]",
    "null",
    "",
    "\x00",
]


@pytest.mark.parametrize("state", ODD_STATES, ids=lambda state: state[:70])
def test_an_odd_state_ends_the_run_in_one_line(tmp_path: Path, state: str) -> None:
    """Before any request: nothing listens at the address."""
    path = tmp_path / "odd.json"
    path.write_text(state)
    done = run_tap(tmp_path, CONFIG, "--state", str(path))
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    assert done.messages == []
    [line] = done.errors
    assert "state" in line
    assert len(line) < 400
    assert "bug" not in line


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_state_in_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes('{"bookmarks": {"ø": {}}}'.encode(encoding))
    [line] = run_tap(tmp_path, CONFIG, "--state", str(path)).errors
    assert "it is not UTF-8 text" in line


@pytest.mark.parametrize(
    "values",
    [
        {"partitions": 5},
        {"partitions": [{"context": {"a": 1}}], "progress_markers": {"x": 1}},
        {"replication_key_signpost": T, "starting_replication_value": 5},
        {"replay": 5},
        {"replay": [T, "tomorrow"]},
        {"has_lines": "maybe"},
        {"unknown": 10**400},
    ],
    ids=str,
)
def test_what_tap_invoices_does_not_write_has_no_effect(tap: Tap, values: dict[str, Any]) -> None:
    first = tap.sync()
    state = deepcopy(first.state)
    state["bookmarks"]["invoices"] |= values
    state["bookmarks"]["another"] = {"replication_key_value": 5}
    done = tap.sync(state=state)
    assert done.ids() == []
    assert done.bookmark.keys() == first.bookmark.keys()
    assert done.state["bookmarks"].keys() == first.state["bookmarks"].keys()
