"""What is sent for `filter_groups` selects exactly what the setting means."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .conftest import Shared

    Invoice = Mapping[str, datetime]

COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
BRUNO_NEGATED = {
    "eq": operator.ne,
    "gt": operator.lt,  # not a negation: the boundary is in neither half
    "gte": operator.lt,
    "lt": operator.gt,  # the same
    "lte": operator.gt,
}
FIRST = datetime(2026, 11, 23, 10, tzinfo=UTC)

times = st.integers(0, 5).map(lambda second: FIRST + timedelta(seconds=second))
filters = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["created_at", "updated_at"]),
        "operator": st.sampled_from(sorted(COMPARISONS)),
        "value": times.map(lambda time: time.isoformat()),
    },
    optional={"not": st.booleans() | st.none()},
)
groups = st.fixed_dictionaries(
    {"filters": st.lists(filters, min_size=1, max_size=3)},
    optional={"or": st.booleans() | st.none()},
)
invoices = st.fixed_dictionaries({"created_at": times, "updated_at": times})


def means(groups: Iterable[Any], invoice: Invoice) -> bool:
    """Whether the setting selects an invoice, by the words of its description."""

    def selects(each: Mapping[str, Any]) -> bool:
        compare = COMPARISONS[each["operator"]]
        found = compare(invoice[each["key"]], datetime.fromisoformat(each["value"]))
        return found != bool(each.get("not"))

    joined = [(any if group.get("or") else all)(map(selects, group["filters"])) for group in groups]
    return all(joined)


PARAMETER = re.compile(r"filter_groups\[(\d+)\](?:\[filters\]\[(\d+)\])?\[(\w+)\]")


def bruno_selects(query: Iterable[tuple[str, str]], invoice: Invoice) -> bool:
    """Whether the service's query parser selects an invoice (`export-api.md`, section 2).

    Only what means the same in every version of Bruno is understood: `or` and `not` are
    `true` or absent.
    """
    parsed: dict[int, dict[Any, Any]] = {}
    for name, value in query:
        match = PARAMETER.fullmatch(name)
        assert match, name
        group = parsed.setdefault(int(match[1]), {})
        if match[2] is None:
            assert (match[3], value) == ("or", "true")
            group["or"] = True
        else:
            group.setdefault(int(match[2]), {})[match[3]] = value
    assert sorted(parsed) == list(range(len(parsed)))
    return all(_group_selects(group, invoice) for group in parsed.values())


def _group_selects(group: dict[Any, Any], invoice: Invoice) -> bool:
    join = any if group.pop("or", False) else all
    assert group, "a group without filters is a 500"
    return join(_filter_selects(each, invoice) for each in group.values())


def _filter_selects(each: dict[str, str], invoice: Invoice) -> bool:
    assert each.get("not") in (None, "true")
    compare = (BRUNO_NEGATED if "not" in each else COMPARISONS)[each["operator"]]
    value = datetime.fromisoformat(each["value"]).replace(tzinfo=UTC)
    return bool(compare(invoice[each["key"]], value))


@settings(max_examples=300)
@given(groups=st.lists(groups, max_size=3), invoices=st.lists(invoices, min_size=1, max_size=6))
def test_what_is_sent_selects_what_is_meant(
    shared: Shared, groups: list[Any], invoices: list[Invoice]
) -> None:
    query = list(shared.filters.filters_to_query(groups))
    for invoice in invoices:
        assert bruno_selects(query, invoice) == means(groups, invoice)


@pytest.mark.parametrize(("name", "sent"), [("gt", "lte"), ("lt", "gte")])
def test_a_negation_keeps_its_boundary(shared: Shared, name: str, sent: str) -> None:
    each = {"key": "created_at", "operator": name, "value": FIRST.isoformat(), "not": True}
    query = dict(shared.filters.filters_to_query([{"filters": [each]}]))
    assert query["filter_groups[0][filters][0][operator]"] == sent
    assert bruno_selects(query.items(), {"created_at": FIRST})


def test_a_time_is_sent_in_utc(shared: Shared) -> None:
    each = {"key": "created_at", "operator": "eq", "value": "2026-11-23T10:00:00+02:00"}
    query = dict(shared.filters.filters_to_query([{"filters": [each]}]))
    assert query["filter_groups[0][filters][0][value]"] == "2026-11-23 08:00:00"


@given(groups=st.lists(groups, max_size=3))
def test_filters_that_can_be_sent_are_right(shared: Shared, groups: list[Any]) -> None:
    assert list(shared.filters.filter_errors(groups)) == []


def test_filters_that_cannot_be_sent_are_named(shared: Shared) -> None:
    good = {"key": "created_at", "operator": "eq", "value": "2026-11-23"}
    bad = good | {"value": "2026-02-30"}
    assert list(shared.filters.filter_errors([{"filters": [good]}, {"filters": []}])) == [
        "filter_groups[1].filters is empty; the API answers 500 to that"
    ]
    assert list(shared.filters.filter_errors([{"filters": [good, bad]}])) == [
        "filter_groups[0].filters[1].value is '2026-02-30', which is not a valid time"
    ]


@pytest.mark.parametrize(("count", "is_sent"), [(300, True), (301, False)])
def test_more_filters_than_php_reads_are_not_sent(
    shared: Shared, count: int, *, is_sent: bool
) -> None:
    """PHP drops what is beyond 1,000 parameters without an error: fewer invoices would come."""
    each = {"key": "created_at", "operator": "eq", "value": "2026-11-23"}
    errors = list(shared.filters.filter_errors([{"filters": [each] * count}]))
    assert (not errors) == is_sent
    assert all(f"takes {3 * count} query parameters" in error for error in errors)


def test_several_problems_are_named_together(shared: Shared) -> None:
    bad = {"key": "created_at", "operator": "eq", "value": "yesterday"}
    errors = list(shared.filters.filter_errors([{"filters": [bad, bad]}, {"filters": []}]))
    assert len(errors) == 3
