"""What the documents say of the programs is what the programs say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generate import definitions, files
from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from generate.programs import Program

every_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


@pytest.mark.parametrize("path", files.FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_generated_part_is_up_to_date(path: Path) -> None:
    assert path.read_text() == files.regenerated(path), files.__doc__


def test_every_generated_part_is_used() -> None:
    used = {name for path in files.FILES for name in files.regions(path)}
    assert used == set(files.PARTS)


@every_program
def test_every_setting_has_a_description(program: Program) -> None:
    for setting in program.settings():
        assert setting.description.strip().endswith("."), setting.name


@every_program
def test_meltano_knows_every_setting_and_its_kind(program: Program) -> None:
    plugin = _plugin(program)
    assert {name: plugin[name] for name in ("capabilities", "settings")} == {
        name: definitions.definition(program)[name] for name in ("capabilities", "settings")
    }
    sensitive = {each["name"] for each in plugin["settings"] if each.get("sensitive")}
    assert sensitive == {"access_token", "app_key"}


@every_program
def test_meltano_requires_the_required_settings(program: Program) -> None:
    assert _plugin(program)["settings_group_validation"] == [
        program.about()["settings"]["required"]
    ]


@every_program
def test_secrets_come_from_the_environment(program: Program) -> None:
    project = yaml.safe_load((CHECKOUT / "meltano.yml").read_text())
    for environment in project["environments"]:
        plugins = environment["config"]["plugins"][program.plural]
        config = next(each["config"] for each in plugins if each["name"] == program.name)
        assert all(config[name].startswith("$") for name in ("access_token", "app_key"))


def _plugin(program: Program) -> dict[str, Any]:
    project = yaml.safe_load((CHECKOUT / "meltano.yml").read_text())
    plugins: list[dict[str, Any]] = project["plugins"][program.plural]
    return next(each for each in plugins if each["name"] == program.name)
