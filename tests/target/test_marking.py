"""Marking: few requests, several at a time, again where that helps, and none for the bad ones."""

from __future__ import annotations

import json
import math
import signal
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import adds_up, environment, finish, hasty_retries, start
from helpers.singer import invoice, message, pages, state, value
from helpers.tap_process import discover, run_tap
from helpers.target_process import KEEPER, PROMPT, command, loader, wait_for
from target_invoices_ack.marking.queue import MAX_QUEUED

if TYPE_CHECKING:
    from helpers.target_process import Account


def ids_of(request: dict[str, Any]) -> list[int]:
    return [each["invoice_id"] for each in json.loads(request["body"])["invoices"]]


def test_ten_at_most_are_marked_in_a_request_and_no_more_requests_sent_than_needed(
    account: Account,
) -> None:
    ran = account.run(pages(range(1, 96)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert sorted(account.marked) == list(range(1, 96))
    assert sorted(len(ids_of(each)) for each in account.requests) == [5, *[10] * 9]


def test_a_loader_that_confirms_one_invoice_at_a_time_does_not_cost_a_request_each(
    account: Account,
) -> None:
    """Confirmed invoices wait a little for others to share their request."""
    count = 60
    one_by_one = PROMPT.replace("        say(", "        time.sleep(0.03)\n        say(")

    ran = account.run(
        pages(*([each] for each in range(1, count + 1))),
        loader=loader(account.folder, one_by_one),
    )

    assert ran.exit_code == 0
    assert sorted(account.marked) == list(range(1, count + 1))
    assert len(account.requests) < 3 * math.ceil(count / 10)
    assert ran.states[-1] == value(count)


@pytest.mark.parametrize("most", [1, 3])
def test_as_many_requests_are_in_flight_as_asked_for(account: Account, most: int) -> None:
    seconds = 0.5
    account.sandbox.fail({"kind": "latency", "on": "mark", "seconds": seconds, "times": None})

    ran = account.run(
        pages(range(1, 91)), loader=loader(account.folder, KEEPER), max_parallel_requests=most
    )

    assert ran.exit_code == 0
    came = [float(each["time"]) for each in account.requests]
    assert max(sum(at - seconds < other <= at for other in came) for at in came) == most


FAULTS: dict[str, list[dict[str, Any]]] = {
    "500s": [{"kind": "status", "status": 500, "times": 2}],
    "502 without words": [{"kind": "status", "status": 502, "body": "<html>"}],
    "429": [{"kind": "status", "status": 429, "headers": {"Retry-After": "0"}, "times": 3}],
    "an answer that was lost": [{"kind": "lost_answer"}],
    "a connection that was refused": [{"kind": "close", "times": 2}],
    "a body that was cut": [{"kind": "cut", "framing": "length"}],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_asked_again(account: Account, fault: str) -> None:
    account.sandbox.fail(*(rule | {"on": "mark"} for rule in FAULTS[fault]))

    ran = account.run(pages(range(1, 16)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert set(account.marked) == set(range(1, 16))
    assert ran.states == [value(1)]
    assert "Retrying in" in ran.stderr
    assert ran.summary["marked"] == 15


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(account: Account, form: str) -> None:
    wait = 4
    now = int(account.sandbox.state()["now"])
    header = str(wait) if form == "seconds" else formatdate(now + wait, usegmt=True)
    account.sandbox.fail(
        {"kind": "status", "on": "mark", "status": 429, "headers": {"Retry-After": header}}
    )

    ran = account.run(pages([1]), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    first, second = (each["time"] for each in account.requests)
    assert second >= (first if form == "seconds" else now) + wait


def test_a_refused_batch_is_split_and_nine_of_ten_are_marked(account: Account) -> None:
    account.sandbox.fail({"kind": "refuse_ids", "ids": [4]})

    ran = account.run(pages(range(1, 11)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert sorted(account.marked) == [1, 2, 3, *range(5, 11)]
    assert sorted(map(ids_of, account.requests)) == sorted(
        [[*range(1, 11)], [1, 2, 3, *range(5, 11)], [4]]
    )
    assert "Invoice 4 is rejected" in ran.errors[0]
    assert "locked by an accountant" in ran.errors[0]
    assert ran.summary == {
        "received": 10,
        "marked": 9,
        "not confirmed": 0,
        "rejected": 1,
        "drafts": 0,
    }


def test_no_state_claims_a_refused_invoice_where_it_cannot_be_taken_out(account: Account) -> None:
    account.sandbox.fail({"kind": "refuse_ids", "ids": [4]})

    ran = account.run(pages([1, 2], [3, 4], [5]), loader=loader(account.folder, PROMPT))

    assert ran.exit_code == 1
    assert sorted(account.marked) == [1, 2, 3, 5]
    assert value(2) not in ran.states
    assert value(3) not in ran.states


def test_the_next_run_names_a_refused_invoice_again_and_delivers_nothing_else_again(
    account: Account,
) -> None:
    """With the real tap, and the STATE that the target printed."""
    sandbox, folder = account.sandbox, account.folder
    config = account.config(filter_groups=_few(account, 20), page_size=7)
    catalog = discover(folder, config)
    sandbox.fail({"kind": "refuse_ids", "ids": [5, 6]})

    first = run_tap(folder, config, catalog=catalog)
    target = account.run(first.output, loader=loader(folder, KEEPER))
    assert target.exit_code == 1
    assert sorted(account.marked) == [each for each in first.ids() if each not in {5, 6}]

    again = run_tap(folder, config, catalog=catalog, state=target.states[-1])
    assert sorted(again.ids()) == [5, 6]
    target = account.run(again.output, loader=loader(folder, KEEPER))
    assert target.exit_code == 1
    assert {5, 6} == {each for each in (5, 6) if f"Invoice {each} is rejected" in target.stderr}

    sandbox.heal()
    third = run_tap(folder, config, catalog=catalog, state=target.states[-1])
    assert sorted(third.ids()) == [5, 6]
    target = account.run(third.output, loader=loader(folder, KEEPER))
    assert target.exit_code == 0
    assert sorted(account.marked) == sorted(first.ids())


def _few(account: Account, count: int) -> list[dict[str, Any]]:
    """Return a filter that leaves the first invoices, and these are all that are listed."""
    [last] = account.sandbox.invoices([count])
    bound = {"key": "created_at", "operator": "lte", "value": last["created_at"]}
    return [{"filters": [bound]}]


def test_the_note_names_the_run_and_the_moment_of_loading(account: Account) -> None:
    ran = account.run(
        pages([1]),
        loader=loader(account.folder, KEEPER),
        note="Loaded {loaded_at}, run {run_id}.",
        env={"MELTANO_RUN_ID": "run-17"},
    )

    assert ran.exit_code == 0
    [mark] = account.sandbox.marks(account.system_id)
    loaded, run = mark["note"].removeprefix("Loaded ").removesuffix(".").split(", run ")
    assert run == "run-17"
    assert loaded.endswith("Z")
    assert "2020" < loaded < "2999"


def test_without_a_note_none_is_sent(account: Account) -> None:
    account.run(pages([1]), loader=loader(account.folder, KEEPER))

    [request] = account.requests
    assert json.loads(request["body"]) == {
        "invoices": [{"invoice_id": 1, "system_id": account.system_id}]
    }


def test_dry_run_says_what_it_would_mark_and_marks_nothing(account: Account) -> None:
    taps = pages([*range(1, 6), 9], non_booked=False)

    ran = account.run(taps, loader=loader(account.folder, KEEPER), dry_run=True)

    assert ran.exit_code == 0
    assert not account.requests
    assert not ran.states
    assert "Dry run: would mark 1..5, 9." in ran.stderr
    assert ran.summary["would be marked"] == 6
    assert adds_up(ran.summary)
    assert (account.folder / "loaded").read_bytes() == taps


def test_drafts_are_never_marked(account: Account) -> None:
    taps = pages([1]) + invoice(3001, non_booked=True) + state(2)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert account.marked == [1]
    assert ran.states == [value(2)]
    assert ran.summary["drafts"] == 1


@pytest.mark.parametrize(("status", "name"), [(401, "message"), (401, "error"), (403, "message")])
def test_a_refused_token_in_the_middle_ends_the_run_at_once(
    account: Account, status: int, name: str
) -> None:
    words = {name: "This token was withdrawn."}
    account.sandbox.fail(
        {"kind": "status", "on": "mark", "status": status, "body": words, "skip": 1, "times": None}
    )

    ran = account.run(
        pages(range(1, 11), range(11, 2001)),
        loader=loader(account.folder, PROMPT),
        max_parallel_requests=2,
    )

    assert ran.exit_code == 1
    assert len(account.marked) == 10
    assert len(account.requests) <= 3
    assert value(2) not in ran.states
    assert any(str(status) in each and words[name] in each for each in ran.errors)
    assert adds_up(ran.summary)


def test_a_refused_token_while_more_is_confirmed_than_is_taken_at_once(account: Account) -> None:
    """The summary adds up, though the confirmed invoices still wait to be taken in."""
    account.sandbox.fail(
        {"kind": "status", "on": "mark", "status": 401, "skip": 1, "times": None},
        {"kind": "latency", "on": "mark", "seconds": 2, "times": 1},  # the queue fills meanwhile
    )

    ran = account.run(
        pages(range(1, 10 + MAX_QUEUED + 5000)),
        loader=loader(account.folder, KEEPER),
        max_parallel_requests=1,
        verify_marks=False,
    )

    assert ran.exit_code == 1
    assert not ran.states
    assert adds_up(ran.summary)
    assert ran.summary["marked"] == len(account.marked) == 10
    assert ran.summary["confirmed but not marked"] == MAX_QUEUED + 4999


def test_a_target_whose_marks_hang_ends_within_its_grace_period(account: Account) -> None:
    """A second here, and none of it is waited for by the process's end."""
    short = account.folder / "short"
    short.mkdir()
    (short / "sitecustomize.py").write_text(
        "from target_invoices_ack.marking import queue\nqueue.GRACE_PERIOD_S = 1.0\n"
    )
    account.sandbox.fail({"kind": "latency", "on": "mark", "seconds": 300, "times": None})
    words = command(account.folder, account.config(loader=loader(account.folder, PROMPT)))
    target = start(words, env=environment(PYTHONPATH=str(short)))
    assert target.stdin is not None
    target.stdin.write(pages(range(1, 101)))
    target.stdin.flush()
    wait_for(lambda: bool(account.requests))
    target.terminate()

    ran = finish(target)

    assert ran.exit_code == 128 + signal.SIGTERM
    assert not ran.states
    assert ran.summary["confirmed but not marked"] == 100


def test_an_api_that_stays_down_ends_the_run_with_nothing_marked_and_all_accounted_for(
    account: Account,
) -> None:
    account.sandbox.fail({"kind": "status", "on": "mark", "status": 503, "times": None})

    ran = account.run(
        pages([1, 2, 3], [4, 5]),
        loader=loader(account.folder, KEEPER),
        max_parallel_requests=1,
        env=hasty_retries(account.folder),
    )

    assert ran.exit_code == 1
    assert not account.marked
    assert len(account.requests) == 8
    assert not ran.states
    assert ran.summary["confirmed but not marked"] == 5
    assert adds_up(ran.summary)
    assert "503" in ran.errors[-1]
    assert "the next run resumes here" in ran.errors[-1]


def test_a_redirect_is_not_followed_since_it_would_carry_the_token(account: Account) -> None:
    elsewhere = f"{account.sandbox.url}/v10/invoices/export"
    account.sandbox.fail(
        {"kind": "status", "on": "mark", "status": 307, "headers": {"Location": elsewhere}}
    )

    ran = account.run(pages([1]), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert "Redirects are not followed" in ran.errors[-1]
    assert not account.sandbox.log("export")
    assert not ran.states


def test_with_skip_exported_a_listing_tells_what_is_left_alone(account: Account) -> None:
    account.sandbox.mark([2, 3], account.system_id)

    ran = account.run(
        pages([1, 2], [3], [4]), loader=loader(account.folder, PROMPT), skip_exported=True
    )

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2, 3, 4]
    listed = account.sandbox.log("export")
    assert len(listed) == 4  # pages of one listing: every invoice had come before it
    assert ran.summary["exported already"] == 2
    assert adds_up(ran.summary)


def test_with_skip_exported_what_is_booked_during_the_run_is_marked(account: Account) -> None:
    target = account.start(loader=loader(account.folder, PROMPT), skip_exported=True)
    assert target.stdin is not None
    target.stdin.write(pages([1]))
    target.stdin.flush()
    wait_for(lambda: account.marked == [1])
    [new] = account.sandbox.add(1)
    target.stdin.write(pages([new]))
    ran = finish(target)

    assert ran.exit_code == 0
    assert account.marked == [1, new]


def test_after_a_listing_fails_no_state_claims_its_invoices(account: Account) -> None:
    account.sandbox.fail({"kind": "status", "status": 403, "on": "export"})

    ran = account.run(
        pages([1, 2], [3], [4]), loader=loader(account.folder, PROMPT), skip_exported=True
    )

    assert ran.exit_code == 1
    assert not account.marked
    assert not ran.states


def test_a_state_of_another_shape_passes_where_nothing_was_refused(account: Account) -> None:
    taps = pages([1]) + message("STATE", value={"singer_state": {"x": [1.50]}})

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert ran.states[-1] == {"singer_state": {"x": [1.50]}}


@pytest.mark.parametrize("at", [0, 5, 14])
def test_an_invoice_on_which_the_service_fails_does_not_block_the_others(
    account: Account, at: int
) -> None:
    """A 500 for every batch with that invoice; the service itself works."""
    ids = list(range(1, 16))
    bad = ids[at]
    account.sandbox.fail({"kind": "refuse_ids", "ids": [bad], "status": 500, "named": False})

    ran = account.run(
        pages(ids), loader=loader(account.folder, KEEPER), env=hasty_retries(account.folder)
    )

    assert ran.exit_code == 1
    assert sorted(account.marked) == [each for each in ids if each != bad]
    assert f"Rejected, and so unmarked: {bad}." in ran.stderr
    assert adds_up(ran.summary)


def test_a_service_that_fails_on_everything_is_not_asked_for_each_invoice(account: Account) -> None:
    account.sandbox.fail({"kind": "status", "status": 500, "on": "mark", "times": None})

    ran = account.run(
        pages(range(1, 201)),
        loader=loader(account.folder, KEEPER),
        env=hasty_retries(account.folder),
    )

    assert ran.exit_code == 1
    assert "The service has a problem" in ran.errors[-1]
    assert ran.summary["rejected"] == 0
    assert len(account.requests) <= 8 + 2 * 3
