"""Settings, catalogs and states that nobody would write end in a sentence, not in a traceback."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError

from helpers.tap_records import CONFIG, catalog, discovered, listed, written
from tap_invoices._shared.errors import PluginError
from tap_invoices.records import writer_for
from tap_invoices.tap import TapInvoices

if TYPE_CHECKING:
    from collections.abc import Iterator

INVOICE = """{"id": 1, "total": 1.10, "at": "2026-11-23 10:00:00", "tags": ["a"],
 "customer": {"name": "Jane Roe", "address": {"city": "Oslo"}}, "lines": [{"id": 11}]}"""
SECRET = "s3cr3t-t0k3n"

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.sampled_from(["object", "invoices", "__else__", "id", "2026-01-01", "*"]),
)
NAMES = st.sampled_from(
    ["type", "properties", "items", "anyOf", "selected", "inclusion", "breadcrumb", "x", ""]
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
PROFILE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True, scope="module")
def _no_api() -> Iterator[None]:
    """A tap without a usable catalog discovers: let it find no invoices, rather than no API."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tap_invoices.discovery.read_sample", lambda *_, **__: [])
        yield


def mutated(draw: st.DrawFn, document: Any) -> Any:
    """Replace or remove a part of a document."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        node = found
        while isinstance(node, dict | list) and node:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = draw(st.sampled_from(keys))
            if not isinstance(node[key], dict | list) or draw(st.integers(0, 3)) == 0:
                break
            node = node[key]
        if not (isinstance(node, dict | list) and node):
            continue
        if draw(st.booleans()):
            node[key] = draw(JSON)
        else:
            del node[key]
    return found


@st.composite
def catalogs(draw: st.DrawFn) -> Any:
    return mutated(draw, catalog(discovered([INVOICE])))


@st.composite
def states(draw: st.DrawFn) -> Any:
    t = "2026-11-23T10:00:00Z"
    invoices = {"replication_key_value": t, "sequence": 3, "delivered": [t, "1..5"]}
    invoices |= {"replay": ["", ""], "system_id": "warehouse", "has_lines": True}
    return mutated(draw, {"bookmarks": {"invoices": invoices, "invoice_lines": {"sequence": 3}}})


@st.composite
def configs(draw: st.DrawFn) -> Any:
    filters = [{"key": "created_at", "operator": "gt", "value": "2026-01-01", "not": True}]
    config = CONFIG | {
        "access_token": SECRET,
        "app_key": SECRET,
        "start_date": "2026-01-01",
        "include_non_booked": True,
        "filter_groups": [{"or": True, "filters": filters}],
        "page_size": 5,
        "request_timeout": 2.5,
        "stream_maps": {"invoices": {"x": "id", "non_booked": "non_booked"}},
        "flattening_enabled": True,
        "flattening_max_depth": 2,
        "batch_config": {"encoding": {"format": "jsonl"}, "storage": {"root": "file:///tmp"}},
    }
    return mutated(draw, config)


def sentences(config: Any, of: Any, state: Any) -> list[str]:
    """Start a tap and write an invoice; returns what it says of problems."""
    try:
        tap = TapInvoices(config=config, catalog=of, state=state)
        streams: list[Any] = [tap.streams["invoices"], tap.streams["invoice_lines"]]
        both = [stream.output() if stream.is_emitted else None for stream in streams]
        written(writer_for(both[0], both[1]), listed(INVOICE))
    except PluginError as error:
        return [str(error)]
    except ConfigValidationError as error:
        return list(error.errors)
    return []


def assert_short(found: list[str]) -> None:
    for sentence in found:
        assert "\n" not in sentence
        assert len(sentence) < 1000
        assert SECRET not in sentence


@PROFILE
@given(of=catalogs())
def test_any_catalog(of: Any) -> None:
    assert_short(sentences(CONFIG, of if isinstance(of, dict) else {"streams": of}, {}))


@PROFILE
@given(state=states())
@example(state={"bookmarks": None})
def test_any_state(state: Any) -> None:
    of = catalog(discovered([INVOICE]))
    assert_short(sentences(CONFIG, of, state if isinstance(state, dict) else {"bookmarks": state}))


@PROFILE
@given(config=configs())
def test_any_settings(config: Any) -> None:
    assert_short(sentences(config, catalog(discovered([INVOICE])), {}))


@pytest.mark.parametrize("depth", [200, 400])
def test_a_catalog_that_is_nested_too_deeply(depth: int) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for _ in range(depth):
        schema = {"type": ["object", "null"], "properties": {"a": schema}}
    of = catalog(discovered([INVOICE]))
    of["streams"][0]["schema"]["properties"]["deep"] = schema
    assert_short(sentences(CONFIG, json.loads(json.dumps(of)), {}))
