"""What a user, a server or a machine can cause ends in a sentence, never in a traceback."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helpers.run import TARGET, TIMEOUT_S, CompletedRun, finish, run, start
from helpers.singer import invoice, message, pages, record, schema, state, value
from helpers.target_process import KEEPER, PROMPT, command, loader, wait_for

if TYPE_CHECKING:
    from helpers.target_process import Account


def in_shell(
    account: Account, redirection: str, taps: bytes = b"", **settings: Any
) -> CompletedRun:
    """Run the target with standard streams as a shell sets them up."""
    words = shlex.join(command(account.folder, account.config(**settings)))
    return run(["bash", "-c", f"{words} {redirection}"], stdin=taps)


def ways(account: Account) -> dict[str, dict[str, Any]]:
    return {"relay": {"loader": loader(account.folder, KEEPER)}, "read back": {"read_back": True}}


@pytest.mark.parametrize("way", ["relay", "read back"])
def test_a_closed_stdin_is_named(account: Account, way: str) -> None:
    ran = in_shell(account, "<&-", **ways(account)[way])

    assert ran.exit_code == 1
    assert ran.errors == ["stdin is closed. Pipe the output of a tap into the target."]


@pytest.mark.parametrize("option", ["--version", "--help", "--about"])
@pytest.mark.parametrize("redirection", ["<&-", "2>&-"])
def test_a_closed_stream_does_not_hinder_what_needs_none(option: str, redirection: str) -> None:
    ran = run(["bash", "-c", f"{shlex.quote(TARGET)} {option} {redirection}"])

    assert ran.exit_code == 0
    assert ran.stdout


@pytest.mark.parametrize("way", ["relay", "read back"])
@pytest.mark.parametrize(
    ("redirection", "code"),
    [("> /dev/full", 1), (">&-", 1), ("| true; exit ${PIPESTATUS[0]}", 141)],
)
def test_a_stdout_that_cannot_be_written_fails_the_run(
    account: Account, way: str, redirection: str, code: int
) -> None:
    ran = in_shell(account, redirection, pages([1, 2]), **ways(account)[way])

    assert ran.exit_code == code
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr
    assert ran.errors or code == 128 + signal.SIGPIPE


@pytest.mark.parametrize("way", ["relay", "read back"])
def test_more_than_1024_open_files_are_no_hindrance(account: Account, way: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        pytest.skip("this machine does not allow as many")
    opening = "import os, sys; fds = [os.dup(0) for _ in range(1100)]; "
    opening += "[os.set_inheritable(fd, True) for fd in fds]; os.execv(sys.argv[1], sys.argv[1:])"
    words = command(account.folder, account.config(**ways(account)[way]))

    def allow_many() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2000, hard))

    process = start([sys.executable, "-c", opening, *words], close_fds=False, preexec_fn=allow_many)
    assert process.stdin is not None
    process.stdin.write(pages([1, 2]))
    # The inherited copies of stdin keep its other end from being the last one: the end still comes.
    ran = finish(process)

    assert ran.exit_code == 0, ran.stderr
    assert sorted(account.marked) == [1, 2]


def test_a_machine_without_room_for_threads_is_named(account: Account) -> None:
    no_threads = account.folder / "no threads"
    no_threads.mkdir()
    (no_threads / "sitecustomize.py").write_text(
        "import threading\n"
        'def start(self): raise RuntimeError("can\'t start new thread")\n'
        "threading.Thread.start = start\n"
    )
    env = {"PYTHONPATH": str(no_threads)}

    for settings in ways(account).values():
        ran = account.run(pages([1]), env=env, **settings)
        assert ran.exit_code == 1
        assert len(ran.errors) == 1
        assert "thread" in ran.errors[0]
        assert "Traceback" not in ran.stderr
        assert not ran.states


HUGE_NUMBER = b"1" * 5000


@pytest.mark.parametrize("way", ["relay", "read back"])
def test_a_state_may_hold_a_number_of_5000_digits(account: Account, way: str) -> None:
    last = b'{"type": "STATE", "value": {"bookmarks": {"invoices": ' + HUGE_NUMBER + b"}}}\n"
    settings: dict[str, Any] = {"loader": loader(account.folder, "sys.stdin.read()")}

    ran = account.run(pages([1]) + last, **(settings if way == "relay" else {"read_back": True}))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1]
    assert HUGE_NUMBER in ran.output


ODD_STATES = [
    b'{"bookmarks": null}',
    b'{"bookmarks": {"invoices": null}}',
    b'{"bookmarks": {"invoices": {"delivered": ["x", "1-300"]}}}',
    b'{"bookmarks": {"invoices": {"delivered": [1, 2]}}}',
    b"null",
    b"17",
    b'"text"',
    b"[]",
    b'{"cut": "\\ud83d"}',
    b"[" * 500 + b"]" * 500,
    b"[" * 2000 + b"]" * 2000,
    b'{"a": 1E400, "b": 1E9999999999999999999}',
]


@pytest.mark.parametrize("odd", ODD_STATES, ids=range(len(ODD_STATES)))
@pytest.mark.parametrize("way", ["relay", "read back"])
def test_odd_states_cause_no_traceback(account: Account, odd: bytes, way: str) -> None:
    taps = pages([1]) + b'{"type": "STATE", "value": ' + odd + b"}\n"
    account.sandbox.fail({"kind": "refuse_ids", "ids": [1]})

    ran = account.run(taps, **ways(account)[way])

    assert "Traceback" not in ran.stderr
    assert "bug" not in ran.stderr
    assert len(ran.stderr.splitlines()) < 25
    assert ran.summary["received"] == 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_run_names_the_signal(account: Account, signum: signal.Signals) -> None:
    target = account.start(loader=loader(account.folder, PROMPT))
    assert target.stdin is not None
    target.stdin.write(pages([1]))
    target.stdin.flush()
    wait_for(lambda: bool(account.marked))
    target.send_signal(signum)
    target.wait(TIMEOUT_S)

    ran = finish(target)
    assert ran.exit_code == 128 + signum
    assert f"{signum.name}: ending after what has come in." in ran.stderr
    assert ran.summary["marked"] == 1


def test_a_full_disk_under_the_log_is_no_failure(account: Account) -> None:
    ran = in_shell(account, "2> /dev/full", pages([1]), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert account.marked == [1]


def test_an_exit_code_is_not_lost_where_children_are_reaped_by_the_system(
    account: Account,
) -> None:
    """A parent that ignores SIGCHLD hands that on; Python then takes any exit code for 0."""

    def ignore_children() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    words = command(
        account.folder,
        account.config(loader=loader(account.folder, "sys.stdin.read()\nsys.exit(3)")),
    )
    process = start(words, preexec_fn=ignore_children)
    assert process.stdin is not None
    process.stdin.write(pages([1]))
    ran = finish(process)

    assert ran.exit_code == 3
    assert not account.marked


def test_an_id_property_may_have_the_name_of_another_column(account: Account) -> None:
    rows = schema() + message("RECORD", stream="invoices", record={"id": 9, "invoice_id": 1})
    rows += record(7, stream="invoice_lines", invoice_id=1) + state(1)
    relay: dict[str, Any] = {"loader": loader(account.folder, KEEPER)}

    ran = account.run(rows, id_property="invoice_id", **relay)
    assert ran.exit_code == 0
    assert account.marked == [1]

    ran = account.run(rows, id_property="non_booked", **relay)
    assert ran.errors == ["Setting: id_property cannot be 'non_booked', which never holds ids."]


@pytest.mark.parametrize("maps", ["x", {"invoices": 17}, {"invoices": {"id": "("}}], ids=str)
def test_stream_maps_that_do_not_fit_are_named(account: Account, maps: Any) -> None:
    ran = account.run(schema() + record(1), read_back=True, stream_maps=maps)

    assert ran.exit_code == 1
    assert "stream_maps" in ran.errors[0]
    assert "bug" not in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not account.requests


DRAFT_COLUMNS = ["non_booked", "NON_BOOKED", "Non_Booked"]
DRAFT_SETTINGS: list[dict[str, Any]] = [
    {},
    {"stream_maps": {"invoices": {"new": "1"}}},
    {"stream_maps": {"invoices": {"ID": "ID", "__else__": None}}},
    {"stream_maps": {"invoices": {"ID": "ID", "non_booked": "False", "__else__": None}}},
]


@pytest.mark.parametrize("name", DRAFT_COLUMNS)
def test_a_draft_is_never_relayed_as_booked_whatever_the_case_of_its_flag(
    account: Account, name: str
) -> None:
    properties = {"id": {"type": ["integer"]}, name: {"type": ["boolean", "null"]}}
    taps = message(
        "SCHEMA", stream="invoices", schema={"properties": properties}, key_properties=[]
    )
    for row in ({"id": 1, name: False}, {"id": 2, name: True}, {"id": 3, name: None}):
        taps += message("RECORD", stream="invoices", record=row)

    ran = account.run(taps + state(1), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 3]


@pytest.mark.parametrize("name", DRAFT_COLUMNS)
@pytest.mark.parametrize("settings", DRAFT_SETTINGS, ids=str)
def test_a_draft_is_never_marked_whatever_the_case_of_its_columns(
    account: Account, name: str, settings: dict[str, Any]
) -> None:
    rows = [{"ID": 1, name: False}, {"ID": 2, name: True}, {"ID": 3, name: "t"}, {"ID": 4}]
    properties = {"ID": {"type": ["integer"]}, name: {"type": ["boolean", "string", "null"]}}
    shape = {"type": "object", "properties": properties}
    taps = message("SCHEMA", stream="invoices", schema=shape, key_properties=[])
    taps += b"".join(message("RECORD", stream="invoices", record=row) for row in rows)

    ran = account.run(taps, read_back=True, skip_exported=False, **settings)

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 4]
    assert ran.summary["drafts"] == 2


def test_reading_back_marks_nothing_before_its_input_has_ended(account: Account) -> None:
    """A STATE of tap-invoices may come last."""
    target = account.start(read_back=True)
    assert target.stdin is not None
    target.stdin.write(pages(range(1, 100)))
    target.stdin.flush()
    own = value(1)
    own["bookmarks"]["invoices"]["delivered"] = ["", "1..99"]
    target.stdin.write(message("STATE", value=own))

    ran = finish(target)

    assert ran.exit_code == 1
    assert not account.requests
    assert ran.summary == {
        "received": 99,
        "marked": 0,
        "not confirmed": 99,
        "rejected": 0,
        "drafts": 0,
        "exported already": 0,
    }


def test_reading_back_a_stream_that_does_not_come_fails(account: Account) -> None:
    taps = schema("public-invoices") + record(1, stream="public-invoices")

    ran = account.run(taps, read_back=True)

    assert ran.exit_code == 1
    assert "there is no stream 'invoices', only 'public-invoices'" in ran.errors[0]


def test_pending_and_reconcile_lists_are_read_in_pages_without_lines(account: Account) -> None:
    ids = range(1, 2501)
    taps = schema("invoices") + b"".join(record(each) for each in ids)

    ran = account.run(taps, read_back=True, dry_run=True, reconcile_since="2000-01-01")

    assert ran.exit_code == 0, ran.stderr
    listed = account.sandbox.log("export")
    queries = [dict(each["query"]) for each in listed]
    assert {each["limit"] for each in queries} == {"1000"}
    assert not [each for each in queries if "includes[]" in each]
    assert len(listed) <= 2 * 5


def test_the_environment_is_not_changed_for_tests() -> None:
    assert "INVOICES_ACK_IS_RELAYING" not in os.environ


def test_an_account_that_rejects_every_mark_ends_the_run_soon(account: Account) -> None:
    account.sandbox.fail({"kind": "refuse_ids", "ids": "all"})

    ran = account.run(pages(range(1, 1001)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert len(account.requests) < 50
    assert len([each for each in ran.errors if "rejects every invoice" in each]) == 1
    assert len(ran.errors) == 2
    assert not ran.states
    assert ran.summary["rejected"] + ran.summary["confirmed but not marked"] == 1000


def test_a_note_that_is_too_long_ends_the_run_soon(account: Account) -> None:
    account.sandbox.behave(note_limit=5)
    try:
        ran = account.run(
            pages(range(1, 1001)), loader=loader(account.folder, KEEPER), note="much too long"
        )
    finally:
        account.sandbox.behave(note_limit=None)

    assert ran.exit_code == 1
    assert len(account.requests) < 50
    assert "note" in ran.errors[-1]
    assert not account.marked


@pytest.mark.parametrize("status", [402, 405, 407, 410, 413, 415])
def test_a_rejection_of_the_whole_request_ends_the_run_at_once(
    account: Account, status: int
) -> None:
    account.sandbox.fail({"kind": "status", "status": status, "on": "mark", "times": None})

    ran = account.run(pages(range(1, 1001)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert len(account.requests) == 1
    assert len(ran.errors) == 1
    assert str(status) in ran.errors[0]


def test_a_missing_route_ends_the_run_at_once(account: Account) -> None:
    account.sandbox.fail({"kind": "missing_route", "on": "mark", "times": None})

    ran = account.run(pages(range(1, 1001)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert len(account.requests) == 1
    assert "Check api_url" in ran.errors[-1]


def test_of_many_rejected_invoices_the_first_are_named_in_a_line_and_all_in_ranges(
    account: Account,
) -> None:
    bad = list(range(11, 131))
    account.sandbox.fail({"kind": "refuse_ids", "ids": bad})

    ran = account.run(pages(range(1, 201)), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert ran.stderr.count("is rejected and stays unmarked") == 50
    assert "Rejected, and so unmarked: 11..130." in ran.errors
    assert ran.summary["rejected"] == 120
    assert ran.summary["marked"] == 80


def test_invoices_behind_a_state_of_the_tap_wait_for_their_lines(account: Account) -> None:
    """A tap that sends stream by stream, and dies before the lines."""
    taps = schema() + b"".join(invoice(each, lines=0) for each in range(1, 31))
    states = [{"bookmarks": {"invoices": {"at": number}}} for number in (1, 2)]
    taps += b"".join(message("STATE", value=each) for each in states)

    ran = account.run(taps, loader=loader(account.folder, PROMPT))

    assert ran.exit_code == 1
    assert not account.marked
    assert not ran.states
    assert "Invoices that are held back: 30." in ran.errors[0]
