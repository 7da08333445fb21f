"""The relay: the loader gets what the tap sent, and the target keeps little of it."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from helpers.run import TIMEOUT_S, adds_up, finish
from helpers.singer import invoice, line, message, pages, record, schema, state, value
from helpers.target_process import KEEPER, PROMPT, loader, wait_for
from target_invoices_ack.client import AckClient
from target_invoices_ack.input.reader import _read
from target_invoices_ack.marking.acknowledger import Acknowledger
from target_invoices_ack.marking.run_counts import RunCounts
from target_invoices_ack.relay.relay import Relay
from target_invoices_ack.settings import Settings
from target_invoices_ack.shutdown import StopEvent
from target_invoices_ack.target import TargetInvoicesAck

if TYPE_CHECKING:
    from helpers.target_process import Account
    from target_invoices_ack.input.messages import InvoiceKeys, Message

UNUSUAL = rb"""  {"type": "SCHEMA", "stream": "invoices", "schema": {}, "key_properties": []}  \r

{"record":{"id":1,"t":1.10,"big":1e400,"text":"\u00e6 \ud83d"},"type":"RECORD","stream":"invoices"}
{"type": "RECORD", "stream": "invoices", "record": {"id": 2, "id": 2.0}, "more": [1, {"a": null}]}
 \t
{"type":"ACTIVATE_VERSION","stream":"invoices","version":17}
{"value":{"bookmarks":{"invoices":{"at": 1.0 , "x":"\u20ac"}}},"type":"STATE"}
{"type":"STATE","value":{"bookmarks":{"invoices":{"at":2}}}}""".replace(rb"\r", b"\r").replace(
    rb"\t", b"\t"
)


def test_the_loader_receives_byte_for_byte_what_the_tap_sent(account: Account) -> None:
    """Spaces, order, digits, escapes, empty lines and a missing last newline included."""
    ran = account.run(UNUSUAL, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert (account.folder / "loaded").read_bytes() == UNUSUAL
    assert sorted(account.marked) == [1, 2]
    assert ran.states == [{"bookmarks": {"invoices": {"at": 2}}}]


def test_a_confirmed_invoice_is_marked_while_the_tap_goes_on(account: Account) -> None:
    target = account.start(loader=loader(account.folder, PROMPT))
    assert target.stdin is not None
    assert target.stdout is not None
    target.stdin.write(pages(range(1, 8)))
    target.stdin.flush()

    assert json.loads(target.stdout.readline()) == value(1)  # printed once they are marked
    assert sorted(account.marked) == list(range(1, 8))

    target.stdin.write(invoice(8) + state(2))
    ran = finish(target)
    assert ran.exit_code == 0
    assert ran.states == [value(2)]
    assert sorted(account.marked) == list(range(1, 9))


def test_after_exit_0_the_last_state_of_the_tap_is_printed_though_the_loader_lags(
    account: Account,
) -> None:
    lagging = f"sys.stdin.read()\nsay({value(2, lines=1)!r})"

    ran = account.run(pages([1], [2], [3]), loader=loader(account.folder, lagging))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2, 3]
    assert ran.states[-1] == value(3)


def test_after_exit_0_it_is_printed_though_the_loader_prints_none(account: Account) -> None:
    ran = account.run(pages([1], [2]), loader=loader(account.folder, "sys.stdin.read()"))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2]
    assert ran.states == [value(2)]


def test_with_confirm_exit_only_the_exit_counts(account: Account) -> None:
    hasty = PROMPT + "sys.exit(6)"

    failed = account.run(pages([1]), loader=loader(account.folder, hasty), confirm="exit")
    assert failed.exit_code == 6
    assert not account.marked
    assert not failed.states

    good = account.run(pages([1]), loader=loader(account.folder, PROMPT), confirm="exit")
    assert good.exit_code == 0
    assert account.marked == [1]
    assert good.states == [value(1)]


def test_what_no_state_of_the_tap_follows_is_never_marked(account: Account) -> None:
    """The tap may have died in the middle of an invoice's lines."""
    taps = pages(range(1, 4)) + invoice(4, lines=1)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2, 3]
    assert ran.states == [value(1)]
    assert "Invoices that no STATE of the tap follows: 1." in ran.stderr
    assert ran.summary["not confirmed"] == 1
    assert adds_up(ran.summary)


def test_an_invoice_whose_lines_come_in_a_later_state_waits_for_the_end(account: Account) -> None:
    taps = schema() + state(0) + invoice(1, lines=0) + state(1, lines=0)
    taps += line(1000, 1) + state(1, lines=1) + invoice(2) + state(2)

    failed = account.run(taps, loader=loader(account.folder, PROMPT + "sys.exit(2)"))
    assert failed.exit_code == 2
    assert not account.marked

    good = account.run(taps, loader=loader(account.folder, PROMPT))
    assert good.exit_code == 0
    assert account.marked == [1, 2]


def test_other_streams_records_pass_and_are_not_marked(account: Account) -> None:
    taps = schema("orders", "invoices", "invoice_lines")
    taps += record(7, stream="orders") + record("no number", stream="orders") + invoice(1)
    taps += message("STATE", value=value(1)) + record(8, stream="orders") + state(2)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert account.marked == [1]
    assert (account.folder / "loaded").read_bytes() == taps


def test_stream_and_id_property_say_where_the_invoices_are(account: Account) -> None:
    taps = schema("erp-faktura") + message(
        "RECORD", stream="erp-faktura", record={"id": 5, "invoice_id": 6}
    )
    taps += message("STATE", value={"bookmarks": {"erp-faktura": 1}})

    ran = account.run(
        taps,
        loader=loader(account.folder, KEEPER),
        stream="erp-faktura",
        id_property="invoice_id",
    )

    assert ran.exit_code == 0
    assert account.marked == [6]


def test_records_of_other_streams_alone_fail_the_run(account: Account) -> None:
    """The setting `stream` is wrong, and no STATE may claim what was not marked."""
    ran = account.run(pages([1]), loader=loader(account.folder, PROMPT), stream="invoice")

    assert ran.exit_code == 1
    assert ran.errors == [
        (
            "No invoice came: there is no stream 'invoice', only 'invoice_lines', 'invoices'. "
            "Check the setting stream."
        ),
    ]
    assert not ran.states


def test_a_run_without_a_new_invoice_of_several_streams_succeeds(account: Account) -> None:
    taps = schema("invoices", "orders") + record(7, stream="orders") + state(1)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert ran.states == [value(1)]


@pytest.mark.parametrize("taps", [b"", schema(), schema() + state(1) + state(2)])
def test_without_anything_to_load_no_loader_starts(account: Account, taps: bytes) -> None:
    ran = account.run(taps, loader=loader(account.folder, '(HERE / "started").touch()'))

    assert ran.exit_code == 0
    assert not (account.folder / "started").exists()
    assert ran.states == ([value(2)] if b"STATE" in taps else [])
    assert ran.summary["received"] == 0
    assert not account.requests


def test_the_loaders_command_may_hold_quotes_spaces_and_arguments(account: Account) -> None:
    program = '(HERE / "words").write_text(json.dumps(sys.argv[1:]))\n' + KEEPER
    words = loader(account.folder, program) + " --a 'b c' \"d'e\" f\\ g ''"

    ran = account.run(pages([1]), loader=words)

    assert ran.exit_code == 0
    assert json.loads((account.folder / "words").read_text()) == ["--a", "b c", "d'e", "f g", ""]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_loader_drain_and_marks_what_it_confirmed(
    account: Account, signum: signal.Signals
) -> None:
    """The loader's input ends as at any end; it is not signalled while it drains."""
    taps = pages(range(1, 11))
    loaded = account.folder / "loaded"
    target = account.start(loader=loader(account.folder, KEEPER))
    assert target.stdin is not None
    target.stdin.write(taps + invoice(99)[:40])
    target.stdin.flush()
    wait_for(lambda: loaded.exists() and loaded.read_bytes() == taps)

    target.send_signal(signum)
    target.wait(TIMEOUT_S)  # its input is still open
    ran = finish(target)

    assert ran.exit_code == 128 + signum
    assert sorted(account.marked) == list(range(1, 11))
    assert ran.states == [value(1)]
    assert loaded.read_bytes() == taps


def test_where_nobody_reads_the_states_the_run_fails_and_says_so(account: Account) -> None:
    with account.start(loader=loader(account.folder, KEEPER)) as target:
        assert target.stdin is not None
        assert target.stdout is not None
        assert target.stderr is not None
        target.stdout.close()
        target.stdin.write(pages(range(1, 4)))
        target.stdin.close()
        stderr = target.stderr.read().decode()

    assert target.returncode == 128 + signal.SIGPIPE
    assert "No STATE can be emitted any more" in stderr
    assert "Exception ignored" not in stderr


MIB = 1 << 20
SENT = 100 * MIB

THROTTLED = f"""
count = 0
while chunk := sys.stdin.buffer.raw.read({MIB}):
    count += len(chunk)
    (HERE / "new").write_text(str(count))
    (HERE / "new").replace(HERE / "taken")
    time.sleep(len(chunk) / {12 * MIB})
"""


def test_a_slow_loader_slows_the_tap_and_memory_stays_flat(account: Account) -> None:
    """Measured over 100 MiB, of which a target that kept its input would need as much."""
    (account.folder / "taken").write_text("0")
    target = account.start(loader=loader(account.folder, THROTTLED))
    assert target.stdin is not None
    memory = psutil.Process(target.pid).memory_info
    page = b"".join(invoice(each, text="x" * 500) for each in range(1, 501))
    target.stdin.write(schema())
    sent = number = early = most = ahead = 0
    while sent < SENT:
        number += 1
        sent += target.stdin.write(page + state(number))
        taken = int((account.folder / "taken").read_text())
        ahead = max(ahead, sent - taken)
        most = max(most, memory().rss)
        if not early and sent > 5 * MIB:
            early = most
    ran = finish(target)

    assert ran.exit_code == 0
    assert ran.states == [value(number)]
    assert ahead < 4 * MIB
    assert most - early < 10 * MIB


def test_after_a_bug_only_what_the_loader_received_counts(account: Account) -> None:
    config = TargetInvoicesAck(config=account.config(loader=loader(account.folder, KEEPER))).config
    settings = Settings.from_config(config)
    stop = StopEvent()
    client = AckClient(settings.api, user_agent="test")
    acknowledger = Acknowledger(settings, client, RunCounts(), stop)
    relay = Relay(settings, stop, acknowledger, read_batch=_fail)
    reader, writer = os.pipe()
    with open(reader, "rb") as stdin, open(writer, "wb", buffering=0) as tap:  # noqa: PTH123
        thread = threading.Thread(target=relay.process_lines, args=(stdin, None))
        thread.start()
        tap.write(pages([1]))
        wait_for((account.folder / "loaded").exists)
        batch = {"encoding": {"format": "jsonl"}, "manifest": ["file:///none"]}
        tap.write(invoice(2) + state(2) + message("BATCH", stream="invoices", **batch))
        thread.join(TIMEOUT_S)
        tap.close()
        assert relay.finish() == 1

    received = (account.folder / "loaded").read_bytes()
    assert sorted(account.marked) == [1, 2]
    assert received == pages([1]) + invoice(2) + state(2)


def _fail(_: Message) -> list[InvoiceKeys]:
    raise RuntimeError("a bug")


def test_input_that_is_not_there_yet_is_not_the_end() -> None:
    """Another process may have taken from a shared pipe what was announced."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    assert _read(reader) is None
    os.close(writer)
    assert _read(reader) == b""
    os.close(reader)
