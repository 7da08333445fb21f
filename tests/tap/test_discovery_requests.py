"""Discovery against an API that fails: no columns are lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import hasty_retries
from helpers.tap_process import entry

if TYPE_CHECKING:
    from .conftest import Tap


def columns(catalog: dict[str, Any]) -> set[str]:
    return set(entry(catalog)["schema"]["properties"])


def test_a_failure_that_passes_costs_no_column(tap: Tap) -> None:
    expected = columns(tap.discover())
    tap.sandbox.fail({"kind": "status", "status": 503, "on": "export", "times": 3})
    assert columns(tap.discover()) == expected
    assert "total" in expected
    tap.sandbox.fail({"kind": "status", "status": 503, "on": "export", "times": 3})
    done = tap.run(env=hasty_retries(tap.folder))  # discovers too
    assert done.exit_code == 0
    assert expected <= done.records()[0].keys()


@pytest.mark.parametrize("words", [["--discover"], []])
def test_an_api_that_stays_down_ends_it_with_nothing_written(tap: Tap, words: list[str]) -> None:
    """A sync without a catalog discovers too; it must not go on with fewer columns."""
    tap.sandbox.fail({"kind": "close", "on": "export", "times": None})
    host = tap.sandbox.url.removeprefix("http://")
    done = tap.run(
        *words,
        api_url=f"http://someone:a-pass-word@{host}",
        env=hasty_retries(tap.folder) | {"LOGLEVEL": "DEBUG"},
    )
    assert done.exit_code == 1
    assert done.output == b""
    [line] = done.errors
    assert f"Cannot use the API at http://someone:***@{host}" in line
    assert "a-pass-word" not in done.stderr
    assert len(tap.sandbox.log("export")) == 8
    assert done.stderr.count("Retrying in") == 7


@pytest.mark.parametrize("status", [401, 422])
def test_a_rejection_ends_it_at_once(tap: Tap, status: int) -> None:
    tap.sandbox.fail({"kind": "status", "status": status, "on": "export", "times": None})
    done = tap.run()
    assert (done.exit_code, done.output) == (1, b"")
    assert len(tap.sandbox.log("export")) == 1


def test_a_limit_that_is_rejected_names_page_size(tap: Tap) -> None:
    tap.sandbox.behave(paging={"refused": 422})
    done = tap.run()
    assert done.exit_code == 1
    assert "page_size" in done.errors[0]


def test_without_a_page_size_a_limit_may_be_rejected(tap: Tap) -> None:
    """Everything is in the first response then."""
    tap.sandbox.behave(paging={"refused": 422})
    assert "total" in columns(tap.discover(page_size=0))
    assert tap.sync(page_size=0).ids() == list(range(1, 13))


def test_deep_objects_are_described_to_a_depth_and_kept_whole(tap: Tap) -> None:
    deep = "1"
    for _ in range(300):
        deep = f'{{"a": {deep}}}'
    tap.sandbox.change_raw(1, meta=deep)
    record = tap.sync().records()[0]
    for _ in range(300):
        record = record["meta"] if "meta" in record else record["a"]
    assert record == {"a": 1}


def test_dates_become_dates(tap: Tap) -> None:
    schema = entry(tap.discover())["schema"]["properties"]["due_date"]
    assert schema == {"type": ["string", "null"], "format": "date"}
    assert tap.sync().records()[0]["due_date"] == tap.sandbox.invoices([1])[0]["due_date"]
