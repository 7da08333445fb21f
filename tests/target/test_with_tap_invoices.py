"""The real tap's output through the target: renamed and deselected streams, and a next run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.tap_process import discover, run_tap
from helpers.target_process import PROMPT, loader

if TYPE_CHECKING:
    from helpers.run import CompletedRun
    from helpers.target_process import Account

COUNT = 30


def tap(
    account: Account,
    state: dict[str, Any] | None = None,
    deselected: str | None = None,
    **settings: Any,
) -> CompletedRun:
    """Run the tap over the account's first invoices, in pages of ten."""
    [last] = account.sandbox.invoices([COUNT])
    bound = {"key": "created_at", "operator": "lte", "value": last["created_at"]}
    config = account.config(filter_groups=[{"filters": [bound]}], page_size=10, **settings)
    catalog = discover(account.folder, config)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if stream["stream"] == deselected and not entry["breadcrumb"]:
                entry["metadata"]["selected"] = False
    ran = run_tap(account.folder, config, catalog=catalog, state=state)
    assert ran.exit_code == 0, ran.stderr
    return ran


def test_what_it_sends_is_marked_and_not_delivered_again(account: Account) -> None:
    first = tap(account)
    ran = account.run(first.output, loader=loader(account.folder, PROMPT))

    assert ran.exit_code == 0
    assert sorted(account.marked) == list(range(1, COUNT + 1))
    assert ran.states[-1] == first.state

    again = tap(account, state=ran.states[-1])
    ran = account.run(again.output, loader=loader(account.folder, PROMPT))
    assert again.ids() == []
    assert ran.exit_code == 0
    assert len(account.marked) == COUNT
    assert ran.states[-1] == again.state


def test_a_prompt_loader_that_fails_at_the_end_leaves_only_what_it_did_not_confirm(
    account: Account,
) -> None:
    program = """
count = 0
for line in sys.stdin:
    message = json.loads(line)
    count += message.get("stream") == "invoices" and message["type"] == "RECORD"
    if message["type"] == "STATE":
        if count > 20:
            sys.exit(3)
        say(message["value"])
"""

    ran = account.run(tap(account).output, loader=loader(account.folder, program))
    assert ran.exit_code == 3
    assert 0 < len(account.marked) < COUNT

    rest = tap(account, state=ran.states[-1])
    assert sorted(account.marked + rest.ids()) == list(range(1, COUNT + 1))


def test_streams_may_be_renamed_by_a_map(account: Account) -> None:
    maps = {
        "invoices": {"__alias__": "rechnungen"},
        "invoice_lines": {"__alias__": "positionen"},
    }
    sent = tap(account, stream_maps=maps)
    assert {each["stream"] for each in sent.of_type("RECORD")} == {"rechnungen", "positionen"}

    ran = account.run(sent.output, loader=loader(account.folder, PROMPT), stream="rechnungen")

    assert ran.exit_code == 0
    assert sorted(account.marked) == list(range(1, COUNT + 1))
    assert ran.states[-1] == sent.state


def test_deselected_lines_are_refused_unless_they_are_allowed_to_be_missing(
    account: Account,
) -> None:
    sent = tap(account, deselected="invoice_lines")
    assert {each["stream"] for each in sent.of_type("RECORD")} == {"invoices"}

    refused = account.run(sent.output, loader=loader(account.folder, PROMPT))
    assert refused.exit_code == 1
    assert len(refused.errors) == 1
    assert "Select invoice_lines, or set allow_missing_lines to true" in refused.errors[0]
    assert not account.marked
    assert not refused.states

    relay: dict[str, Any] = {"loader": loader(account.folder, PROMPT)}
    ran = account.run(sent.output, allow_missing_lines=True, **relay)
    assert ran.exit_code == 0
    assert sorted(account.marked) == list(range(1, COUNT + 1))
    assert ran.states[-1] == sent.state


@pytest.mark.parametrize(
    ("tap_settings", "settings"),
    [
        ({}, {"stream": "invoice_lines"}),
        ({}, {"id_property": "customer_id"}),
        ({"stream_maps": {"invoice_lines": {"__alias__": "invoices"}}}, {}),
        ({"stream_maps": {"invoices": {"id": "id * 10"}}}, {}),
    ],
    ids=str,
)
def test_only_what_the_tap_says_it_delivered_is_marked(
    account: Account, tap_settings: dict[str, Any], settings: dict[str, Any]
) -> None:
    """A wrong stream, property or stream map would mark other invoices."""
    sent = tap(account, **tap_settings)

    ran = account.run(sent.output, loader=loader(account.folder, PROMPT), **settings)

    assert ran.exit_code == 1
    assert "are not the invoices that tap-invoices says it delivered" in ran.errors[-1]
    assert not account.marked
    assert not [each for each in ran.states if each["bookmarks"]["invoices"]["delivered"][1]]


def test_lines_that_a_stream_map_leaves_out_have_to_be_allowed_to_be_missing(
    account: Account,
) -> None:
    sent = tap(account, stream_maps={"invoice_lines": {"__filter__": "id > 10"}})

    refused = account.run(sent.output, loader=loader(account.folder, PROMPT))

    assert refused.exit_code == 1
    assert "a stream map filters it" in refused.errors[-1]
    assert not account.marked


def test_once_lines_are_selected_again_nothing_needs_to_be_allowed(account: Account) -> None:
    without = tap(account, deselected="invoice_lines")

    sent = tap(account, state=without.state)
    ran = account.run(sent.output, loader=loader(account.folder, PROMPT))

    assert ran.exit_code == 0, ran.stderr


def test_a_pipeline_of_two_systems_marks_nothing(account: Account) -> None:
    sent = tap(account, system_id="another")

    ran = account.run(sent.output, loader=loader(account.folder, PROMPT))

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert "tap-invoices delivers for system_id 'another'" in ran.errors[0]
    assert not account.marked
    assert not ran.states


def test_two_systems_are_told_though_nothing_is_new(account: Account) -> None:
    sent = tap(account, system_id="another")
    states = b"".join(
        line for line in sent.output.splitlines(keepends=True) if b'"RECORD"' not in line
    )

    ran = account.run(states, loader=loader(account.folder, PROMPT))

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert not ran.states


def test_reading_back_refuses_what_comes_from_the_tap_itself(account: Account) -> None:
    ran = account.run(tap(account).output, read_back=True)

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert "comes from tap-invoices itself, not from a warehouse" in ran.errors[0]
    assert not account.marked
    assert not ran.states
    assert "ResourceWarning" not in ran.stderr
