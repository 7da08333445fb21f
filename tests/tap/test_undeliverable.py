"""One invoice that cannot be delivered: it is named and skipped, and all others arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import deselect, entry

if TYPE_CHECKING:
    from helpers.run import CompletedRun

    from .conftest import Tap

ALL = list(range(1, 13))
DEEP = "[" * 3000 + "]" * 3000

ODD_LINES = {
    "missing": ("__absent__", "its lines are missing"),
    "null": (None, "its lines are null"),
    "text": ("none", "its lines are text"),
    "a number": (3, "its lines are a number"),
    "data": ({"data": [{"id": 1}]}, "one of its lines is a list"),
    "one line alone": ({"id": 5, "text": "a"}, "one of its lines is a number"),
    "a line without an id": ([{"id": 5}, {"text": "no id"}], "no 64-bit integer as its id"),
    "a line with text as its id": ([{"id": "5"}], "no 64-bit integer as its id"),
    "a line with a huge id": ([{"id": 2**63}], "no 64-bit integer as its id"),
    "lines with one id": ([{"id": 5, "n": 1}, {"id": 5, "n": 2}], "its lines have the id 5"),
    "a line that is null": ([{"id": 5}, None], "one of its lines is null"),
}


def assert_isolated(done: CompletedRun, odd: int, reason: str) -> None:
    """Assert that all but one invoice are delivered, and that one is named and not claimed."""
    others = [each for each in ALL if each != odd]
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    assert done.ids() == others
    assert odd not in {each["invoice_id"] for each in done.records("invoice_lines")}
    named, last = done.errors
    assert f"Invoice {odd} cannot be delivered: " in named
    assert reason in named
    assert "1 invoice cannot be delivered; all others were." in last
    assert done.bookmark["delivered"][1] == f"1..{odd - 1} {odd + 1}..12"


@pytest.mark.parametrize(("lines", "reason"), ODD_LINES.values(), ids=ODD_LINES)
def test_lines_that_are_not_lines(tap: Tap, lines: Any, reason: str) -> None:
    catalog = tap.discover()
    tap.sandbox.change(6, lines=lines)
    assert_isolated(tap.run(catalog=catalog, page_size=4), 6, reason)


ODD_JSON = {
    "nested too deeply": ({"comment": DEEP}, "nested too deeply"),
    "a number out of all bounds": ({"total": "1E9999999999999999999"}, "out of all bounds"),
    "one in an object": ({"customer": '{"n": [1e-9999999999999999999]}'}, "out of all bounds"),
    "one in a line": ({"lines": '[{"id": 1, "total": 1E9999999999999999999}]'}, "all bounds"),
    "invalid JSON": ({"comment": "tru"}, "not valid JSON"),
}


@pytest.mark.parametrize(("fields", "reason"), ODD_JSON.values(), ids=ODD_JSON)
@pytest.mark.parametrize("path", ["fast", "sdk"])
def test_json_that_no_record_can_hold(
    tap: Tap, fields: dict[str, str], reason: str, path: str
) -> None:
    """Discovery, which reads it too, leaves it out with a warning."""
    tap.sandbox.change_raw(6, **fields)
    settings: dict[str, Any] = {"page_size": 4}
    if path == "sdk":
        settings["stream_maps"] = {"invoices": {"total": "total"}}
    done = tap.run(**settings)
    assert_isolated(done, 6, reason)
    assert "Discovery left out 1 invoice" in done.stderr


def test_what_is_delivered_besides_is_not_delivered_again(tap: Tap) -> None:
    """The odd one is named at every run until it is mended, and then delivered."""
    tap.sandbox.change(6, lines=None)
    first = tap.run()
    tap.sandbox.mark(first.ids())
    second = tap.run(state=first.state)
    assert second.exit_code == 1
    assert second.ids() == []
    assert "Invoice 6 cannot be delivered" in second.stderr
    tap.sandbox.change(6, lines=[])
    assert tap.sync(state=second.state).ids() == [6]


def test_a_replay_is_not_over_before_it_is_mended(tap: Tap) -> None:
    """It was marked long ago, so only a replay lists it."""
    tap.sandbox.mark(ALL, at=1_600_000_000.0)
    tap.sandbox.change(6, lines=None)
    first = tap.run(start_date="2020-01-01", page_size=4)
    assert first.exit_code == 1
    again = tap.run(start_date="2020-01-01", state=first.state)
    assert (again.exit_code, again.ids()) == (1, [])
    tap.sandbox.change(6, lines=[])
    third = tap.sync(state=again.state)
    assert third.ids() == [6]
    assert tap.sync(state=third.state).ids() == []


def test_lines_that_are_not_selected_are_not_looked_at(tap: Tap) -> None:
    catalog = tap.discover()
    deselect(catalog, "invoice_lines")
    tap.sandbox.behave(lines="null")
    assert tap.sync(catalog=catalog).ids() == ALL
    mapped = tap.sync(catalog=tap.discover(), stream_maps={"invoice_lines": None})
    assert mapped.ids() == ALL
    assert mapped.bookmark["has_lines"] is False


@pytest.mark.parametrize("shape", ["missing", "null", "string", "data"])
def test_a_server_without_lines_delivers_nothing(tap: Tap, shape: str) -> None:
    """It may ignore `includes[]`; the columns are known from before."""
    catalog = tap.discover()
    tap.sandbox.behave(lines=shape)
    done = tap.run(catalog=catalog)
    assert done.exit_code == 1
    assert done.ids() == []
    assert "12 invoices cannot be delivered" in done.errors[-1]


def test_many_are_counted_and_not_all_named(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.add(300)
    tap.sandbox.behave(lines="null")
    done = tap.run(catalog=catalog, page_size=100)
    assert len(done.errors) == 21
    assert (
        "312 invoices cannot be delivered; all others were. Besides those above: 23"
        in (done.errors[-1])
    )
    assert max(map(len, done.errors)) < 600
    assert '"metric":"undeliverable","value":312' in done.stderr


def test_one_without_an_id_is_named(tap: Tap) -> None:
    tap.sandbox.change_raw(6, '{"number": "F6", "lines": []}')
    tap.sandbox.change_raw(13, '{"number": "F13", "lines": []}')
    done = tap.run(include_non_booked=True)
    assert done.exit_code == 1
    assert done.ids() == [each for each in [*ALL, 14] if each != 6]
    assert done.stderr.count("An invoice cannot be delivered") == 2


def test_an_id_of_another_type_is_named(tap: Tap) -> None:
    catalog = tap.discover()
    tap.sandbox.change_raw(6, '{"id": "6", "lines": []}')
    tap.sandbox.change_raw(7, '{"id": 7.0, "lines": []}')
    done = tap.run(catalog=catalog)
    assert done.exit_code == 1
    assert 'An invoice cannot be delivered: its id is "6", not an integer.' in done.stderr
    assert "An invoice cannot be delivered: its id is 7.0, not an integer." in done.stderr


def test_a_line_that_comes_twice_is_delivered(tap: Tap) -> None:
    line = {"id": 5, "text": "twice"}
    tap.sandbox.change(6, lines=[line, line])
    done = tap.sync()
    assert [each["id"] for each in done.records("invoice_lines") if each["invoice_id"] == 6] == [
        5,
        5,
    ]


def test_a_batch_file_without_it(tap: Tap) -> None:
    tap.sandbox.change(6, lines=None)
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tap.folder.as_uri(), "prefix": "batch-"},
    }
    done = tap.run(batch_config=batch)
    assert done.exit_code == 1
    assert done.bookmark["delivered"][1] == "1..5 7..12"


def test_lines_as_an_object_are_lines(tap: Tap) -> None:
    """PHP writes a filtered collection so: its keys are the old indexes."""
    catalog = tap.discover()
    plain = tap.sync(catalog=catalog)
    tap.sandbox.behave(lines="object", invoices="object")
    done = tap.sync(catalog=catalog)
    for stream in ("invoices", "invoice_lines"):
        assert done.records(stream) == plain.records(stream)
    assert entry(tap.discover(), "invoice_lines") == entry(catalog, "invoice_lines")


def test_what_json_allows_is_delivered(tap: Tap) -> None:
    texts = {
        "surrogate": r'"cut \ud83d"',
        "deep": "[" * 800 + "1.10" + "]" * 800,
        "large": "123456789012345678901234567890",
        "exponent": "1e400",
        "customer_id": str(2**64),
    }
    catalog = tap.discover()
    tap.sandbox.change_raw(6, **texts)
    for settings in ({}, {"stream_maps": {"invoices": {"total": "total"}}}):
        done = tap.sync(catalog=catalog, **settings)
        record = done.records()[5]
        assert record["_extra"]["surrogate"] == "cut \ufffd"
        assert record["_extra"]["large"] == int(texts["large"])
        assert str(record["_extra"]["exponent"]) == "1E+400"
        assert record["_extra"]["customer_id"] == 2**64
        assert record["customer_id"] is None
    assert tap.sync().ids() == ALL
