"""What is wrong with the settings is said in a sentence each, without a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigValidationError

from tap_invoices.tap import TapInvoices
from target_invoices_ack.target import TargetInvoicesAck

if TYPE_CHECKING:
    from .conftest import Shared

pytestmark = pytest.mark.usefixtures("_direct")

GOOD = {"access_token": "token-1234", "system_id": "warehouse", "request_timeout": 60}


HOW_TO_SET = "Set it in the file of --config, or as"
NO_HEADER = "it holds a space, a line break or a character that no HTTP header can have."


class Plugin:
    """As much of a plugin as matters: its name, its settings and their schema."""

    def __init__(self, shared: Shared, config: dict[str, Any]) -> None:
        filters = th.PropertiesList(
            th.Property("key", th.StringType(allowed_values=["created_at", "updated_at"])),
            additional_properties=False,
        )
        self.name = "tap-invoices"
        self.config = config
        self.config_jsonschema = th.PropertiesList(
            *shared.api_settings.API_SETTINGS,
            th.Property("page_size", th.IntegerType(minimum=0, maximum=1000)),
            th.Property("dry_run", th.BooleanType),
            th.Property("start_date", th.StringType(pattern=r"^\d{4}-", examples=["2026-01-31"])),
            th.Property("groups", th.ArrayType(filters)),
            th.Property("stream_maps", th.ObjectType()),
            th.Property("nested", th.ObjectType(th.Property("name", th.StringType, required=True))),
        ).to_dict()


def problems(shared: Shared, **settings: Any) -> list[str]:
    """Return what is wrong with good settings that have these in addition."""
    plugin = Plugin(shared, GOOD | settings)
    original = ConfigValidationError("Config validation failed", errors=["as the SDK says it"])
    explained = shared.config_errors.explain(original, plugin)
    return [] if explained is original else list(explained.errors)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"page_size": "many"}, "page_size is 'many': it takes an integer."),
        ({"page_size": 1.5}, "page_size is 1.5: it takes an integer."),
        ({"page_size": -1}, "page_size is -1: the minimum is 0."),
        ({"page_size": 1001}, "page_size is 1001: the maximum is 1000."),
        ({"request_timeout": 0}, "request_timeout is 0: it must be greater than 0."),
        ({"request_timeout": 10**9}, "request_timeout is 1000000000: the maximum is 86400."),
        ({"dry_run": "maybe"}, "dry_run is 'maybe': it takes true or false."),
        ({"api_url": "traede"}, "api_url is 'traede': it must look like https://api.traede.com."),
        ({"start_date": "now"}, "start_date is 'now': it must look like 2026-01-31."),
        ({"system_id": ""}, "system_id is '': it must not be empty."),
        (
            {"system_id": None},
            f"system_id is missing. {HOW_TO_SET} TAP_INVOICES_SYSTEM_ID with --config=ENV.",
        ),
        ({"groups": {}}, "groups is {}: it takes a list."),
        ({"groups": [{"key": "id"}]}, "groups[0].key is 'id': it takes 'created_at' or 'updated"),
        ({"groups": [{"x": 1}]}, "groups[0] is {'x': 1}: it takes 'key' and nothing else."),
        ({"nested": {}}, "nested.name is missing."),
        ({"nested": {"name": None}}, "nested.name is missing."),
        ({"stream_maps": "x" * 1000}, "stream_maps is 'xxxx"),
    ],
    ids=str,
)
def test_a_problem_is_one_sentence(shared: Shared, settings: Any, problem: str) -> None:
    [found] = problems(shared, **settings)
    assert found.startswith(problem)
    assert "\n" not in found
    assert len(found) < 300


@pytest.mark.parametrize("value", [5, "", ["hunter22"], {"token": "hunter22"}, None])
def test_a_secret_is_not_shown(shared: Shared, value: object) -> None:
    [found] = problems(shared, access_token=value)
    assert found.startswith(("access_token cannot be used: it ", "access_token is missing. "))
    assert "hunter22" not in found


@pytest.mark.parametrize(
    "api_url",
    [
        "ftp://user:hunter22@host",
        "http://user:hunter22@ho st",
        "http://user:hunter22@host:abc",
        "http://user:hun/ter22@host",
        "http://user:hunter22@host?x",
        "http://user:hunter 22@host",
        "http://hunter22@host:abc",
        "user:hunter22@host",
    ],
)
def test_a_password_in_a_url_is_not_shown(shared: Shared, api_url: str) -> None:
    errors = problems(shared, api_url=api_url) or list(
        shared.api_settings.api_setting_errors({"api_url": api_url})
    )
    assert errors
    for error in errors:
        assert "hun" not in error
        assert "22" not in error


def test_every_problem_is_named_once(shared: Shared) -> None:
    found = problems(
        shared, page_size="x", dryrun=True, app_key="an other", system_id="wh ", pagesize=5
    )
    assert sorted(each.split()[0] for each in found) == [
        "app_key",
        "dryrun",
        "page_size",
        "pagesize",
        "system_id",
    ]


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("uper(number)", ""),
        ("str(md6(number))", " Did you mean md5?"),
        ("number.upper() + str(md5(number))", None),
        ("datetime.date(2026, 1, 1) if bool(number) else fake.name()", None),
        ("not python (", None),
        (None, None),
    ],
)
def test_a_function_that_stream_maps_do_not_have(
    shared: Shared, expression: str | None, error: str | None
) -> None:
    maps = {"invoices": {"number": expression, "id": "id"}, "invoice_lines": None}
    found = [*shared.config_errors.setting_errors(Plugin(shared, GOOD | {"stream_maps": maps}))]
    name = (expression or "").partition("(")[0].replace("str", "md6")
    text = f"stream_maps.invoices.number calls the function {name}, which stream maps do not have."
    assert found == ([] if error is None else [text + error])


def test_what_no_schema_finds(shared: Shared) -> None:
    """Such settings are errors too; the program looks for them itself."""
    plugin = Plugin(shared, GOOD | {"acces_token": "x", "app_key": "an other"})
    assert list(shared.config_errors.setting_errors(plugin)) == [
        "acces_token is not a setting. Did you mean access_token?",
        f"app_key cannot be used: {NO_HEADER}",
    ]


def test_settings_of_the_other_program_are_ignored(shared: Shared) -> None:
    """Both may share one file."""
    plugin = Plugin(shared, dict.fromkeys(shared.api_settings.SETTINGS))
    assert list(shared.config_errors.setting_errors(plugin)) == []


def test_each_setting_of_either_program_is_one_that_the_other_ignores(shared: Shared) -> None:
    tap = {*TapInvoices.config_jsonschema["properties"]}
    target = {*TargetInvoicesAck.config_jsonschema["properties"]}
    assert tap | target <= shared.api_settings.SETTINGS


def test_an_error_that_the_schema_does_not_find_stays(shared: Shared) -> None:
    assert problems(shared) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    settings=st.dictionaries(
        st.sampled_from(["page_size", "groups", "nested", "stream_maps", "api_url", "system_id"]),
        values,
    )
)
def test_any_value_is_explained(shared: Shared, settings: dict[str, Any]) -> None:
    for problem in problems(shared, **settings):
        assert problem.split()[0].partition("[")[0].partition(".")[0] in settings
        assert problem.endswith(".")
