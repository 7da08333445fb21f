"""Plugin definitions for Meltano, from what the programs say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from generate.programs import Program, Setting


def definition(program: Program) -> dict[str, Any]:
    """Return what a definition takes from the program, in Meltano's words."""
    settings = program.settings()
    return {
        "capabilities": sorted(program.about()["capabilities"]),
        "settings_group_validation": [[each.name for each in settings if each.required]],
        "settings": [_setting(each) for each in settings],
    }


def block(program: Program, indent: int = 4) -> str:
    """Write it as the lines of a plugin's block."""
    text = yaml.safe_dump(definition(program), sort_keys=False, allow_unicode=True, width=90)
    return "".join(f"{' ' * indent}{line}\n" for line in text.splitlines())


def _setting(setting: Setting) -> dict[str, Any]:
    told: dict[str, Any] = {"name": setting.name, "label": setting.title, "kind": setting.kind}
    if setting.secret:
        told["sensitive"] = True
    if setting.default is not None:
        told["value"] = setting.default
    if setting.choices:
        told["options"] = [{"label": each, "value": each} for each in setting.choices]
    return told | {"description": " ".join(setting.description.split())}
