"""The query string, read as Laravel and Bruno read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sandbox.client import Sandbox

    from .conftest import Api

ALL = list(range(1, 31))
NOW_AND_THEN = "2024-01-02 08:{:02}:00"  # invoice N was created at that minute


def condition(operator: str, value: str | None, **more: str) -> dict[str, str]:
    parts = {"key": "created_at", "operator": operator, "value": value, **more}
    return {
        f"filter_groups[0][filters][0][{name}]": text
        for name, text in parts.items()
        if text is not None
    }


@pytest.mark.parametrize(
    "query",
    [
        {"includes": "lines"},
        {"includes[]": "customer"},
        {"page": 0},
        {"page": 0, "start": 0},
        {"start": 0},
        {"start": 10},
        {"limit": -1, "page": 0},
        {"limit": 5, "page": "x"},
        {"sort": "id"},
        {"sort[0][key]": "colour"},
        {"sort[0][direction]": "ASC"},
        {"filter_groups": "x"},
        {"filter_groups[0]": "x"},
        {"filter_groups[0][or]": "true"},
        {"filter_groups[0][filters]": "x"},
        {"filter_groups[0][filters][0]": "x"},
        condition("gte", None),
        condition("gte", ""),
        condition("gte", "soon"),
        condition("gte", "2024-01-01", key="colour"),
        condition("in", "2024-01-01"),
    ],
    ids=str,
)
def test_what_the_query_package_cannot_take_is_a_500(api: Api, query: dict[str, Any]) -> None:
    response = api.get(**query)
    assert (response.status_code, response.json()) == (500, {"message": "Server Error"})


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"system_id": None}, "system_id"),
        ({"system_id": ""}, "system_id"),
        ({"system_id": None, "system_id[]": "erp"}, "system_id"),
        ({"not_exported_since": "soon"}, "not_exported_since"),
        ({"include_non_booked": "true"}, "include_non_booked"),
    ],
    ids=str,
)
def test_what_the_endpoint_validates_is_a_422(api: Api, query: dict[str, Any], field: str) -> None:
    response = api.get(**query)
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": 7, "page": 0}, ALL[:7]),
        ({"limit": 7, "page": 1}, ALL[7:14]),
        ({"limit": 7, "page": 9}, []),
        ({"limit": 7, "page": 1, "start": 3}, ALL[3:10]),
        ({"limit": 7, "start": "abc"}, ALL[:7]),
        ({"limit": 7, "start": -3}, ALL[:7]),
        ({"limit": "7abc"}, ALL[:7]),
        ({"limit": 0}, []),
        ({"limit": "abc"}, []),
        ({"limit": -1}, ALL),
        ({"limit": "", "page": "", "start": ""}, ALL),
        ({"includes[0]": "lines"}, ALL),
        ({"systemid": "erp", "colour[]": "red"}, ALL),
        ({"sort[0][key]": "id", "sort[0][direction]": "DESC"}, ALL[::-1]),
        ({"sort[0][key]": "created_at", "sort[0][direction]": "falling"}, ALL[::-1]),
        ({"sort[0][key]": "id"}, ALL),
    ],
    ids=str,
)
def test_a_query_selects_a_part(api: Api, query: dict[str, Any], expected: list[int]) -> None:
    assert api.ids(**query) == expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("eq", [5]),
        ("gt", ALL[5:]),
        ("gte", ALL[4:]),
        ("lt", ALL[:4]),
        ("lte", ALL[:5]),
        ("like", [5]),
        ("not eq", ALL[:4] + ALL[5:]),
        ("not gt", ALL[:4]),
        ("not gte", ALL[:4]),
        ("not lt", ALL[5:]),
        ("not lte", ALL[5:]),
    ],
)
def test_not_gt_and_not_lt_lose_the_boundary(api: Api, operator: str, expected: list[int]) -> None:
    word = operator.removeprefix("not ")
    negated = {"not": "true"} if word != operator else {}
    assert api.ids(**condition(word, NOW_AND_THEN.format(5), **negated)) == expected


@pytest.mark.parametrize(
    ("text", "negated"),
    [("true", True), ("false", False), ("1", True), ("0", False), ("", False)],
)
def test_not_is_what_php_takes_for_true(api: Api, text: str, negated: bool) -> None:  # noqa: FBT001
    ids = api.ids(**condition("eq", NOW_AND_THEN.format(5), **{"not": text}))
    assert ids == (ALL[:4] + ALL[5:] if negated else [5])


@pytest.mark.parametrize(
    ("text", "expected"), [("true", [1, 30]), ("1", []), ("TRUE", []), ("false", [])]
)
def test_only_the_text_true_joins_by_or(api: Api, text: str, expected: list[int]) -> None:
    filters = {
        f"filter_groups[0][filters][{number}][{name}]": value
        for number, (operator, minute) in enumerate([("lt", 2), ("gt", 29)])
        for name, value in {
            "key": "created_at",
            "operator": operator,
            "value": NOW_AND_THEN.format(minute),
        }.items()
    }
    assert api.ids(**filters, **{"filter_groups[0][or]": text}) == expected


def test_query_variables_beyond_a_thousand_are_dropped(sandbox: Sandbox, api: Api) -> None:
    fill = {f"x[{number}]": "" for number in range(997)}
    lost = {"limit": 5, "page": 1, "start": 2}
    assert api.ids(**fill, limit=5, page=1) == ALL[5:10]
    assert api.ids(**fill, x="", **lost) == ALL[:5]
    sandbox.behave(max_input_vars=5000)
    assert api.ids(**fill, x="", **lost) == ALL[2:7]


def test_postgresql_takes_an_offset_without_a_limit(sandbox: Sandbox, api: Api) -> None:
    sandbox.behave(database="postgresql")
    assert api.ids(start=28) == [29, 30]
    assert api.get(page=1).status_code == 500
