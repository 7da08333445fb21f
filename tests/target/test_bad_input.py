"""Bad input: a clear word without the data, exit code 1, and nothing marked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import adds_up
from helpers.singer import invoice, message, pages, record, schema, state, value
from helpers.target_process import KEEPER, PROMPT, loader

if TYPE_CHECKING:
    from helpers.target_process import Account

GOOD = pages(range(1, 4))
CUSTOMER = "Jane Doe"

BAD = {
    "text": (CUSTOMER.encode() + b" paid\n", "is not a Singer message"),
    "another object": (b'{"hello": "Jane Doe"}\n', "is not a Singer message"),
    "a list": (b'["Jane Doe"]\n', "is not a Singer message"),
    "an unknown type": (message("GREETING", stream="invoices"), "is not a Singer message"),
    "no record": (message("RECORD", stream="invoices"), "is not a Singer message"),
    "no stream": (message("RECORD", record={"id": 9}), "is not a Singer message"),
    "a record that is a list": (
        message("RECORD", stream="invoices", record=[9]),
        "is not a Singer message",
    ),
    "a state without value": (message("STATE"), "is not a Singer message"),
    "a record before its schema": (record(9, stream="orders"), "before its SCHEMA"),
    "Latin-1": (
        record(9, customer=CUSTOMER).replace(b"Jane", "J\u00f8rgen".encode("latin-1")),
        "is not a Singer message",
    ),
    "UTF-16": (record(9).decode().encode("utf-16"), "is not a Singer message"),
    "half a line": (record(9, customer=CUSTOMER)[:-9], "ends in the middle of a message"),
}


@pytest.mark.parametrize("bad", BAD)
def test_nothing_is_marked_from_the_bad_line_on(account: Account, bad: str) -> None:
    """What stands before it is loaded and marked as at any end."""
    content, words = BAD[bad]
    taps = GOOD + content + (b"" if bad == "half a line" else invoice(8) + state(2))

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert words in ran.errors[0]
    assert sorted(account.marked) == [1, 2, 3]
    assert ran.states == [value(1)]
    assert (account.folder / "loaded").read_bytes() == GOOD
    assert CUSTOMER not in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("bad", ["text", "an unknown type", "a record before its schema"])
def test_reading_back_refuses_it_too(account: Account, bad: str) -> None:
    content, words = BAD[bad]

    ran = account.run(GOOD + content + invoice(8) + state(2), read_back=True)

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert words in ran.errors[0]
    assert not account.marked
    assert not ran.states
    assert CUSTOMER not in ran.stderr


UNMARKABLE: dict[str, tuple[Any, str]] = {
    "no id": (None, "null"),
    "text": (CUSTOMER, "text"),
    "a fraction": (9.5, "the number 9.5"),
    "true": (True, "true or false"),
    "beyond 64 bits": (2**63, "a larger number"),
    "far beyond 64 bits": (10**30, "a larger number"),
    "a list": ([9], "a list"),
}


@pytest.mark.parametrize("unmarkable", UNMARKABLE)
@pytest.mark.parametrize("way", ["relay", "read back"])
def test_an_id_that_cannot_be_marked_is_rejected_alone(
    account: Account, unmarkable: str, way: str
) -> None:
    """All others are marked; no STATE that follows it is emitted, as it would claim it."""
    invoice_id, found = UNMARKABLE[unmarkable]
    taps = GOOD + record(invoice_id, customer=CUSTOMER) + state(2) + invoice(8) + state(3)
    settings: dict[str, Any] = {"loader": loader(account.folder, PROMPT)}
    if way == "read back":
        settings = {"read_back": True}

    ran = account.run(taps, **settings)

    assert ran.exit_code == 1
    assert ran.errors == [
        (
            f"An invoice cannot be marked: its 'id' is {found}, not a 64-bit integer. "
            "Check stream and id_property."
        ),
    ]
    assert sorted(account.marked) == [1, 2, 3, 8]
    assert [each for each in ran.states if each != value(1)] == []
    assert ran.summary["rejected"] == 1
    assert adds_up(ran.summary)
    assert CUSTOMER not in ran.stderr


def test_the_line_is_named_by_its_number(account: Account) -> None:
    ran = account.run(schema() + b"\n" + b"no\n", loader=loader(account.folder, KEEPER))

    assert "Line 4 of the input" in ran.errors[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le", "utf-8-sig"])
def test_a_whole_input_in_another_encoding_is_refused(account: Account, encoding: str) -> None:
    taps = GOOD.decode().encode(encoding)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert "Line 1 of the input is not a Singer message" in ran.errors[0]
    assert not account.marked
    assert not (account.folder / "loaded").exists()


HUGE = 100 * 10**6


def test_a_line_of_100_mb_passes(account: Account) -> None:
    taps = schema() + record(1, text="x" * HUGE) + state(1)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert account.marked == [1]
    assert (account.folder / "loaded").stat().st_size == len(taps)


def test_100_mb_without_a_newline_are_refused(account: Account) -> None:
    ran = account.run(GOOD + b"x" * HUGE, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert sorted(account.marked) == [1, 2, 3]
    assert len(ran.stderr) < 10_000
