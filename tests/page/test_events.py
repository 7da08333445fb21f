"""What watchers are told."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.faults import BYSTANDER

from .conftest import EXPORT, Run, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.client import Sandbox

FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429},
    {"kind": "cut"},
    {"kind": "close"},
    {"kind": "lost_answer"},
    {"kind": "body", "body": "<html>"},
]
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def test_the_first_event_says_how_things_stand(sandbox: Sandbox, run: Run) -> None:
    run.ask(limit=20)
    run.mark([1, 2])
    with Watcher(sandbox.url) as watcher:
        assert watcher.answer.headers["Content-Type"] == "text/event-stream"
        state = watcher.next()
    assert state["invoices"] == {
        "booked": 30,
        "pending": 10,
        "out": 18,
        "exported": 2,
        "drafts": 2,
        "refused": 0,
    }
    assert state["cells"]["size"] == 1
    assert state["cells"]["exported"] == [1, 1] + [0] * 28
    assert state["cells"]["out"] == [0, 0] + [1] * 18 + [0] * 10


def test_every_change_is_told_and_nothing_else(watcher: Watcher, sandbox: Sandbox) -> None:
    watcher.next()
    sandbox.add(3)
    watcher.until(lambda state: state["invoices"]["booked"] == 33)
    sandbox.book()
    watcher.until(lambda state: state["invoices"]["booked"] == 35)
    sandbox.fail({"kind": "cut", "on": "export", "times": 3})
    watcher.until(lambda state: state["faults"])
    sandbox.heal()
    last = watcher.until(lambda state: not state["faults"])
    assert all(before != after for before, after in pairwise(watcher.seen))
    assert [(line["what"], line["count"]) for line in last["feed"]] == [("booked", 5)]


def test_systems_are_told_apart(sandbox: Sandbox) -> None:
    Run(sandbox, "erp").ask(limit=7)
    Run(sandbox, "erp").mark([1])
    with Watcher(sandbox.url, "erp") as erp, Watcher(sandbox.url) as warehouse:
        first, second = erp.next(), warehouse.next()
    assert first["systems"] == second["systems"] == ["erp", "warehouse"]
    assert [first["invoices"][each] for each in ("out", "exported")] == [6, 1]
    assert [second["invoices"][each] for each in ("out", "exported")] == [0, 0]
    assert second["feed"] == []


def test_requests_that_failed_and_came_again_are_counted(
    sandbox: Sandbox, run: Run, watcher: Watcher
) -> None:
    failed = {}
    for fault in FAULTS:
        sandbox.fail(fault)
        with suppress(*BROKEN):
            run.ask()
        run.ask(limit=5)  # another request is no second try
        run.ask()
        failed[str(fault.get("status", fault["kind"]))] = 1
        times = len(failed)
        counted = {"failed": failed, "retried": times, "recovered": times}
        watcher.until(_recovered(times))
        assert watcher.seen[-1]["requests"] == counted


def _recovered(times: int) -> Callable[[dict[str, Any]], bool]:
    return lambda state: state["requests"]["recovered"] == times


def test_a_request_that_waits_has_not_failed(sandbox: Sandbox, run: Run, watcher: Watcher) -> None:
    sandbox.fail({"kind": "latency", "seconds": 1})
    asking = threading.Thread(target=run.ask)
    asking.start()
    watcher.until(lambda state: state["invoices"]["out"] == 30)
    assert all(state["requests"]["failed"] == {} for state in watcher.seen)
    asking.join()


def test_a_lost_answer_has_marked_and_marking_again_is_seen(sandbox: Sandbox, run: Run) -> None:
    run.ask()
    sandbox.fail({"kind": "lost_answer", "on": "mark"})
    with pytest.raises(BROKEN):
        run.mark([1, 2])
    run.mark([1, 2])
    with Watcher(sandbox.url) as watcher:
        state = watcher.next()
    assert state["invoices"]["exported"] == 2
    assert state["again"] == {"listed": 0, "marked": 2}
    told = {line["what"]: line["count"] for line in state["feed"]}
    assert told == {"lost_answer": 1, "recovered": 1, "marked": 2, "remarked": 2}


def test_a_mark_that_was_lost_is_pending_and_handed_out_again(sandbox: Sandbox, run: Run) -> None:
    run.ask()
    run.mark([1, 2])
    sandbox.unmark([1])
    with Watcher(sandbox.url) as watcher:
        state = watcher.next()
        assert [state["invoices"][each] for each in ("pending", "out", "exported")] == [1, 28, 1]
        run.ask()
        state = watcher.until(lambda state: state["invoices"]["out"] == 29)
    assert state["again"]["listed"] == 29


def test_picked_invoices_are_the_latest_of_their_kind(sandbox: Sandbox, run: Run) -> None:
    run.mark([29, 30])
    url = f"{sandbox.url}/_sandbox/page/pick"
    pending = requests.get(url, params={"count": 3}, timeout=30)
    exported = requests.get(url, params={"count": 3, "exported": 1}, timeout=30)
    assert (pending.json(), exported.json()) == ([28, 27, 26], [30, 29])
    assert requests.get(url, params={"count": "x"}, timeout=30).status_code == 400


def test_a_bystander_is_struck_by_no_fault_and_uses_none_up(sandbox: Sandbox, run: Run) -> None:
    sandbox.fail({"kind": "status", "status": 500})
    looked = requests.get(
        sandbox.url + EXPORT,
        params={"system_id": "warehouse"},
        headers={"Authorization": f"Bearer {sandbox.token}", BYSTANDER: "test"},
        timeout=30,
    )
    assert looked.status_code == 200
    assert [run.ask().status_code for _ in range(2)] == [500, 200]


def test_the_log_says_which_faults_struck(sandbox: Sandbox, run: Run) -> None:
    sandbox.fail({"kind": "latency", "seconds": 0}, {"kind": "status", "status": 500})
    run.ask()
    run.ask()
    assert [each["faults"] for each in sandbox.log("export")] == [["latency", "status"], []]


def test_watchers_are_told_of_the_end(sandbox: Sandbox, watcher: Watcher) -> None:
    watcher.next()
    sandbox.close()
    assert b"event: end\n" in watcher.answer.read()
