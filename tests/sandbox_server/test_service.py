"""The service as a client meets it: lists, marks, changes while it runs, its controls."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.client import Sandbox
from sandbox.faults import BYSTANDER

from .conftest import LIST, SINCE, Api

if TYPE_CHECKING:
    from collections.abc import Callable


def test_it_lists_booked_invoices_that_were_never_marked(sandbox: Sandbox, api: Api) -> None:
    assert api.mark(1, 2, note="run 7").ok
    assert api.ids() == list(range(3, 31))
    assert api.ids(system_id="another") == list(range(1, 31))
    assert api.ids(include_non_booked=1) == list(range(3, 33))
    assert [mark["note"] for mark in sandbox.marks(api.system_id)] == ["run 7", "run 7"]


def test_an_earlier_time_lists_marked_ones_again(sandbox: Sandbox, api: Api) -> None:
    now = float(sandbox.state(api.system_id)["now"])
    sandbox.mark([1], api.system_id, at=now - 60)
    sandbox.mark([2], api.system_id, at=now - 20)
    for seconds, expected in ((0, 0), (30, 1), (90, 2)):
        since = datetime.fromtimestamp(now - seconds, UTC)
        for text in (f"{since:%Y-%m-%d %H:%M:%S}", f"{since:%Y-%m-%dT%H:%M:%S.%fZ}"):
            assert len(api.ids(**{SINCE: text})) == 28 + expected


def test_marking_again_refreshes_the_time(sandbox: Sandbox, api: Api) -> None:
    sandbox.mark([1], api.system_id, at=1000.0)
    api.mark(1)
    assert len(sandbox.marks(api.system_id)) == 2
    assert 1 in api.ids(**{SINCE: "2020-01-01 00:00:00"})


def test_lines_are_listed_when_they_are_included(api: Api) -> None:
    with_lines = api.get(**{"includes[]": "lines"}).json()["invoices"][0]
    without = api.get().json()["invoices"][0]
    assert with_lines.pop("lines")
    assert with_lines == without


def test_the_totals_are_those_of_the_lines(sandbox: Sandbox) -> None:
    for invoice in sandbox.invoices():
        net = sum((line["total"] for line in invoice["lines"]), Decimal())
        assert invoice["net_total"] == net
        assert invoice["total"] == net + invoice["tax_total"]


def test_the_same_seed_makes_the_same_invoices_and_each_is_its_own(
    sandbox: Sandbox, own_sandbox: Sandbox
) -> None:
    invoices = sandbox.invoices()
    assert own_sandbox.invoices() == invoices
    line_ids = [line["id"] for invoice in invoices for line in invoice["lines"]]
    assert len(set(line_ids)) == len(line_ids)
    assert len({invoice["total"] for invoice in invoices}) == len(invoices)


def test_drafts_are_booked_and_invoices_added_while_it_runs(own_sandbox: Sandbox) -> None:
    assert own_sandbox.add(2, set={"comment": "new"}) == [33, 34]
    assert own_sandbox.add(1, booked=False) == [35]
    assert own_sandbox.book([31]) == [31]
    assert Api(own_sandbox).ids() == [*range(1, 32), 33, 34]
    by_id = {each["id"]: each for each in own_sandbox.invoices([31, 33])}
    assert by_id[33]["comment"] == "new"
    assert by_id[31]["is_booked"] is True


def test_a_change_can_be_made_right_after_a_page(sandbox: Sandbox, api: Api) -> None:
    sandbox.during_export(2, {"do": "mark", "ids": [1, 2], "system_id": api.system_id})
    assert [1 in api.ids() for _ in range(3)] == [True, True, False]


def test_the_clock_can_be_an_hour_off(own_sandbox: Sandbox) -> None:
    api = Api(own_sandbox)
    before = parsedate_to_datetime(api.get().headers["Date"]).timestamp()
    own_sandbox.clock(-3600)
    after = parsedate_to_datetime(api.get().headers["Date"]).timestamp()
    assert after < before - 3000
    api.mark(1)
    assert float(own_sandbox.marks(api.system_id)[0]["at"]) < before - 3000


def test_the_log_has_every_request(sandbox: Sandbox, api: Api) -> None:
    sandbox.clear_log()
    sandbox.fail({"kind": "latency", "seconds": 0, "on": "mark"})
    api.get(limit=5, page=0)
    api.get(system_id=None)
    api.mark(1)
    entries = sandbox.log()
    assert [(each["status"], each["count"], each["faults"]) for each in entries] == [
        (200, 5, []),
        (422, None, []),
        (200, 1, ["latency"]),
    ]
    assert ["limit", "5"] in entries[0]["query"]
    assert sandbox.log("mark-as-exported") == entries[2:]
    assert sandbox.log(after=entries[1]["seq"]) == entries[2:]
    sandbox.clear_log()
    assert sandbox.log() == []


def test_a_bystander_meets_no_fault_and_uses_none_up(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "status", "status": 500})
    sandbox.behave(rate_limit={"requests": 1, "seconds": 60})
    query = {"system_id": api.system_id}
    headers = {"Authorization": f"Bearer {sandbox.token}", BYSTANDER: "test"}
    for _ in range(2):
        assert requests.get(api.url + LIST, params=query, headers=headers, timeout=30).ok
    assert [api.get().status_code for _ in range(2)] == [500, 429]


def test_a_reset_restores_the_defaults(sandbox: Sandbox, api: Api) -> None:
    sandbox.fail({"kind": "status", "status": 500, "times": None})
    sandbox.behave(invoices="object", order="id_desc")
    sandbox.during_export(1, {"do": "mark", "ids": [1], "system_id": api.system_id})
    sandbox.reset()
    assert [api.ids() for _ in range(2)] == [list(range(1, 31))] * 2


@pytest.mark.parametrize(
    "control",
    [
        lambda each: each.fail({"kind": "explode"}),
        lambda each: each.fail({"kind": "cut", "on": "nothing"}),
        lambda each: each.fail({"kind": "latency", "minutes": 1}),
        lambda each: each.fail({"kind": "latency"}),
        lambda each: each.behave(paging="sometimes"),
        lambda each: each.behave(lines="red"),
        lambda each: each.behave(repeats=0),
        lambda each: each.behave(colour="red"),
        lambda each: each.do("dance"),
    ],
)
def test_an_unknown_control_is_rejected(
    sandbox: Sandbox, control: Callable[[Sandbox], object]
) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        control(sandbox)


def test_a_port_that_is_taken_is_named_in_one_line(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    with pytest.raises(RuntimeError) as caught:
        Sandbox.start(port=port)
    assert len(str(caught.value).splitlines()) == 1
    assert str(port) in str(caught.value)


def test_one_command_starts_it_and_explains_itself() -> None:
    folder = str(sys.modules["sandbox"].__path__[0]).removesuffix("/sandbox")
    command = [sys.executable, "-m", "sandbox", "--help"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "--invoices" in done.stdout
