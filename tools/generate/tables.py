"""Tables of settings, in Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generate.programs import Program, Setting

_HEAD = "| setting | type | default | meaning |\n| --- | --- | --- | --- |\n"


def own(program: Program) -> str:
    """Write the table of a program's own settings."""
    return _table([setting for setting in program.settings() if setting.own])


def inherited(program: Program) -> str:
    """Write the table of the settings that singer-sdk gives it."""
    return _table([setting for setting in program.settings() if not setting.own])


def _table(settings: list[Setting]) -> str:
    return _HEAD + "".join(f"{_row(setting)}\n" for setting in settings)


def _row(setting: Setting) -> str:
    choices = " or ".join(f"`{choice}`" for choice in setting.choices)
    kind = (choices or setting.type) + (", secret" if setting.secret else "")
    meaning = " ".join(setting.description.split()).replace("|", "\\|")
    return f"| `{setting.name}` | {kind} | {_default(setting)} | {meaning} |"


def _default(setting: Setting) -> str:
    if setting.required:
        return "**required**"
    if setting.default is None:
        return ""
    text = setting.default if isinstance(setting.default, str) else json.dumps(setting.default)
    return f"`{text}`"
