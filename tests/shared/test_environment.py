"""Settings from the environment are read strictly; variables without effect are named."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import singer_sdk
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.exceptions import ConfigValidationError

from helpers.run import environment, run

if TYPE_CHECKING:
    from .conftest import Shared

PREFIX = "PLUGIN_"
SCHEMA = {
    "properties": {
        "name": {"type": ["string", "null"]},
        "access_token": {"type": ["string"], "secret": True},
        "count": {"type": ["integer", "null"]},
        "seconds": {"type": ["number", "null"]},
        "dry_run": {"type": ["boolean", "null"]},
        "groups": {"type": ["array", "null"]},
        "maps": {"type": ["object", "null"]},
        "any_text": {},
    }
}


RUNS = {"tap-invoices": ["--discover"], "target-invoices-ack": []}


def test_a_dot_env_file_changes_nothing(shared: Shared, tmp_path: Path) -> None:
    """Neither in the working directory nor above the SDK's code, where the SDK looks for one."""
    prefix = shared.PLUGIN_NAME.upper().replace("-", "_")
    working = tmp_path / "site" / "working"
    working.mkdir(parents=True)
    for folder in (tmp_path, working):
        (folder / ".env").write_text(f"{prefix}_SYSTEM_ID=other\n{prefix}_REQUEST_TIMEOUT=none\n")
    (tmp_path / "site" / "singer_sdk").symlink_to(Path(singer_sdk.__file__).parent)
    variables = {f"{prefix}_SYSTEM_ID": "mine", f"{prefix}_READ_BACK": "true"}
    if not RUNS[shared.PLUGIN_NAME]:
        variables[f"{prefix}_ACCESS_TOKEN"] = "token"
    words = [str(Path(sys.executable).with_name(shared.PLUGIN_NAME)), "--config", "ENV"]
    env = environment(PYTHONPATH=str(tmp_path / "site"), **variables)
    done = run([*words, *RUNS[shared.PLUGIN_NAME]], cwd=working, env=env)
    assert done.exit_code == 0, done.stderr
    assert "request_timeout" not in done.stderr


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def read(shared: Shared, **variables: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name, text in variables.items():
            patch.setenv(PREFIX + name.upper(), text)
        found: dict[str, Any] = shared.environment.read_environment(SCHEMA, PREFIX)
        return found


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "warehouse", "warehouse"),
        ("name", " warehouse ", "warehouse"),
        ("name", "true", "true"),
        ("any_text", "5", "5"),
        ("count", "250", 250),
        ("count", "-1", -1),
        ("count", "1" + "0" * 400, 10**400),
        ("seconds", "60", 60.0),
        ("seconds", "2.5", 2.5),
        ("seconds", "1e2", 100.0),
        ("dry_run", "true", True),
        ("dry_run", "TRUE", True),
        ("dry_run", "1", True),
        ("dry_run", "on", True),
        ("dry_run", "no", False),
        ("dry_run", "0", False),
        ("dry_run", "off", False),
        ("groups", '[{"filters": []}]', [{"filters": []}]),
        ("maps", '{"invoices": null}', {"invoices": None}),
    ],
)
def test_a_value(shared: Shared, name: str, text: str, value: object) -> None:
    found = read(shared, **{name: text})
    assert found == {name: value}
    assert type(found[name]) is type(value)


@pytest.mark.parametrize("name", SCHEMA["properties"])
@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_variable_is_not_set(shared: Shared, name: str, text: str) -> None:
    """So schedulers pass on what is not there."""
    assert read(shared, **{name: text}) == {}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("dry_run", "maybe", "true or false"),
        ("dry_run", "t", "true or false"),
        ("dry_run", "2", "true or false"),
        ("count", "abc", "an integer"),
        ("count", "60.0", "an integer"),
        ("count", "1_000", "an integer"),
        ("count", "٣", "an integer"),
        ("count", "9" * 5000, "an integer"),
        ("seconds", "1,5", "a number"),
        ("seconds", "nan", "a number"),
        ("seconds", "inf", "a number"),
        ("seconds", "1e999", "a number"),
        ("groups", "created_at", "a JSON list"),
        ("groups", "{}", "a JSON list"),
        ("groups", "[" * 100_000, "a JSON list"),
        ("groups", "[" + "9" * 5000 + "]", "a JSON list"),
        ("groups", "[NaN]", "a JSON list"),
        ("maps", "[]", "a JSON object"),
        ("maps", '{"a"', "a JSON object"),
    ],
    ids=lambda value: value[:20],
)
def test_a_value_of_another_type_is_an_error(
    shared: Shared, name: str, text: str, expected: str
) -> None:
    with pytest.raises(ConfigValidationError) as raised:
        read(shared, **{name: text})
    [error] = raised.value.errors
    assert error.startswith(f"PLUGIN_{name.upper()} is ")
    assert error.endswith(f" and not {expected}")
    assert len(error) < 300


def test_every_error_is_named_and_no_secret(shared: Shared) -> None:
    schema = {"properties": {"access_token": {"type": "integer", "secret": True}}}
    schema["properties"] |= {"count": {"type": "integer"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLUGIN_ACCESS_TOKEN", "hunter22")
        patch.setenv("PLUGIN_COUNT", "many")
        with pytest.raises(ConfigValidationError) as raised:
            shared.environment.read_environment(schema, PREFIX)
    assert raised.value.errors == [
        "PLUGIN_ACCESS_TOKEN is not an integer",
        "PLUGIN_COUNT is 'many' and not an integer",
    ]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(name=st.sampled_from(sorted(SCHEMA["properties"])), text=texts)
def test_any_text_is_read_or_refused(shared: Shared, name: str, text: str) -> None:
    with suppress(ConfigValidationError):
        assert json.dumps(read(shared, **{name: text}), allow_nan=False)


def warnings(
    shared: Shared, config: dict[str, Any], *, is_read: bool, **variables: str
) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, text in variables.items():
            patch.setenv(PREFIX + name, text)
        return list(
            shared.environment.environment_warnings(SCHEMA, config, PREFIX, is_read=is_read)
        )


def test_an_unknown_variable_is_named_with_the_nearest(shared: Shared) -> None:
    no_setting = "not a setting and has no effect."
    assert warnings(shared, {}, is_read=True, DRYRUN="true") == [
        f"The variable PLUGIN_DRYRUN is {no_setting} Did you mean PLUGIN_DRY_RUN?"
    ]
    assert warnings(shared, {}, is_read=True, XYZ="1") == [
        f"The variable PLUGIN_XYZ is {no_setting}"
    ]


def test_other_programs_variables_are_left_alone(shared: Shared) -> None:
    """Meltano sets some of its own, and the SDK reads one."""
    extras = {"_SELECT": "[]", "_LOAD_SCHEMA": "x", "LOGLEVEL": "DEBUG", "DRYRUN": " "}
    assert warnings(shared, {}, is_read=True, **extras) == []


def test_a_variable_that_is_not_read_is_named(shared: Shared) -> None:
    """Unless it says what the file says: Meltano passes settings on in both."""
    same = {"COUNT": "250", "DRY_RUN": "true", "GROUPS": "[1]", "SECONDS": "60"}
    config = {"count": 250, "dry_run": True, "groups": [1], "seconds": 60}
    assert warnings(shared, config, is_read=False, **same) == []
    assert warnings(shared, config, is_read=True, COUNT="5") == []
    assert warnings(shared, config, is_read=False, COUNT="5", DRY_RUN="maybe") == [
        f"The variable PLUGIN_{name} has no effect: settings come from the file of --config. "
        "Add --config=ENV to read variables."
        for name in ("COUNT", "DRY_RUN")
    ]


def test_no_warning_shows_a_secret(shared: Shared) -> None:
    [warning] = warnings(shared, {}, is_read=False, ACCESS_TOKEN="hunter22")
    assert "hunter22" not in warning


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dryrun", " Did you mean dry_run?"),
        ("pagesize", ""),
        ("acces_token", " Did you mean access_token?"),
    ],
)
def test_the_nearest_name(shared: Shared, name: str, expected: str) -> None:
    assert shared.environment.nearest(name, SCHEMA["properties"]) == expected
