"""BATCH messages: the ids are read from their files, before the loader may delete these."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from helpers.singer import message, schema, state, value
from helpers.tap_process import discover, run_tap
from helpers.target_process import KEEPER, loader

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.target_process import Account

DELETING = """
from urllib.request import url2pathname
last = None
for line in sys.stdin:
    message = json.loads(line)
    for url in message.get("manifest", ()):
        os.remove(url2pathname(url.removeprefix("file://")))
    if message["type"] == "STATE":
        last = message["value"]
say(last)
"""
"""A loader that deletes each file when it has taken it in."""

COUNT = 40


def batches(
    folder: Path,
    *files: bytes,
    form: str = "jsonl",
    compression: str = "gzip",
    name: str = "part",
) -> bytes:
    """Write files of a BATCH and return its message."""
    paths = [folder / f"{name}-{number}" for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
    return message(
        "BATCH",
        stream="invoices",
        encoding={"format": form, "compression": compression},
        manifest=[path.as_uri() for path in paths],
    )


def lines(*ids: Any) -> bytes:
    return gzip.compress(b"".join(json.dumps({"id": each}).encode() + b"\n" for each in ids))


def test_what_a_real_tap_sends_in_files_is_marked(account: Account) -> None:
    files = account.folder / "files"
    files.mkdir()
    [last] = account.sandbox.invoices([COUNT])
    bound = {"key": "created_at", "operator": "lte", "value": last["created_at"]}
    config = account.config(
        filter_groups=[{"filters": [bound]}],
        batch_config={
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": files.as_uri()},
        },
    )
    sent = run_tap(account.folder, config, catalog=discover(account.folder, config))
    assert sent.of_type("BATCH")
    assert not sent.records()
    assert any(files.iterdir())

    ran = account.run(sent.output, loader=loader(account.folder, DELETING))

    assert ran.exit_code == 0
    assert sorted(account.marked) == list(range(1, COUNT + 1))
    assert ran.states[-1] == sent.state
    assert not any(files.iterdir())


def test_batches_are_confirmed_and_drafts_in_them_left_as_records_are(account: Account) -> None:
    draft = gzip.compress(b'{"id": 3001, "non_booked": true}\n{"id": 3}\n')
    own = value(1)  # a STATE of tap-invoices, whose lines come in the same page
    own["bookmarks"]["invoices"]["delivered"] = ["", ""]
    taps = schema() + batches(account.folder, lines(1, 2), draft) + message("STATE", value=own)
    taps += batches(account.folder, lines(4), name="more")  # no STATE follows

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2, 3]
    assert ran.states == [own]
    assert ran.summary == {
        "received": 5,
        "marked": 3,
        "not confirmed": 1,
        "rejected": 0,
        "drafts": 1,
    }


def test_files_may_be_plain(account: Account) -> None:
    plain = batches(account.folder, gzip.decompress(lines(1, 2)), compression="none")

    ran = account.run(schema() + plain + state(1), loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2]


UNREADABLE = {
    "a file that is not there": ([], "jsonl"),
    "a file that is no gzip": ([b'{"id": 1}\n'], "jsonl"),
    "a file that was cut": ([lines(*range(1, 2000))[:-100]], "jsonl"),
    "a damaged file": ([lines(1)[:12] + b"\x00\xff\x00" + lines(1)[15:]], "jsonl"),
    "a file that is not valid JSON": ([gzip.compress(b"id,total\n1,2\n")], "jsonl"),
    "a file of lists": ([gzip.compress(b"[1]\n")], "jsonl"),
    "a format that is not known": ([lines(1)], "avro"),
    "a file in parquet that is none": ([lines(1)], "parquet"),
}


@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_a_batch_that_cannot_be_read_is_refused_and_not_passed_on(
    account: Account, unreadable: str
) -> None:
    content, form = UNREADABLE[unreadable]
    batch = batches(account.folder, *content, form=form)
    if not content:
        batch = batch.replace(b'"manifest": []', b'"manifest": ["file:///no/such/file"]')
    taps = schema() + batch + state(1)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert "A BATCH of stream 'invoices' cannot be read" in ran.errors[0]
    assert "Traceback" not in ran.stderr
    assert not account.marked
    assert not (account.folder / "loaded").exists()


def test_an_id_in_a_batch_that_is_not_an_integer_is_rejected_alone(account: Account) -> None:
    taps = schema() + batches(account.folder, lines(1, "Jane Doe")) + state(1)

    ran = account.run(taps, loader=loader(account.folder, KEEPER))

    assert ran.exit_code == 1
    assert "'id' is text, not a 64-bit integer" in ran.errors[0]
    assert account.marked == [1]
    assert not ran.states


def test_reading_back_understands_batches_too(account: Account) -> None:
    taps = schema() + batches(account.folder, lines(1, 2), lines(3)) + state(1)

    ran = account.run(taps, read_back=True)

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2, 3]


def test_reading_back_refuses_a_batch_that_cannot_be_read(account: Account) -> None:
    ran = account.run(schema() + batches(account.folder, b"no gzip") + state(1), read_back=True)

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert "Traceback" not in ran.stderr
    assert not account.marked
    assert not ran.states
