"""What both programs say of a setting that is wrong: which, why, and what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigValidationError

import tap_invoices
import target_invoices_ack
from tap_invoices.tap import TapInvoices
from target_invoices_ack.target import TargetInvoicesAck

GOOD = {"access_token": "token-1234", "system_id": "warehouse"}
FILTER = {"key": "created_at", "operator": "gte", "value": "2026-01-01"}
NO_GROUP = {"filters": [FILTER], "and": True}
WHERE = " Set it in the file of --config, or as {} and give --config=ENV."

TAP: list[tuple[dict[str, Any], str]] = [
    ({"page_size": "many"}, "page_size is 'many': it takes a whole number."),
    ({"page_size": 1.5}, "page_size is 1.5: it takes a whole number."),
    ({"page_size": -1}, "page_size is -1: the least is 0."),
    ({"request_timeout": 0}, "request_timeout is 0: it has to be more than 0."),
    ({"include_non_booked": "yes"}, "include_non_booked is 'yes': it takes true or false."),
    ({"api_url": "traede"}, "api_url is 'traede': it has to look like https://api.traede.com."),
    (
        {"start_date": "now"},
        "start_date is 'now': it has to look like 2026-01-31 or 2026-01-31T12:00:00Z.",
    ),
    (
        {"system_id": None},
        "system_id is missing." + WHERE.format("TAP_INVOICES_SYSTEM_ID"),
    ),
    ({"access_token": 1234567890}, "access_token cannot be used: it takes text."),
    (
        {"filter_groups": [{"filters": [FILTER | {"key": "total"}]}]},
        "filter_groups[0].filters[0].key is 'total': it takes 'created_at' or 'updated_at'.",
    ),
    (
        {"filter_groups": [NO_GROUP]},
        f"filter_groups[0] is {NO_GROUP}: it takes 'filters' or 'or' and nothing else.",
    ),
    ({"filter_groups": [{}]}, "filter_groups[0].filters is missing."),
]
TARGET: list[tuple[dict[str, Any], str]] = [
    ({"confirm": "later"}, "confirm is 'later': it takes 'state' or 'exit'."),
    ({"max_parallel_requests": 65}, "max_parallel_requests is 65: the most is 64."),
    ({"stream": ""}, "stream is '': it must not be empty."),
    (
        {"access_token": None},
        "access_token is missing." + WHERE.format("TARGET_INVOICES_ACK_ACCESS_TOKEN"),
    ),
]


@pytest.mark.parametrize(
    ("program", "wrong", "words"),
    [
        *((TapInvoices, wrong, words) for wrong, words in TAP),
        *((TargetInvoicesAck, wrong, words) for wrong, words in TARGET),
    ],
    ids=str,
)
def test_a_problem_is_said_in_one_sentence(
    program: type[TapInvoices | TargetInvoicesAck], wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigValidationError) as error:
        program(config=GOOD | wrong)
    assert error.value.errors == [words]


@pytest.mark.parametrize("program", [TapInvoices, TargetInvoicesAck])
def test_each_problem_is_told(program: type[TapInvoices | TargetInvoicesAck]) -> None:
    with pytest.raises(ConfigValidationError) as error:
        program(config={"request_timeout": -1, "app_key": "an other"})
    told = sorted(each.split()[0] for each in error.value.errors)
    assert told == ["access_token", "app_key", "request_timeout", "system_id"]
    assert not [each for each in error.value.errors if "an other" in each]


@pytest.mark.parametrize("program", [TapInvoices, TargetInvoicesAck])
def test_what_has_a_form_has_an_example(program: type[TapInvoices | TargetInvoicesAck]) -> None:
    properties = program.config_jsonschema["properties"]
    formed = {name: each for name, each in properties.items() if "pattern" in each}
    assert formed
    assert all(each.get("examples") or each.get("default") for each in formed.values())


def test_both_say_it_with_the_same_code() -> None:
    """The packages stand alone, so each has its copy."""
    one, other = (
        (Path(str(package.__file__)).parent / "wrong_settings.py").read_text()
        for package in (tap_invoices, target_invoices_ack)
    )
    assert one == other
