"""What the target says: how far it is, what became of all, and nothing that is secret."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from helpers.run import adds_up
from helpers.singer import invoice, pages, record, schema, state, value
from helpers.target_process import KEEPER, PROMPT, loader

if TYPE_CHECKING:
    from helpers.target_process import Account

CUSTOMER = "Jane Doe of 17 Rue X"
TOKEN = "sandbox-token"
APP_KEY = "app-key-17"


def test_the_last_line_balances(account: Account) -> None:
    """Marked, refused, drafts, and what the loader did not confirm, add up to what came."""
    account.sandbox.fail({"kind": "refuse_ids", "ids": [2]})
    taps = pages([1, 2, 3]) + invoice(3001, non_booked=True) + state(2) + invoice(4)
    program = PROMPT.replace(
        "    message = ", '    if "STATE" in line: time.sleep(2)\n    message = '
    )

    ran = account.run(taps, loader=loader(account.folder, program))

    assert ran.summary == {
        "received": 5,
        "marked": 2,
        "not confirmed": 1,
        "rejected": 1,
        "drafts": 1,
    }
    assert "1 draft." in ran.stderr
    assert adds_up(ran.summary)
    assert ran.exit_code == 1


def test_an_invoice_that_comes_twice_is_counted_once(account: Account) -> None:
    ran = account.run(pages([1, 2], [1, 3]), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2, 3]
    assert ran.summary["received"] == ran.summary["marked"] == 3


def test_what_is_confirmed_and_could_not_be_marked_is_counted_apart(account: Account) -> None:
    account.sandbox.fail({"kind": "status", "on": "mark", "status": 401, "times": None})

    ran = account.run(pages(range(1, 31)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert ran.summary["confirmed but not marked"] == 30
    assert adds_up(ran.summary)


def test_progress_is_told_while_a_slow_loader_is_waited_for(account: Account) -> None:
    program = PROMPT.replace("for line in", "time.sleep(11)\nfor line in")

    ran = account.run(pages([1, 2], [3]), loader=loader(account.folder, program))

    assert ran.exit_code == 0
    [line] = re.findall(r"\d+ invoices sent to the loader, .*", ran.stderr)
    assert line == "3 invoices sent to the loader, 0 of them confirmed, 0 marked, 3 waiting."


def test_the_sdks_metric_counts_the_marks(account: Account) -> None:
    ran = account.run(pages(range(1, 26)), loader=loader(account.folder, KEEPER))

    metrics = [json.loads(each) for each in re.findall(r"METRIC: (.*)", ran.stderr)]
    marks = [each for each in metrics if each["tags"].get("endpoint") == "mark-as-exported"]
    assert sum(each["value"] for each in marks) == 25
    assert {each["tags"]["stream"] for each in marks} == {"invoices"}


def test_no_secret_and_no_customers_data_is_printed_even_when_debugging(account: Account) -> None:
    """Not in what is asked, in what the service says, nor in what cannot be read."""
    debug = {"TARGET_INVOICES_ACK_LOGLEVEL": "DEBUG", "LOGLEVEL": "DEBUG"}
    echo = {"message": f"Bearer {TOKEN} with {APP_KEY} is not known.", "data": CUSTOMER}
    good = schema() + invoice(1, customer=CUSTOMER) + state(1)
    bad = record(CUSTOMER, customer=CUSTOMER)
    with_loader = {"loader": loader(account.folder, KEEPER), "app_key": APP_KEY}

    account.sandbox.fail({"kind": "status", "on": "mark", "status": 500, "body": echo})
    runs = [account.run(good + bad, env=debug, **with_loader)]
    runs += [account.run(good + bad, env=debug, app_key=APP_KEY, read_back=True)]
    account.sandbox.fail({"kind": "status", "on": "mark", "status": 401, "body": echo})
    runs += [account.run(good, env=debug, **with_loader)]
    account.sandbox.fail({"kind": "close", "on": "mark"})
    runs += [account.run(good, env=debug, **with_loader)]

    assert [each.exit_code for each in runs] == [1, 1, 1, 0]
    for ran in runs:
        printed = ran.stderr + ran.stdout
        assert "DEBUG" in printed
        for secret in (TOKEN, APP_KEY, CUSTOMER, "Jane"):
            assert secret not in printed
    assert "*** with ***" in runs[0].stderr


def test_the_loaders_own_words_pass_through(account: Account) -> None:
    words = 'print("loading 17 rows", file=sys.stderr)\n'

    ran = account.run(pages([1]), loader=loader(account.folder, words + KEEPER))

    assert "\nloading 17 rows\n" in ran.stderr
    assert ran.states == [value(1)]
