"""The definitions for Meltano Hub say what the programs say, in the form that the Hub takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from meltano.core.setting_definition import SettingDefinition, SettingKind

from generate import files, hub
from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT
from helpers.howto_pages import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

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


VALUES: dict[SettingKind, str] = {SettingKind.ARRAY: "[1]", SettingKind.OBJECT: '{"a": 1}'}


def test_meltano_can_pass_on_what_it_reads_as_a_setting_of_each_kind() -> None:
    """Meltano 4.4 turns a variable of the kind `decimal` into what its JSON cannot hold."""
    kinds = {each.kind for each in _settings() if each.kind not in (None, SettingKind.OPTIONS)}
    assert SettingKind.INTEGER in kinds
    for kind in kinds:
        assert kind is not None
        cast = SettingDefinition(name="x", kind=kind).cast_value(VALUES.get(kind, "1"))
        assert json.loads(json.dumps(cast)) == cast, kind


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


def _settings() -> Iterator[SettingDefinition]:
    """Parse the settings of the Hub's definitions and of the projects that the pages show."""
    definitions = [_definition(program) for program in PROGRAMS]
    blocks = [block for page in pages() for block in page.blocks if block.language == "yaml"]
    for content in (CHECKOUT / "meltano.yml").read_text(), *(block.text for block in blocks):
        plugins = (yaml.safe_load(content) or {}).get("plugins") or {}
        definitions += [plugin for kind in plugins.values() for plugin in kind]
    for definition in definitions:
        yield from map(SettingDefinition.parse, definition.get("settings", ()))
