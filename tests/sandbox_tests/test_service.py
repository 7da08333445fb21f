"""The service as a client meets it: lists, marks, paging, changes while it runs."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.client import Sandbox

from .conftest import Api, entry

if TYPE_CHECKING:
    from collections.abc import Callable

FAR_BACK = "2000-01-01 00:00:00"


def test_it_lists_what_is_booked_and_was_never_marked(sandbox: Sandbox, api: Api) -> None:
    assert api.mark(entry(1), entry(2, note="run 7")).ok
    assert api.ids() == list(range(3, 31))
    assert api.ids(system_id="other") == list(range(1, 31))
    assert api.ids(include_non_booked=1) == list(range(3, 33))
    assert [mark["note"] for mark in sandbox.marks("erp")] == [None, "run 7"]


def test_an_earlier_time_lists_marked_ones_again(sandbox: Sandbox, api: Api) -> None:
    now = float(sandbox.state("erp")["now"])
    sandbox.mark([1], "erp", at=now - 60)
    sandbox.mark([2], "erp", at=now - 20)
    since = parsedate_to_datetime(api.get().headers["Date"])
    for seconds, expected in ((0, 0), (30, 1), (90, 2)):
        moment = since.timestamp() - seconds
        text = type(since).fromtimestamp(moment, since.tzinfo).strftime("%Y-%m-%d %H:%M:%S")
        assert len(api.ids(not_exported_since=text)) == 28 + expected


def test_marking_again_refreshes_the_time(sandbox: Sandbox, api: Api) -> None:
    sandbox.mark([1], "erp", at=1000.0)
    api.mark(entry(1))
    times = [mark["at"] for mark in sandbox.marks("erp")]
    assert len(times) == 2
    assert 1 in api.ids(not_exported_since="2020-01-01 00:00:00")


def test_a_page_is_a_part_of_the_list(api: Api) -> None:
    assert api.ids(limit=7, page=1) == list(range(8, 15))
    assert api.ids(limit=7, page=9, start=3) == list(range(4, 11))
    assert api.ids(start=28) == [29, 30]
    assert api.ids(limit=7, page=9) == []


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ({"paging": "ignored"}, list(range(1, 31))),
        ({"paging": {"capped": 4}}, [8, 9, 10, 11]),
        ({"paging": "page only"}, list(range(1, 11))),
        ({"order": "id_desc"}, list(range(23, 13, -1))),
        ({"empty_page": 0}, []),
    ],
)
def test_it_pages_otherwise_when_told(
    sandbox: Sandbox, api: Api, behaviour: dict[str, Any], expected: list[int]
) -> None:
    sandbox.behave(**behaviour)
    assert api.ids(limit=10, page=0, start=7) == expected


def test_a_list_in_no_order_holds_the_same(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(order="random")
    first, second = api.ids(), api.ids()
    assert first != second
    assert sorted(first) == sorted(second)


def test_lines_come_when_they_are_asked_for(api: Api) -> None:
    with_lines = api.get(**{"includes[]": "lines"}).json()["invoices"][0]
    without = api.get().json()["invoices"][0]
    assert with_lines.pop("lines")
    assert with_lines == without


def test_the_totals_are_those_of_the_lines(sandbox: Sandbox) -> None:
    for invoice in sandbox.invoices():
        net = sum((line["total"] for line in invoice["lines"]), Decimal())
        assert invoice["net_total"] == net
        assert invoice["total"] == net + invoice["tax_total"]


def test_the_same_seed_makes_the_same_invoices_and_each_is_its_own(sandbox: Sandbox) -> None:
    invoices = sandbox.invoices()
    with Sandbox.start(invoices=30, drafts=2) as other:
        assert other.invoices() == invoices
    line_ids = [line["id"] for invoice in invoices for line in invoice["lines"]]
    assert len(set(line_ids)) == len(line_ids)
    assert len({invoice["total"] for invoice in invoices}) == len(invoices)


def test_drafts_are_booked_and_invoices_added_while_it_runs(sandbox: Sandbox, api: Api) -> None:
    assert sandbox.add(2, set={"comment": "new"}) == [33, 34]
    assert sandbox.add(1, booked=False) == [35]
    assert sandbox.book([31]) == [31]
    assert api.ids() == [*range(1, 32), 33, 34]
    by_id = {each["id"]: each for each in sandbox.invoices([31, 33])}
    assert by_id[33]["comment"] == "new"
    assert by_id[31]["is_booked"] is True


def test_a_change_can_be_made_right_after_a_page(sandbox: Sandbox, api: Api) -> None:
    sandbox.during_export(2, {"do": "mark", "ids": [1, 2], "system_id": "erp"})
    assert 1 in api.ids()
    assert 1 in api.ids()
    assert 1 not in api.ids()


def test_the_clock_can_be_an_hour_off(sandbox: Sandbox, api: Api) -> None:
    before = parsedate_to_datetime(api.get().headers["Date"]).timestamp()
    sandbox.clock(-3600)
    after = parsedate_to_datetime(api.get().headers["Date"]).timestamp()
    assert after < before - 3000
    api.mark(entry(1))
    assert float(sandbox.marks("erp")[0]["at"]) < before - 3000


def test_the_log_tells_what_was_asked_and_told(sandbox: Sandbox, api: Api) -> None:
    api.get(limit=5, page=0)
    api.get(system_id=None)
    api.mark(entry(1))
    entries = sandbox.log()
    assert [(each["status"], each["count"]) for each in entries] == [
        (200, 5),
        (422, None),
        (200, 1),
    ]
    assert ["limit", "5"] in entries[0]["query"]
    assert sandbox.log("mark-as-exported") == entries[2:]
    assert sandbox.log(after=entries[1]["seq"]) == entries[2:]
    sandbox.clear_log()
    assert sandbox.log() == []


@pytest.mark.parametrize(
    "told",
    [
        lambda each: each.fail({"kind": "explode"}),
        lambda each: each.fail({"kind": "cut", "on": "nothing"}),
        lambda each: each.fail({"kind": "latency", "minutes": 1}),
        lambda each: each.behave(paging="sometimes"),
        lambda each: each.behave(colour="red"),
        lambda each: each.do("dance"),
    ],
)
def test_what_it_cannot_be_told_is_refused(
    sandbox: Sandbox, told: Callable[[Sandbox], object]
) -> None:
    with pytest.raises(Exception, match="400"):
        told(sandbox)


def test_a_port_that_is_taken_is_told_in_one_line(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    with pytest.raises(RuntimeError) as caught:
        Sandbox.start(port=port)
    assert len(str(caught.value).splitlines()) == 1
    assert str(port) in str(caught.value)


def test_it_starts_with_one_command_that_helps(sandbox: Sandbox) -> None:
    module = sys.modules["sandbox"]
    folder = str(module.__path__[0]).removesuffix("/sandbox")
    told = subprocess.run(
        [sys.executable, "-m", "sandbox", "--help"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--invoices" in told.stdout
    assert sandbox.process.poll() is None
