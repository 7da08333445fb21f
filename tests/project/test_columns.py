"""`docs/columns.md`: the types that it shows are those that discovery finds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.checkout import CHECKOUT
from helpers.howto_pages import rows_of
from helpers.run import TAP, run
from sandbox.client import Sandbox

pytestmark = pytest.mark.xdist_group("columns")  # one worker asks for the columns

PAGE = CHECKOUT / "docs" / "columns.md"


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Discover an account whose first invoice has a field for each row of the page."""
    config = tmp_path_factory.mktemp("columns") / "config.json"
    with Sandbox.start(invoices=1) as sandbox:
        fields = {f"field_{number}": json.loads(value) for number, (value, _) in learned()}
        sandbox.change(1, customer_id=7, **fields)
        config.write_text(json.dumps(sandbox.config()))
        catalog = json.loads(run([TAP, "--config", str(config), "--discover"]).check().output)
    return {each["tap_stream_id"]: each["schema"]["properties"] for each in catalog["streams"]}


def learned() -> list[tuple[int, list[str]]]:
    """Return the rows of the table of learned types: a value as the API sends it, and a type."""
    return list(enumerate(rows_of(PAGE, "the API sends")))


def type_of(schema: dict[str, Any]) -> str:
    (name,) = (each for each in schema["type"] if each != "null")
    return str(schema.get("format", name))


@pytest.mark.parametrize(("number", "row"), learned(), ids=str)
def test_a_field_becomes_a_column_of_this_type(
    columns: dict[str, dict[str, Any]], number: int, row: list[str]
) -> None:
    schema = columns["invoices"][f"field_{number}"]
    assert type_of(schema) == row[1]
    assert "null" in schema["type"]


def test_ids_are_integers(columns: dict[str, dict[str, Any]]) -> None:
    assert type_of(columns["invoices"]["customer_id"]) == "integer"


def test_these_columns_are_always_there(columns: dict[str, dict[str, Any]]) -> None:
    streams = {"both": ["invoices", "invoice_lines"]}
    for stream, names, kind, _ in rows_of(PAGE, "stream"):
        for name in names.split(", "):
            for each in streams.get(stream, [stream]):
                assert type_of(columns[each][name]) == kind
