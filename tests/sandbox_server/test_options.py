"""The options of `Behaviour`, as a client meets them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import SINCE, Api

if TYPE_CHECKING:
    from sandbox.client import Sandbox

ALL = list(range(1, 31))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"paging": "ignored"}, ALL),
        ({"paging": "limit ignored"}, ALL[7:]),
        ({"paging": {"capped": 4}}, ALL[7:11]),
        ({"paging": "page only"}, ALL[:10]),
        ({"order": "id_desc"}, ALL[::-1][7:17]),
        ({"empty_page": 0}, []),
        ({"repeats": 2}, [4, *(each for each in (5, 6, 7, 8) for _ in range(2)), 9]),
    ],
    ids=str,
)
def test_paging_and_order(
    sandbox: Sandbox, api: Api, options: dict[str, Any], expected: list[int]
) -> None:
    sandbox.behave(**options)
    assert api.ids(limit=10, page=0, start=7) == expected


@pytest.mark.parametrize("status", [422, 500])
def test_a_limit_can_be_refused(sandbox: Sandbox, api: Api, status: int) -> None:
    sandbox.behave(paging={"refused": status})
    assert api.get(limit=10).status_code == status
    assert api.ids() == ALL


def test_a_server_that_ignores_paging_accepts_any(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(paging="ignored")
    assert api.ids(page=3) == api.ids(start=7) == ALL
    sandbox.behave(paging={"capped": 4})
    assert (api.ids(), api.ids(start=7)) == (ALL[:4], ALL[7:11])


def test_a_random_order_differs_between_requests(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(order="random")
    first, second = api.ids(), api.ids()
    assert first != second
    assert sorted(first) == sorted(second) == ALL
    assert api.ids(**{"sort[0][key]": "id"}) == ALL


def test_sort_and_filters_can_be_ignored(sandbox: Sandbox, api: Api) -> None:
    falling = {"sort[0][key]": "id", "sort[0][direction]": "DESC"}
    names = ("key", "operator", "value")
    values = ("created_at", "lt", "2000-01-01")
    none = {f"filter_groups[0][filters][0][{n}]": v for n, v in zip(names, values, strict=True)}
    assert (api.ids(**falling), api.ids(**none)) == (ALL[::-1], [])
    sandbox.behave(sort="ignored", filters="ignored")
    assert api.ids(**falling) == api.ids(**none) == ALL


def test_a_join_repeats_an_invoice_for_each_line(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(repeats="lines")
    lines = {each["id"]: len(each["lines"]) for each in sandbox.invoices()}
    assert api.ids() == [each for each in ALL for _ in range(lines[each])]


@pytest.mark.parametrize(
    ("display_errors", "status", "kind"),
    [(False, 500, "application/json"), (True, 200, "text/html")],
)
def test_a_large_listing_dies(
    sandbox: Sandbox,
    api: Api,
    display_errors: bool,  # noqa: FBT001
    status: int,
    kind: str,
) -> None:
    sandbox.behave(memory_limit={"invoices": 29, "display_errors": display_errors})
    response = api.get()
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith(kind)
    assert api.ids(limit=29) == ALL[:29]


def test_an_unknown_system_can_be_refused(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(systems=["warehouse"])
    assert list(api.get().json()["errors"]) == ["system_id"]
    assert list(api.mark(1).json()["errors"]) == ["invoices.0.system_id"]
    assert api.ids(system_id="warehouse")


def test_the_server_can_read_times_in_its_own_zone(sandbox: Sandbox, api: Api) -> None:
    since = {SINCE: f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}
    sandbox.mark([1], api.system_id, at=sandbox.state()["now"] - 3600)
    sandbox.mark([2], api.system_id)
    lists = []
    for hours in (0, 1.5, -1.5):
        sandbox.behave(utc_offset_hours=hours)
        lists.append(api.ids(**since))
    assert lists == [ALL[1:], ALL, ALL[2:]]


def test_requests_are_throttled_beyond_a_rate(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(rate_limit={"requests": 2, "seconds": 599.5})
    responses = [api.get(limit=1) for _ in range(3)]
    left = [(each.status_code, each.headers["X-RateLimit-Remaining"]) for each in responses]
    assert left == [(200, "1"), (200, "0"), (429, "0")]
    assert responses[2].json() == {"message": "Too Many Attempts."}
    assert 590 < int(responses[2].headers["Retry-After"]) <= 600


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("laravel", "2024-01-02 08:01:00"),
        ("laravel7", "2024-01-02T08:01:00.000000Z"),
        ("rfc3339", "2024-01-02T08:01:00+00:00"),
    ],
)
def test_times_are_written_in_each_form(
    sandbox: Sandbox, api: Api, times: str, expected: str
) -> None:
    sandbox.behave(times=times)
    assert api.get(limit=1).json()["invoices"][0]["created_at"] == expected


def test_decimals_can_be_text_and_flags_numbers(sandbox: Sandbox, api: Api) -> None:
    plain = api.get(**{"includes[]": "lines"}).json()["invoices"]
    sandbox.behave(numbers="string", flags="integer")
    styled = api.get(**{"includes[]": "lines"}).json()["invoices"]
    for before, after in zip(plain, styled, strict=True):
        assert isinstance(after["total"], str)
        assert Decimal(after["total"]) == Decimal(str(before["total"]))
        assert isinstance(after["lines"][0]["unit_price"], str)
        assert (after["is_booked"], after["paid"]) == (1, int(before["paid"]))
        assert type(after["paid"]) is int


def test_json_can_be_written_as_php_does(sandbox: Sandbox, api: Api) -> None:
    plain = api.get().json()["invoices"]
    sandbox.behave(json="php")
    response = api.get()
    assert response.content.isascii()
    assert b"36\\/38" in api.get(**{"includes[]": "lines"}).content
    assert [each | {"meta": each["meta"] or []} for each in plain] == response.json()["invoices"]
    assert any(each["meta"] == [] for each in response.json()["invoices"])


@pytest.mark.parametrize(
    ("shape", "shaped"),
    [
        ("array", lambda rows: rows),
        ("object", lambda rows: {str(3 * at + 1): row for at, row in enumerate(rows)}),
        ("data", lambda rows: {"data": rows}),
        ("null", lambda _: None),
        ("string", lambda _: "Array"),
    ],
)
def test_lines_and_invoices_have_other_shapes(
    sandbox: Sandbox, api: Api, shape: str, shaped: Any
) -> None:
    lines = {"includes[]": "lines"}
    plain = api.get(**lines).json()["invoices"]
    sandbox.behave(lines=shape)
    other = api.get(**lines).json()["invoices"]
    assert other == [each | {"lines": shaped(each["lines"])} for each in plain]
    sandbox.behave(lines="array", invoices=shape)
    assert api.get(**lines).json() == {"invoices": shaped(plain)}


def test_lines_and_invoices_can_be_missing(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(lines="missing")
    assert all(
        "lines" not in each for each in api.get(**{"includes[]": "lines"}).json()["invoices"]
    )
    sandbox.behave(invoices="missing")
    assert api.get().json() == {}


def test_an_empty_object_of_invoices_is_an_array(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(invoices="object")
    assert api.get(limit=0).json() == {"invoices": []}


def test_a_byte_order_mark_precedes_the_body(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(bom=True)
    for response in (api.get(), api.mark(1), api.get(system_id="")):
        assert response.content.startswith(b"\xef\xbb\xbf{")


def test_marks_can_be_accepted_and_not_kept(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(keep_marks=False)
    assert api.mark(1).json() == {"invoices": [{"id": 1}]}
    assert sandbox.marks(api.system_id) == []
    assert api.ids() == ALL


@pytest.mark.parametrize(("form", "status", "body"), [("empty", 200, ""), ("no_content", 204, "")])
def test_marking_can_return_nothing(
    sandbox: Sandbox, api: Api, form: str, status: int, body: str
) -> None:
    sandbox.behave(mark_response=form)
    response = api.mark(1)
    assert (response.status_code, response.text) == (status, body)
    assert sandbox.marked(api.system_id) == {1}


def test_parallel_marks_can_deadlock(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(deadlocks=0.5)
    with ThreadPoolExecutor(2) as pool:
        statuses = [each.status_code for each in pool.map(api.mark, (1, 2))]
    assert sorted(statuses) == [200, 500]
    assert len(sandbox.marked(api.system_id)) == 1
    assert api.mark(1).ok


def test_a_long_note_can_be_refused(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(note_limit=5)
    assert list(api.mark(1, note="123456").json()["errors"]) == ["invoices.0.note"]
    assert api.mark(1, note="12345").ok


def test_odd_json_is_sent_as_it_is(own_sandbox: Sandbox) -> None:
    api = Api(own_sandbox)
    own_sandbox.change_raw(1, comment=r'"cut \ud83d"', total="1E9999999999999999999")
    own_sandbox.change_raw(2, meta='{"a":' * 500 + "1" + "}" * 500)
    own_sandbox.change_raw(3, text='{"id": 3, "half": ')
    own_sandbox.change(4, id="__absent__", lines=[{"text": "without an id"}])
    one = [api.get(**{"limit": 1, "page": page, "includes[]": "lines"}) for page in range(4)]
    assert r'"comment":"cut \ud83d"' in one[0].text
    assert '"total":1E9999999999999999999,' in one[0].text
    assert one[1].text.count('{"a":') == 500
    assert one[2].text == '{"invoices":[{"id": 3, "half": ]}'
    fourth = json.loads(one[3].text)["invoices"][0]
    assert ("id" in fourth, fourth["lines"]) == (False, [{"text": "without an id"}])
    own_sandbox.change(3, comment="whole again")
    assert api.get(limit=1, page=2).json()["invoices"][0]["comment"] == "whole again"


def test_a_web_server_can_refuse_a_long_url(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(url_limit=200)
    assert api.ids() == ALL
    response = api.get(colour="x" * 200)
    assert (response.status_code, response.headers["Content-Type"][:9]) == (414, "text/html")
