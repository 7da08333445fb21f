"""The definitions for Meltano Hub say what the programs say, in the form that the Hub takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generate import files, hub
from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from generate.programs import Program

every_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


@every_program
def test_a_definition_is_up_to_date(program: Program) -> None:
    assert hub.path(program).read_text() == hub.text(program), files.__doc__


def test_each_program_has_one_definition() -> None:
    found = set((CHECKOUT / "hub").rglob("*.yml"))
    assert found == {hub.path(program) for program in PROGRAMS}


@every_program
def test_every_setting_is_defined(program: Program) -> None:
    defined = {each["name"]: each for each in _definition(program)["settings"]}
    told = program.about()["settings"]
    assert set(defined) == set(told["properties"])
    assert {name for name, each in defined.items() if each.get("sensitive")} == {
        name for name, schema in told["properties"].items() if schema.get("secret")
    }
    assert _definition(program)["settings_group_validation"] == [told["required"]]


@every_program
def test_name_command_and_package_are_one(program: Program) -> None:
    definition = _definition(program)
    names = {definition["name"], definition["executable"], definition["pip_url"]}
    assert names == {program.about()["name"]}


@every_program
def test_keys_are_sorted(program: Program) -> None:
    definition = _definition(program)
    for mapping in (definition, *definition["settings"]):
        assert list(mapping) == sorted(mapping)


def _definition(program: Program) -> dict[str, Any]:
    definition: dict[str, Any] = yaml.safe_load(hub.path(program).read_text())
    return definition
