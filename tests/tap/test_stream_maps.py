"""Stream maps and flattening: they keep working, and never take the draft flag away."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import entry

if TYPE_CHECKING:
    from helpers.run import CompletedRun

    from .conftest import Tap

LOSING: dict[str, dict[str, Any]] = {
    "else": {"invoices": {"id": "id", "total": "total", "__else__": None}},
    "removed": {"invoices": {"non_booked": None}},
    "removed by its name": {"invoices": {"non_booked": "__NULL__"}},
    "rewritten": {"invoices": {"non_booked": "False"}},
    "a glob": {"inv*": {"__else__": "__NULL__", "id": "id"}},
    "every stream": {"*": {"__else__": None, "id": "id"}},
    "an alias": {"invoices": {"__alias__": "bills", "non_booked": None}},
    "a copy": {"bills": {"__source__": "invoices", "__else__": None, "id": "id"}},
    "a copy of a glob": {"bills": {"__source__": "invoice?", "non_booked": None}},
}
KEEPING: dict[str, dict[str, Any]] = {
    "named": {"invoices": {"id": "id", "non_booked": "non_booked", "__else__": None}},
    "others": {"invoices": {"total": None, "twice": "total * 2"}},
    "a filter": {"invoices": {"__filter__": "not non_booked"}},
    "lines": {"invoice_lines": {"__else__": None, "id": "id"}},
    "a stream that is removed": {"invoices": None},
    "a copy": {"bills": {"__source__": "invoices", "total": None}},
}


def problem(done: CompletedRun) -> str:
    """Return its one line of error."""
    assert done.exit_code == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.messages == []
    [line] = done.errors
    return line


@pytest.mark.parametrize("maps", LOSING.values(), ids=LOSING)
def test_a_map_that_loses_the_draft_flag_is_refused(tap: Tap, maps: dict[str, Any]) -> None:
    line = problem(tap.run(include_non_booked=True, stream_maps=maps))
    assert f"stream_maps.{next(iter(maps))} removes or changes non_booked" in line
    assert tap.listings() == []


@pytest.mark.parametrize("maps", KEEPING.values(), ids=KEEPING)
def test_other_maps_are_accepted(tap: Tap, maps: dict[str, Any]) -> None:
    done = tap.sync(include_non_booked=True, stream_maps=maps)
    flags = {each["id"]: each["non_booked"] for each in done.records()}
    assert flags.get(13, True) is True
    assert flags.get(1, False) is False


def test_without_drafts_every_map_is_accepted(tap: Tap) -> None:
    maps = {"invoices": {"id": "id", "total": "total", "__else__": None}}
    assert set(tap.sync(stream_maps=maps).records()[0]) == {"id", "total"}


@pytest.mark.parametrize(
    ("maps", "emitted"),
    [
        ({"invoice_lines": None}, False),
        ({"invoice_*": "__NULL__"}, False),
        ({"__else__": None, "invoices": {}}, False),
        ({"invoice_lines": None, "rows": {"__source__": "invoice_lines"}}, True),
        ({"invoice_lines": {"text": None}}, True),
    ],
    ids=str,
)
def test_the_state_says_whether_lines_are_delivered(
    tap: Tap,
    maps: dict[str, Any],
    emitted: bool,  # noqa: FBT001 - of the case
) -> None:
    """A stream that a map removes is not requested either."""
    done = tap.sync(stream_maps=maps)
    assert done.bookmark["has_lines"] is emitted
    assert ("includes[]" in tap.listings()[-1]) is emitted


def test_a_copy_has_its_own_records_and_batch_files(tap: Tap) -> None:
    maps = {"bills": {"__source__": "invoices", "__else__": None, "id": "id"}}
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tap.folder.as_uri(), "prefix": "batch-"},
    }
    plain, batched = tap.sync(stream_maps=maps), tap.sync(stream_maps=maps, batch_config=batch)
    for stream in ("invoices", "bills", "invoice_lines"):
        assert batch_records(batched, stream) == json.loads(
            json.dumps(plain.records(stream), default=float)
        )
    assert set(plain.records("bills")[0]) == {"id"}


def batch_records(done: CompletedRun, stream: str) -> list[dict[str, Any]]:
    paths = [
        path.removeprefix("file://")
        for each in done.of_type("BATCH")
        if each["stream"] == stream
        for path in each["manifest"]
    ]
    lines = b"".join(gzip.decompress(Path(path).read_bytes()) for path in paths).splitlines()
    return [json.loads(line) for line in lines]


FLAT = {"flattening_enabled": True, "flattening_max_depth": 3}


@pytest.mark.parametrize(
    "settings",
    [
        {"flattening_enabled": True},
        {"stream_maps": {"invoices": {"x": "1 +"}}},
        {"stream_maps": {"invoices": {"id": None}}},
        {"stream_maps": {"invoices": "text"}},
        {"stream_maps": {"__odd__": {}}},
        {"stream_maps": {"invoices": {"x": 5}}},
        FLAT | {"flattening_separator": "_", "stream_maps": {"invoices": {"customer_name": "'x'"}}},
    ],
    ids=str,
)
def test_what_the_sdk_refuses_is_told_in_one_line(tap: Tap, settings: dict[str, Any]) -> None:
    line = problem(tap.run(**settings))
    assert "stream_maps" in line or "flattening" in line
    assert "bug" not in line


@pytest.mark.parametrize("settings", [{}, FLAT, FLAT | {"stream_maps": {"invoices": {"x": "id"}}}])
def test_a_property_that_appears_later_is_in_extra(tap: Tap, settings: dict[str, Any]) -> None:
    """The column keeps what it knows; no RECORD has what its SCHEMA lacks."""
    catalog = tap.discover()
    customer = tap.sandbox.invoices([1])[0]["customer"]
    lines = tap.sandbox.invoices([1])[0]["lines"]
    lines[0]["variant"]["weight"] = 5
    tap.sandbox.change(1, customer=customer | {"vat": "DK123"}, lines=lines, meta=None)
    done = tap.sync(catalog=catalog, **settings)
    schemas = {each["stream"]: each["schema"]["properties"] for each in done.of_type("SCHEMA")}
    for message in done.of_type("RECORD"):
        assert message["record"].keys() <= schemas[message["stream"]].keys()
    extras = [done.records()[0]["_extra"], done.records("invoice_lines")[0]["_extra"]]
    assert [json.loads(each) if settings else each for each in extras] == [
        {"customer": {"vat": "DK123"}},
        {"variant": {"weight": 5}},
    ]
    name = "customer__name" if settings else "customer"
    expected = customer["name"] if settings else known(done, customer)
    assert done.records()[0][name] == expected


def known(done: CompletedRun, customer: dict[str, Any]) -> dict[str, Any]:
    return customer | {"created_at": done.records()[0]["customer"]["created_at"]}


UNIONS: list[dict[str, Any]] = [
    {"type": ["string", "integer", "null"]},
    {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
    {"oneOf": [{"type": ["integer", "null"]}, {"type": "string"}]},
]


@pytest.mark.parametrize("union", UNIONS, ids=str)
def test_a_union_accepts_each_of_its_types(tap: Tap, union: dict[str, Any]) -> None:
    catalog = tap.discover()
    entry(catalog)["schema"]["properties"]["odd"] = union
    for number, value in enumerate([1, "one", None, True, [1]], 1):
        tap.sandbox.change(number, odd=value)
    records = tap.sync(catalog=catalog).records()[:5]
    assert [record["odd"] for record in records] == [1, "one", None, None, None]
    assert [record["_extra"] for record in records] == [None] * 3 + [{"odd": True}, {"odd": [1]}]
